/**
 * Shows what happens, as it happens: a page in the browser with servers, charts, log lines and alerts, and the same over HTTP
 * and a WebSocket for scripts. All that it knows, it knows from events.
 *
 * any event → whoever looks. Ten minutes are remembered, in memory only; a viewer that is too slow loses events, counted.
 */
import { ConfigError, defineSink, duration, kindNames, z } from 'sluice';
import { parseListen } from './listen.ts';
import type { LiveServer } from './server.ts';

const config = z.strictObject({
  /** Address and port of the page. Loopback only; port 0 is any free one. */
  listen: z.string().default('127.0.0.1:7400'),
  /** How long events are remembered. */
  memory: z.string().default('10m'),
  /** How many MiB of them at most. */
  megabytes: z.number().positive().max(4096).default(64),
  /** How many may look at once. */
  viewers: z.int().positive().max(1000).default(32),
});

export default defineSink({
  name: 'live',
  doc: 'Shows servers, charts, log lines and alerts in the browser as they happen, and serves them to scripts.',
  config,
  reads: 'recent',
  in: kindNames.map((kind) => ({ kind })),
  configure: (settings) => settings.live,
  create({ listen, memory, megabytes, viewers }) {
    const address = parseListen(listen);
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
