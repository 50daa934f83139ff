/**
 * Shows what happens, as it happens: a page in the browser with servers, charts, log lines and alerts, and the same over HTTP
 * and a WebSocket for scripts. All that it knows, it knows from events.
 *
 * any event → whoever looks. Ten minutes are remembered, in memory only; a viewer that is too slow loses events, counted.
 */
import { ConfigError, defineSink, duration, kindNames, z } from 'sluice';
import { tokensIn } from './door/tokens.ts';
import { parseListen } from './listen.ts';
import type { LiveServer } from './server.ts';

const config = z.strictObject({
  /** Address and port of the page; port 0 is any free one. Beyond loopback it needs `tls` or `behind`, and tokens. */
  listen: z.string().default('127.0.0.1:7400'),
  /** Files with its certificate and key, in PEM; read anew when they change. */
  tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
  /** With `tls`: the names by which it may be asked for. Default: those of the certificate. */
  names: z.array(z.string().min(1)).min(1).optional(),
  /** The origin as which a proxy that has TLS shows it: the only Host and Origin that are welcome. */
  behind: z.string().optional(),
  /** The folder of the tokens that let people look. */
  tokens: z.string().min(1).optional(),
  /** How long events are remembered. */
  memory: z.string().default('10m'),
  /** How many MiB of them at most; what is remembered of series may take twice as much beside it. */
  megabytes: z.number().positive().max(4096).default(64),
  /** How many may look at once. */
  viewers: z.int().positive().max(1000).default(256),
});

export default defineSink({
  name: 'live',
  doc: 'Shows servers, charts, log lines and alerts in the browser as they happen, and serves them to scripts.',
  config,
  reads: 'recent',
  in: kindNames.map((kind) => ({ kind })),
  configure: ({ live, state }) => ({ ...live, names: live.names && [...live.names], tokens: tokensIn(state) }),
  create({ memory, megabytes, viewers, ...written }) {
    const address = parseListen(written);
    const remembered = duration(memory);
    if (!remembered) throw new ConfigError(`live: memory "${memory}" is no duration; write 10m`);
    let server: LiveServer | undefined;
    return {
      async start(services) {
        const { openLive } = await import('./server.ts');
        server = await openLive(address, { seconds: remembered / 1000, bytes: megabytes * 1_048_576, viewers }, services);
      },
      write: (events) => server?.write(events),
      async stop() {
        await server?.close();
        server = undefined;
      },
    };
  },
});
