/**
 * The spool's way out. Events are decided once, in the transaction that made them; from there they are published, and
 * published again after a restart, until the bus has confirmed them. Nothing is ever computed twice to be sent.
 *
 *     commit ──▶ spool (lmdb), a line for each kind ──▶ in order, a bounded number unconfirmed ──▶ bus ──▶ confirmed: removed
 *
 * Metrics, logs and stats linger: what the process has of one kind goes as one message at the next deadline, which all kinds share;
 * at once where it fills a message, or while someone looks. Other kinds never wait, and no kind waits behind another's backlog.
 *
 * Telemetry past its bound drops its oldest, counted. The never-lose kinds make their writer wait for room instead.
 */
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { Full, messageOf, Reject, Unwanted } from '../errors.ts';
import type { Event, Topic } from '../event.ts';
import { type Kind, kinds } from '../kinds.ts';
import { type Spooled, type Store, sizeOf, type Transaction } from '../state/store.ts';
import { type AsideCounts, aside, sumAside } from './aside.ts';
import { entriesOf, laneFor, messageFor } from './lane.ts';
import { isReady, type Line, leave, linesOf, oldestOf, push, putBack, take } from './line.ts';
import { createDeadline } from './linger.ts';
import { createLooks } from './looks.ts';
import { createRoom, type OutboxLimits } from './room.ts';
import { createSweep } from './sweep.ts';
import { type Counts, countsOf, isLingering, sumOf } from './tally.ts';

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
  /** The disk is full: telemetry that waits gives way, unless the bus is there to take it. Tells whether any did, so that it is worth trying again at once. */
  relieve(): boolean;
  /**
   * Begins to send. Not before those who read in this process have subscribed: what nobody wants counts as handled, and an
   * earlier run's events still wait for them.
   */
  start(): void;
  /** Someone looks at these topics, for so many milliseconds from now: what they want goes at once. */
  look(topics: readonly Topic[], ms: number): void;
  /** Begins to watch what was committed by now: the result says whether all of it was sent or let go. */
  passed(): () => boolean;
  /** Sends what lingers. Resolves when nothing waits, or after `ms`. */
  drained(ms: number): Promise<void>;
  readonly counts: Counts;
  stop(): void;
}

export interface OutboxOptions {
  readonly store: Store;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits?: OutboxLimits;
  /** Milliseconds that metrics, logs and stats may wait for company (0: none, the default), and where between two deadlines lie. */
  readonly linger?: number;
  readonly phase?: number;
  /** Whether messages are worth compressing. Default: over a network. */
  readonly compress?: boolean;
  /** Gets what can never be sent. */
  readonly dead: (reason: Reject, spooled: Spooled) => void;
  /** Says once that telemetry is being dropped, and what else a person should know. */
  readonly report: (level: 'error' | 'warn' | 'info', text: string) => void;
}

const firstPauseMs = 100;
const lastPauseMs = 5000;
/** Bytes of JSON that one turn of the loop sends, so that a backlog does not hold up what else the process does. */
const turnBytes = 2 * 1024 * 1024;

const eventsIn = (entries: readonly Spooled[]): number => entries.reduce((sum, { count }) => sum + count, 0);

