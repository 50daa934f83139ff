/**
 * A sluice that runs: what it shows is asked of its page's server; what it is told goes through the socket in its state directory,
 * or where it is another machine's, through its page too. Everything that it answers is checked like any stranger's word.
 */
import { on, once } from 'node:events';
import { z } from 'zod';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { messageOf, SluiceError } from '../errors.ts';
import { type Event, fromWire } from '../event.ts';
import { remoteHistory } from '../history/remote.ts';
import type { Kind } from '../kinds.ts';
import { nodeState, processState, serverState } from '../states.ts';
import { sendControl } from './control-client.ts';
import { explained, type Reach } from './reach.ts';
import type { Remote, Taken } from './remote.ts';
import { storedBefore } from './remote-past.ts';

const keyed = { key: z.string() };
const answers = {
  server: z.array(serverState.extend(keyed)),
  node: z.array(nodeState.extend(keyed)),
  process: z.array(processState.extend(keyed)),
} as const;
const paths = { server: 'servers', node: 'nodes', process: 'processes' } as const;

const frame = z.object({
  snapshot: z.array(z.unknown()).optional(),
  events: z.array(z.unknown()).optional(),
  dropped: z.number().optional(),
  omitted: z.number().optional(),
  skipped: z.number().optional(),
  error: z.string().optional(),
});

export function liveRemote(config: Config, { base, ask: exchange, socket: way, elsewhere }: Reach): Remote {
  const absent = (thrown: unknown): SluiceError => {
    const cause = explained(thrown, base);
    if (cause instanceof SluiceError) return cause;
    const advice = elsewhere
      ? 'look whether sluice runs there, and whether the way to it is open'
      : 'start it with "sluice run" (npm start in a checkout), or name its port with --port';
    return new SluiceError(`nothing answers at ${base}; ${advice}`, { cause });
  };

  async function ask(path: string): Promise<unknown> {
    const response = await exchange(path, { signal: AbortSignal.timeout(10_000) }).catch((thrown: unknown) => {
      throw absent(thrown);
    });
    const body = await response.text();
    if (response.status === 401) throw new SluiceError(unknown(base));
    if (!response.ok) throw new SluiceError(`${base}${path} answered ${response.status}: ${body.trim().slice(0, 300)}`);
    try {
      return JSON.parse(body);
    } catch (cause) {
      throw new SluiceError(`${base} is no sluice: it answered ${path} without JSON; name sluice's own port with --port`, { cause });
    }
  }

  /** As an operator of that part of the tree: this machine's own socket is not there. */
  async function emitThere(draft: Parameters<Remote['emit']>[0]): Promise<string> {
    const response = await exchange('/api/emit', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(draft),
      signal: AbortSignal.timeout(10_000),
    }).catch((thrown: unknown) => {
      throw absent(thrown);
    });
    const body = await response.text();
    if (!response.ok) throw new SluiceError(response.status === 401 ? unknown(base) : body.trim().slice(0, 300));
    return z.object({ id: z.string() }).parse(JSON.parse(body)).id;
  }

  return {
    name: base,
    async states(of) {
      const checked = answers[of].safeParse(await ask(`/api/${paths[of]}`));
      if (!checked.success) throw new SluiceError(`${base} speaks another version of sluice; use the command of that version`);
      return checked.data as never;
    },
    async *tap({ since, ...topic }, signal): AsyncIterable<Taken> {
      const { WebSocket } = await import('ws');
      const socket = new WebSocket(way.url, { ...way.options, handshakeTimeout: 10_000, perMessageDeflate: false });
      try {
        await once(socket, 'open', { signal }).catch((thrown: unknown) => {
          if (signal.aborted) throw thrown;
          throw /\b401\b/.test(messageOf(thrown)) ? new SluiceError(unknown(base)) : absent(thrown);
        });
        socket.send(JSON.stringify({ subscribe: { ...topic, since: since ?? '0s' } }));
        // A command that is slow to print stops reading, and the server drops and counts for it.
        const frames = on(socket, 'message', { signal, close: ['close'], highWaterMark: 64, lowWaterMark: 8 });
        let isFirst = true;
        for await (const [data] of frames) {
          const taken = takenFrom(String(data), topic.kind, since !== undefined);
          if (isFirst && since !== undefined && topic.kind !== 'state')
            yield* storedBefore(remoteHistory({ base, ask: exchange }), { ...topic, since }, taken.events, signal);
          isFirst = false;
          yield taken;
        }
        throw new SluiceError(`${base} ended the connection; start it again with "sluice run"`);
      } catch (thrown) {
        if (!signal.aborted) throw thrown;
      } finally {
        socket.on('error', () => {});
        socket.terminate();
      }
    },
    emit: (draft) => (elsewhere ? emitThere(draft) : sendControl(config.state, { emit: draft })),
    queues: async () => [],
    close: async () => {},
  };
}

/** The past is only wanted when it was asked for; the present of `state` always. */
function takenFrom(text: string, kind: Kind, past: boolean): Taken {
  const { snapshot = [], events = [], dropped = 0, omitted = 0, skipped = 0, error } = frame.parse(JSON.parse(text));
  if (error !== undefined) throw new SluiceError(error);
  const before = readWires(past || kind === 'state' ? snapshot : [], kind);
  const since = readWires(events, kind);
  return {
    events: [...before.events, ...since.events],
    past: before.events.length,
    refused: [...before.refused, ...since.refused],
    dropped: dropped + (past ? omitted : 0),
    skipped,
  };
}

/** Wire events that can be trusted to be events. */
function readWires(wires: readonly unknown[], kind: Kind): { events: Event[]; refused: string[] } {
  const events: Event[] = [];
  const refused: string[] = [];
  for (const wire of wires) {
    try {
      events.push(fromWire(wire, { kind, at: systemClock.now() }));
    } catch (thrown) {
      refused.push(messageOf(thrown));
    }
  }
  return { events, refused };
}

/** The server says how to make a token; where it is shown here, it does not know. */
export const unknown = (base: string): string =>
  `${base} wants a token that is good: put it into SLUICE_TOKEN, or into a file for --token-file; on its hub: sluice token new --look viewer`;
