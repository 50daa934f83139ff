/** What the runtime's parts share: the process on whose behalf they work. */
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import type { History } from '../history.ts';
import { kinds } from '../kinds.ts';
import type { Level, Node, PlacedFilter, Reads, Services } from '../node.ts';
import type { Store } from '../state/store.ts';
import type { Announcer } from './announce.ts';
import type { Author, Origin } from './author.ts';
import type { Believe } from './believing.ts';
import type { Committer } from './commit.ts';
import type { Decoder } from './decoding.ts';
import { audit, emit } from './emitting.ts';
import type { Health } from './health.ts';
import type { Isolation } from './isolate.ts';
import type { Ledger } from './ledger.ts';
import type { Outbox } from './outbox.ts';
import type { Replays } from './replay.ts';
import { named } from './supervise.ts';
import type { Suspicion } from './suspicion.ts';
import type { Watchdog } from './watchdog.ts';

export interface Context {
  readonly origin: Origin;
  readonly clock: Clock;
  /** The receiving clock: what nodes are told as `at`. */
  readonly receiving: () => number;
  readonly store: Store;
  readonly bus: Bus;
  readonly committer: Committer;
  readonly decoder: Decoder;
  /** Leaves out what whoever published it may not say. */
  readonly believe: Believe;
  /** What was lost on the way to the readers of this process. */
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly announcer: Announcer;
  readonly watchdog: Watchdog;
  /** For what a node could not handle, and is to be given again. */
  readonly replays: Replays;
  /** What an earlier run may have died of. */
  readonly suspicion: Suspicion;
  /** For nodes in threads of their own. */
  readonly isolation: Isolation;
  /** The filters of this process. */
  readonly filters: readonly PlacedFilter[];
  /** What a sink of this process keeps, where one does. */
  readonly keeping: { history?: History; backup?: () => Promise<string>; restore?: () => Promise<string> };
  /** Tells a person, on the process's own output and as a log event. */
  readonly report: (level: Level, text: string) => void;
  readonly authorOf: (node: string) => Author;
  /** The process is on its way out: what fails now is not worth telling. */
  readonly stopping: () => boolean;
}

/** As much of it as monitors and heartbeats need: what a simulated host has. */
export type Watching = Pick<
  Context,
  'origin' | 'clock' | 'store' | 'bus' | 'committer' | 'outbox' | 'watchdog' | 'isolation' | 'filters' | 'keeping' | 'report' | 'authorOf'
>;

/** A node chosen to run, with its config checked. */
export interface Placed<N extends Node = Node> {
  /** Its name in this process: the node's own, unless config says otherwise. */
  readonly name: string;
  readonly use: string;
  readonly node: N;
  readonly config: unknown;
  /** A fingerprint of the config, on all that the node derives. */
  readonly confighash: string;
  /** The git commit that the config stands at, where it is in a checkout: also on all that the node derives. */
  readonly policycommit?: string;
  readonly every?: number;
  readonly reads: readonly Reads[];
  readonly isolate?: 'worker';
  /** How many partitions it has, where several processes share it. */
  readonly partitions?: number;
  readonly health: Health;
}

/** What all that a node derives says of its maker. */
export const lineageOf = ({ node, confighash, policycommit }: Pick<Placed, 'node' | 'confighash' | 'policycommit'>) => ({
  nodeversion: node.version ?? '1',
  confighash,
  ...(policycommit !== undefined && { policycommit }),
});

/** A node at work. */
export interface Running {
  readonly placed: Placed;
  /** Resolves once it has stopped and what it took in is handled. */
  stop(): Promise<void>;
}

/** What the process offers to one of its nodes. */
export const servicesFor = (
  context: Pick<Context, 'authorOf' | 'bus' | 'clock' | 'committer' | 'filters' | 'keeping' | 'outbox' | 'report'> &
    Partial<Pick<Context, 'announcer' | 'ledger'>>,
  name: string,
): Services => ({
  history: () => context.keeping.history,
  filters: () => context.filters,
  ledger: () => context.ledger?.state() ?? { process: '', lost: [], heard: [] },
  clock: context.clock,
  look: (topics) => context.bus.look(topics.filter(({ kind }) => kinds[kind].batched)),
  emit: (draft, may) => emit(context, draft, may),
  audit: (data) => audit(context, name, data),
  say: (level, text) => context.report(level, named(name, text)),
});
