/**
 * The spool's way out. Events are decided once, in the transaction that made them; from there they are published, and
 * published again after a restart, until the bus has confirmed them. Nothing is ever computed twice to be sent.
 *
 *     commit ──▶ spool (lmdb) ──▶ in order, a bounded number unconfirmed ──▶ bus ──▶ confirmed: removed from the spool
 *
 * Telemetry past its bound drops its oldest, counted. The never-lose kinds make their writer wait for room instead.
 */
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { messageOf, Reject, Unwanted } from '../errors.ts';
import type { Event } from '../event.ts';
import { type Lane, type Spooled, type Store, sizeOf, type Transaction } from '../state/store.ts';
import { entriesOf, type LaneState, laneFor, laneOf, messageFor, take, windowBytes } from './lane.ts';
import { aside } from './unwanted.ts';

export interface OutboxLimits {
  /** Bytes of spooled telemetry and of never-lose events. */
  readonly telemetry: number;
  readonly durable: number;
}

export const defaultLimits: OutboxLimits = { telemetry: 256 * 1024 * 1024, durable: 256 * 1024 * 1024 };

export interface Outbox {
  /** Resolves when the never-lose lane has room; at once for telemetry, which makes room itself. */
  room(): Promise<void>;
  /** Puts events into the spool, as part of a transaction. Call `committed` after it, or `failed`. */
  append(transaction: Transaction, events: readonly Event[]): void;
  /** Takes out, as part of a transaction, what the bus has confirmed. */
  sweep(transaction: Transaction): void;
  /** The transaction of the last `append`s and `sweep` is committed: what they put in may be sent. */
  committed(): void;
  failed(): void;
  /**
   * Begins to send. Not before those who read in this process have subscribed: what nobody wants counts as handled, and an
   * earlier run's events still wait for them.
   */
  start(): void;
  /** Resolves when nothing waits, or after `ms`. */
  drained(ms: number): Promise<void>;
  /** Telemetry dropped for want of room since the start, and what waits now. */
  readonly counts: {
    readonly dropped: number;
    readonly waiting: number;
    readonly bytes: number;
    readonly sent: number;
    /** Never-lose events that nobody at the broker reads: those that are kept, and those let go for want of room. */
    readonly unwanted: { readonly events: number; readonly bytes: number; readonly lost: number };
  };
  stop(): void;
}

export interface OutboxOptions {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits?: OutboxLimits;
  /** Gets what can never be sent. */
  readonly dead: (reason: Reject, spooled: Spooled) => void;
  /** Says once that telemetry is being dropped, and what else a person should know. */
  readonly report: (level: 'error' | 'warn' | 'info', text: string) => void;
}

/** The part of the never-lose lane's bound that may be taken, beside it, by what nobody reads. */
const unwantedShare = 1 / 8;
/** What was sent may stay on disk this long: after a kill it is sent again, and readers know it. */
const lazyMs = 2000;
const firstPauseMs = 100;
const lastPauseMs = 5000;

const eventsIn = (entries: readonly Spooled[]): number => entries.reduce((sum, { count }) => sum + count, 0);

