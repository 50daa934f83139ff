/**
 * The other end of a client command: a running sluice on this machine (`remote-live.ts`), or the pipes themselves on
 * RabbitMQ (`remote-bus.ts`). Commands see this port and work the same against both.
 */
import type { QueueDepth } from '../bus/bus.ts';
import type { Config } from '../config.ts';
import type { Event } from '../event.ts';
import type { Kind } from '../kinds.ts';
import type { Draft, Reads } from '../node.ts';
import type { Keyed } from '../pipes.ts';
import type { NodeState, ProcessState, ServerState } from '../states.ts';
import type { Where } from '../where.ts';
import { configOf, type RemoteFlags } from './options.ts';
import { isElsewhere, type ReachFlags, reachOf } from './reach.ts';

/** What a tap asks for. `since`: an instant or how long ago; without it, only what comes from now on. */
export interface Wanted extends Reads {
  readonly since?: string | undefined;
  /** What the data must hold. */
  readonly where?: Where | undefined;
  /** Events a second at most; the others are counted. */
  readonly rate?: number | undefined;
}

/** Events as they came, in order; how many the way lost; and what arrived but was no event, in words. */
export interface Taken {
  readonly events: readonly Event[];
  /** How many of them, the first ones, are from before it was asked. */
  readonly past: number;
  /** When these first ones were received, where that was kept. In milliseconds since 1970. */
  readonly received?: readonly number[];
  readonly dropped: number;
  /** Left out since more came than were asked for. */
  readonly skipped: number;
  readonly refused: readonly string[];
}

export interface Presence {
  readonly server: Keyed<ServerState>;
  readonly node: Keyed<NodeState>;
  readonly process: Keyed<ProcessState>;
}

export interface Remote {
  /** For people: an address without credentials. */
  readonly name: string;
  /** The present state of everything of one sort. */
  states<Of extends keyof Presence>(of: Of): Promise<readonly Presence[Of][]>;
  /** Follows a pipe until the signal aborts. Of `state`, first comes the last of each key. Throws when the way breaks. */
  tap(wanted: Wanted, signal: AbortSignal): AsyncIterable<Taken>;
  /** Publishes one event. Resolves with its id once it is safe with the other end. */
  emit(draft: Pick<Draft<Kind>, 'kind' | 'key' | 'data'>): Promise<string>;
  /** Of these queues those that are at the broker. */
  queues(names: readonly string[]): Promise<readonly QueueDepth[]>;
  /** Safe twice. */
  close(): Promise<void>;
}

interface OpenFlags extends RemoteFlags {
  readonly state?: string;
}

/** A named bus is asked itself, a named port is that process; else what the config says. */
export async function openRemote({ config: file, port, bus: addresses, state, ...reach }: OpenFlags): Promise<Remote> {
  return openRemoteOf(await configOf(file, { port, bus: addresses, state }), { ...reach, port }, addresses);
}

export async function openRemoteOf(config: Config, flags: ReachFlags = {}, named?: string): Promise<Remote> {
  const { bus } = config;
  if (bus !== 'embedded' && flags.port === undefined && flags.url === undefined && (named !== undefined || !isElsewhere(flags))) {
    const { openBus } = await import('./remote-bus.ts');
    return openBus(config, bus);
  }
  const { liveRemote } = await import('./remote-live.ts');
  return liveRemote(config, reachOf(config, flags));
}

/** Runs one piece of work against the other end, and lets go of it whatever happens. */
export async function withOpen<Result>(flags: OpenFlags, work: (remote: Remote) => Promise<Result>): Promise<Result> {
  const remote = await openRemote(flags);
  try {
    return await work(remote);
  } finally {
    await remote.close();
  }
}
