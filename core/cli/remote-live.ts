/**
 * A sluice that runs on this machine: what it shows is asked of its page's server, what it is told goes through the socket
 * in its state directory. Everything that it answers is checked like any stranger's word.
 */
import { on, once } from 'node:events';
import { z } from 'zod';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { messageOf, SluiceError } from '../errors.ts';
import { type Event, fromWire } from '../event.ts';
import type { Kind } from '../kinds.ts';
import { nodeState, processState, serverState } from '../states.ts';
import { sendControl } from './control-client.ts';
import type { Remote, Taken } from './remote.ts';

const answers = { server: z.array(serverState), node: z.array(nodeState), process: z.array(processState) } as const;
const paths = { server: 'servers', node: 'nodes', process: 'processes' } as const;

const frame = z.object({
  snapshot: z.array(z.unknown()).optional(),
  events: z.array(z.unknown()).optional(),
  dropped: z.number().optional(),
  omitted: z.number().optional(),
  error: z.string().optional(),
});

export function liveRemote(config: Config): Remote {
  const address = reachable(config.settings.live.listen);
  const base = `http://${address}`;
  const absent = (cause: unknown) =>
    new SluiceError(`nothing answers at ${base}; start it with "sluice run" (npm start in a checkout), or name its port with --port`, {
      cause,
    });

  async function ask(path: string): Promise<unknown> {
    const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(10_000) }).catch((thrown: unknown) => {
      throw absent(thrown);
    });
    const body = await response.text();
    if (!response.ok) throw new SluiceError(`${base}${path} answered ${response.status}: ${body.trim().slice(0, 300)}`);
    try {
      return JSON.parse(body);
    } catch (cause) {
      throw new SluiceError(`${base} is no sluice: it answered ${path} without JSON; name sluice's own port with --port`, { cause });
    }
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
      const socket = new WebSocket(`ws://${address}/api/live`, { handshakeTimeout: 10_000, perMessageDeflate: false });
      try {
        await once(socket, 'open', { signal }).catch((thrown: unknown) => {
          throw signal.aborted ? thrown : absent(thrown);
        });
        socket.send(JSON.stringify({ subscribe: { ...topic, since: since ?? '0s' } }));
        // A command that is slow to print stops reading, and the server drops and counts for it.
        const frames = on(socket, 'message', { signal, close: ['close'], highWaterMark: 64, lowWaterMark: 8 });
        for await (const [data] of frames) yield takenFrom(String(data), topic.kind, since !== undefined);
        throw new SluiceError(`${base} ended the connection; start it again with "sluice run"`);
      } catch (thrown) {
        if (!signal.aborted) throw thrown;
      } finally {
        socket.on('error', () => {});
        socket.terminate();
      }
    },
    emit: (draft) => sendControl(config.state, { emit: draft }),
    queues: async () => [],
    close: async () => {},
  };
}

/** The past is only wanted when it was asked for; the present of `state` always. */
function takenFrom(text: string, kind: Kind, past: boolean): Taken {
  const { snapshot = [], events = [], dropped = 0, omitted = 0, error } = frame.parse(JSON.parse(text));
  if (error !== undefined) throw new SluiceError(error);
  const before = readWires(past || kind === 'state' ? snapshot : [], kind);
  const since = readWires(events, kind);
  return {
    events: [...before.events, ...since.events],
    past: before.events.length,
    refused: [...before.refused, ...since.refused],
    dropped: dropped + (past ? omitted : 0),
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

/** Where to connect for what listens there: on all addresses is also on this one. */
function reachable(listen: string): string {
  return listen.replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:');
}