export function outbox(options: OutboxOptions): Outbox {
  const { store, bus, clock, report, linger = 0, phase = 0, compress = bus.name !== 'embedded' } = options;
  const limits = options.limits ?? defaultLimits;
  const found = linesOf(store);
  const { lines } = found;
  let { next } = found;
  const lineOf = Object.fromEntries(lines.map((line) => [line.kind, line])) as Record<Kind, Line>;
  const durable = lines.filter(({ lane }) => lane === 'durable');
  // What nobody reads must not stop those who write.
  const hasRoom = (): boolean => sumOf(durable, ({ bytes }) => bytes) - unwanted().bytes < limits.durable;
  const looks = createLooks(clock);
  const room = createRoom({ lines, store, limit: limits.telemetry, report });
  let started = false;
  let stopped = false;
  let pending: { line: Line; entry: Spooled }[] = [];
  const idle: (() => void)[] = [];
  const waitingForRoom: (() => void)[] = [];

  const remove = (line: Line, entries: readonly Spooled[]): void => {
    leave(line, entries);
    asides.get(line)?.left(entries);
    sweep.soon();
    if (waitingForRoom.length > 0 && hasRoom()) for (const resume of waitingForRoom.splice(0)) resume();
  };

  const isIdle = (): boolean =>
    sumOf(lines, ({ count }) => count) === unwanted().events && lines.every(({ unconfirmed }) => unconfirmed === 0);
  const settleIdle = (): void => {
    if (idle.length > 0 && isIdle()) for (const resolve of idle.splice(0)) resolve();
  };

  const sweep = createSweep(lines, store, clock, settleIdle);

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

  const asides = new Map(
    durable.map((line) => {
      const again = (entries: readonly Spooled[]): void => {
        putBack(line, entries);
        pumpSoon();
      };
      return [line, aside({ store, lane: line.lane, kind: line.kind, clock, limit: limits.durable, report, again })];
    }),
  );
  const unwanted = (): AsideCounts => sumAside([...asides.values()], 'unwanted');

  /** Sends entries as one message, but for those that nobody wants any more. */
  const send = (line: Line, entries: readonly Spooled[]): void => {
    const now = clock.now();
    const { tally } = line;
    const live = entries.filter(({ expires }) => expires === undefined || expires > now);
    if (live.length < entries.length) {
      const late = entries.filter((entry) => !live.includes(entry));
      tally.expired += eventsIn(late);
      remove(line, late);
    }
    const [first] = live;
    if (!first) return;
    const message = messageFor(first, live, now, compress);
    const events = eventsIn(live);
    line.unconfirmed += 1;
    line.unconfirmedBytes += message.body.length;
    tally.sent += events;
    for (const entry of live) line.leaving.add(entry.order);
    bus
      .publish(message)
      .then(
        () => {
          // Of what expired on its way nobody knows whether it was taken.
          const expired = first.expires !== undefined && first.expires <= clock.now();
          tally[expired ? 'expired' : 'confirmed'] += events;
          if (expired) tally.sent -= events;
          refusals = 0;
          remove(line, live);
        },
        (thrown: unknown) => {
          tally.sent -= events;
          if (stopped) return;
          if (thrown instanceof Unwanted || thrown instanceof Full) {
            for (const { order } of live) line.leaving.delete(order);
            const lost = asides.get(line)?.put(thrown instanceof Full ? 'full' : 'unwanted', live) ?? [];
            tally.dropped += eventsIn(lost);
            remove(line, lost);
          } else if (thrown instanceof Reject) {
            tally.refused += events;
            for (const entry of live) options.dead(thrown, entry);
            remove(line, live);
          } else {
            putBack(line, live);
            holdBack(messageOf(thrown));
          }
        },
      )
      .finally(() => {
        line.unconfirmed -= 1;
        line.unconfirmedBytes -= message.body.length;
        pumpSoon();
      });
  };
  /** Whether a broker can be reached to publish, even where it does not let us read. */
  const isThere = (): boolean => bus.connected || bus.via !== undefined;
  /** Whether the bus is given something of the line now. While it is away all stays here, where it can expire and give way in order. */
  const mayGo = (line: Line): boolean =>
    isThere() && isReady(line) && line.unconfirmed < bus.window.messages && line.unconfirmedBytes < bus.window.bytes;

  const pump = (): void => {
    // A message of each line in turn: none that is stuck, and no backlog, keeps the others from moving.
    let left = turnBytes;
    for (let moved = true; moved && left > 0 && !stopped && !held; ) {
      moved = false;
      for (const line of lines) {
        if (!mayGo(line)) continue;
        const entries = take(line, store);
        if (entries.length === 0) continue;
        moved = true;
        for (const { body } of entries) left -= body.length;
        send(line, entries);
      }
    }
    if (left <= 0) pumpSoon();
    settleIdle();
    if (lines.some(isLingering)) deadline();
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

  const lingers = ({ kind }: Line): boolean => linger > 0 && kinds[kind].batched;
  const release = (): void => {
    for (const line of lines) line.due = next - 1;
    pumpSoon();
  };
  const deadline = createDeadline(clock, linger, phase, () => !stopped && release());

  bus.watch((connected) => connected && pumpSoon());
  return {
    room: () => (hasRoom() ? Promise.resolve() : new Promise((resolve) => waitingForRoom.push(resolve))),
    sweep: sweep.unspool,
    append(transaction, events) {
      for (const lane of ['durable', 'telemetry'] as const) {
        const own = events.filter(({ kind }) => laneFor(kind) === lane);
        for (const entry of entriesOf(own, compress, () => next++)) {
          const line = lineOf[entry.kind as Kind];
          transaction.spool(lane, entry);
          pending.push({ line, entry });
          line.bytes += sizeOf(entry);
          line.count += entry.count;
        }
      }
      if (room.taken() > limits.telemetry) room.make(transaction);
    },
    committed() {
      sweep.done();
      for (const { line, entry } of pending) {
        // It may have given way before it was ever kept.
        if (entry.order >= line.oldest) push(line, entry);
        if (!lingers(line) || idle.length > 0 || looks.want(line.kind, entry.keys)) line.due = entry.order;
      }
      pending = [];
      room.settled(true);
      pumpSoon();
    },
    failed() {
      room.settled(false);
      for (const { line, entry } of pending) {
        line.bytes -= sizeOf(entry);
        line.count -= entry.count;
      }
      pending = [];
    },
    relieve: () => !isThere() && room.relieve(),
    start() {
      started = true;
      pumpSoon();
    },
    passed() {
      const end = next;
      return () => lines.every((line) => oldestOf(line) >= end);
    },
    look(topics, ms) {
      looks.add(topics, ms);
      for (const { kind } of topics) lineOf[kind].due = next - 1;
      pumpSoon();
    },
    async drained(ms) {
      if (isIdle()) return;
      await new Promise<void>((resolve) => {
        idle.push(resolve);
        clock.after(ms, resolve);
        release();
      });
    },
    get counts() {
      return { ...countsOf(lines), unwanted: unwanted() };
    },
    stop() {
      sweep.stop();
      stopped = true;
      for (const one of asides.values()) one.stop();
    },
  };
}