export function outbox(options: OutboxOptions): Outbox {
  const { store, bus, clock, report } = options;
  const limits = options.limits ?? defaultLimits;
  const lanes: Record<Lane, LaneState> = { durable: laneOf(store, 'durable'), telemetry: laneOf(store, 'telemetry') };
  let started = false;
  let stopped = false;
  let dropped = 0;
  let dropping = false;
  let sent = 0;
  let pending: { lane: LaneState; entry: Spooled; size: number }[] = [];
  const idle: (() => void)[] = [];
  const waitingForRoom: (() => void)[] = [];

  const remove = (lane: LaneState, entries: readonly Spooled[]): void => {
    for (const entry of entries) {
      lane.confirmed.push(entry.order);
      lane.leaving.delete(entry.order);
      lane.bytes -= sizeOf(entry);
      lane.count -= entry.count;
    }
    flushSoon();
    resumeWriters();
  };
  // What nobody reads must not stop those who write.
  const hasRoom = (): boolean => lanes.durable.bytes - unwanted.counts.bytes < limits.durable;
  const resumeWriters = (): void => {
    if (hasRoom()) for (const resume of waitingForRoom.splice(0)) resume();
  };

  // Confirmations come one by one and are written down together: with the next commit, or by themselves after a while.
  let flushing = false;
  const flushSoon = (): void => {
    if (flushing || stopped) return;
    flushing = true;
    clock.after(lazyMs, () => {
      flushing = false;
      flush();
    });
  };
  const unspool = (transaction: Transaction): void => {
    for (const lane of Object.values(lanes)) if (lane.confirmed.length > 0) transaction.unspool(lane.name, lane.confirmed);
  };
  const forget = (): void => {
    for (const lane of Object.values(lanes)) lane.confirmed = [];
  };
  const flush = (): void => {
    if (Object.values(lanes).some((lane) => lane.confirmed.length > 0)) {
      try {
        store.write(unspool);
        forget();
      } catch {
        // No room to write down a removal: what was sent may be sent again, and readers know it by its id.
        if (!stopped) clock.after(1000, flushSoon);
      }
    }
    settleIdle();
  };
  const isIdle = (): boolean =>
    lanes.durable.count + lanes.telemetry.count === unwanted.counts.events &&
    Object.values(lanes).every(({ unconfirmed }) => unconfirmed === 0);
  const settleIdle = (): void => {
    if (isIdle()) for (const resolve of idle.splice(0)) resolve();
  };

  // A bus that refuses is left alone for a while, and it is said once.
  let refusals = 0;
  let held = false;
  const holdBack = (why: string): void => {
    if (held) return;
    held = true;
    refusals += 1;
    if (refusals === 1) report('warn', `spool: the bus does not take what is sent: ${why}; it waits in the spool and is tried again`);
    clock.after(Math.min(lastPauseMs, firstPauseMs * 2 ** refusals), () => {
      held = false;
      pumpSoon();
    });
  };

  /** Several may come back, in any order: they leave again in theirs. */
  const putBack = (lane: LaneState, entries: readonly Spooled[]): void => {
    lane.queue = [...entries, ...lane.queue.slice(lane.head)].sort((one, other) => one.order - other.order);
    lane.head = 0;
    lane.queueBytes += entries.reduce((sum, { json }) => sum + json.length, 0);
  };
  const unwanted = aside({
    store,
    lane: 'durable',
    clock,
    bound: limits.durable * unwantedShare,
    report,
    again(entries) {
      putBack(lanes.durable, entries);
      pumpSoon();
    },
  });

  const send = (lane: LaneState, entries: readonly Spooled[]): void => {
    const now = clock.now();
    const live = entries.filter((entry) => entry.expires === undefined || entry.expires > now);
    if (live.length < entries.length)
      remove(
        lane,
        entries.filter((entry) => !live.includes(entry)),
      );
    const [first] = live;
    if (!first) return;
    const message = messageFor(first, live, now);
    lane.unconfirmed += 1;
    lane.unconfirmedBytes += message.body.length;
    for (const entry of live) lane.leaving.add(entry.order);
    bus
      .publish(message)
      .then(
        () => {
          sent += eventsIn(live);
          refusals = 0;
          remove(lane, live);
          if (lane === lanes.durable) unwanted.taken(live);
        },
        (thrown: unknown) => {
          if (stopped) return;
          if (thrown instanceof Unwanted) {
            for (const entry of live) lane.leaving.delete(entry.order);
            remove(lane, unwanted.put(live));
          } else if (thrown instanceof Reject) {
            for (const entry of live) options.dead(thrown, entry);
            remove(lane, live);
          } else {
            for (const entry of live) lane.leaving.delete(entry.order);
            putBack(lane, live);
            holdBack(messageOf(thrown));
          }
        },
      )
      .finally(() => {
        lane.unconfirmed -= 1;
        lane.unconfirmedBytes -= message.body.length;
        pumpSoon();
      });
  };

  const pump = (): void => {
    // A lane that is stuck must not keep the other from moving: they take turns.
    for (let moved = true; moved && !stopped && !held; ) {
      moved = false;
      for (const lane of Object.values(lanes)) {
        if (lane.unconfirmed >= bus.window.messages || lane.unconfirmedBytes >= bus.window.bytes) continue;
        const entries = take(lane, store);
        if (entries.length === 0) continue;
        moved = true;
        send(lane, entries);
      }
    }
    settleIdle();
  };
  let pumping = false;
  const pumpSoon = (): void => {
    if (pumping || !started || stopped) return;
    pumping = true;
    // Once per turn of the loop: what is decided together travels together.
    setImmediate(() => {
      pumping = false;
      if (!stopped) pump();
    });
  };

  const dropOldest = (transaction: Transaction, lane: LaneState): void => {
    const excess: Spooled[] = [];
    // What is being sent stays until it is confirmed; from there on the oldest go, a tenth of the room at a time.
    const goal = limits.telemetry * 0.9;
    const confirmed = new Set(lane.confirmed);
    let bytes = lane.bytes;
    for (const entry of store.waiting(lane.name, lane.oldest, lane.bytes - goal)) {
      if (bytes <= goal) break;
      if (lane.leaving.has(entry.order) || confirmed.has(entry.order)) continue;
      bytes -= sizeOf(entry);
      excess.push(entry);
      lane.oldest = entry.order + 1;
    }
    const gone = new Set(excess.map(({ order }) => order));
    transaction.unspool(lane.name, gone);
    const kept = lane.queue.slice(lane.head).filter((entry) => !gone.has(entry.order));
    lane.queue = kept;
    lane.head = 0;
    lane.queueBytes = kept.reduce((sum, entry) => sum + entry.json.length, 0);
    lane.bytes = bytes;
    lane.count -= eventsIn(excess);
    lane.loaded = Math.max(lane.loaded, lane.oldest);
    dropped += eventsIn(excess);
    if (!dropping)
      report(
        'warn',
        `spool: full (${Math.round(limits.telemetry / 1048576)} MB) while the bus is away; the oldest telemetry is dropped and counted`,
      );
    dropping = true;
  };

  return {
    room: () => (hasRoom() ? Promise.resolve() : new Promise((resolve) => waitingForRoom.push(resolve))),
    sweep: unspool,
    append(transaction, events) {
      for (const lane of Object.values(lanes)) {
        const own = events.filter(({ kind }) => laneFor(kind) === lane.name);
        for (const entry of entriesOf(own, () => lane.next++)) {
          const size = sizeOf(entry);
          transaction.spool(lane.name, entry);
          pending.push({ lane, entry, size });
          lane.bytes += size;
          lane.count += entry.count;
        }
      }
      if (lanes.telemetry.bytes > limits.telemetry) dropOldest(transaction, lanes.telemetry);
    },
    committed() {
      forget();
      for (const { lane, entry } of pending) {
        // Past the window the rest stays on disk and is read back when its turn comes.
        if (lane.behind || lane.queueBytes > windowBytes) lane.behind = true;
        else {
          lane.queue.push(entry);
          lane.queueBytes += entry.json.length;
          lane.loaded = entry.order + 1;
        }
      }
      pending = [];
      pumpSoon();
    },
    failed() {
      for (const { lane, entry, size } of pending) {
        lane.bytes -= size;
        lane.count -= entry.count;
      }
      pending = [];
    },
    start() {
      started = true;
      pumpSoon();
    },
    async drained(ms) {
      if (isIdle()) return;
      await new Promise<void>((resolve) => {
        idle.push(resolve);
        clock.after(ms, resolve);
        pumpSoon();
      });
    },
    get counts() {
      return {
        dropped,
        sent,
        waiting: lanes.durable.count + lanes.telemetry.count,
        bytes: lanes.durable.bytes + lanes.telemetry.bytes,
        unwanted: unwanted.counts,
      };
    },
    stop() {
      flush();
      stopped = true;
      unwanted.stop();
    },
  };
}
