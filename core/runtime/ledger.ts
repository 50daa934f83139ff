/**
 * What each reader of this process has had of each stream, and what it has not: the watermarks tell a repeat from what is
 * new, and the ledger counts both, with the holes that stay. Exact, and nothing is done for an event that comes in its turn.
 *
 *     5 6 . . 9     two holes; 7 comes late: one; 6 comes again: one repeat, left out
 *
 * A reader that was made after a writer began has missed nothing that was meant for it: what it sees first is where the stream
 * begins for it. Whether the writer began before is told by the time in its boot id and by the event's age; a writer whose
 * clock is behind is taken for older than it is for as long, in the hours after the reader was made.
 *
 * Limits: what is lost at the end of a stream shows with its next event. Heartbeats and states expire by design: no loss.
 */
import type { Cancel } from '../clock.ts';
import type { Event, Topic } from '../event.ts';
import { type Matcher, matcher } from '../key.ts';
import { type Kind, kindNames, kinds } from '../kinds.ts';
import type { Store, Transaction } from '../state/store.ts';
import { advance, gapsOf, lostOf, type Watermark } from '../state/watermark.ts';
import type { LedgerState, Loss } from '../states.ts';

/** Where a reader's counts are told: those of its node. */
export interface Counts {
  holes: number;
  repeats: number;
}

export interface Reader {
  /** It reads these from now on: what is written to them is meant for it. */
  joined(topics: readonly Topic[]): void;
  /** @param at the receiving clock, in milliseconds. */
  batch(at: number): Pass;
}

/** One batch's worth of reading. */
export interface Pass {
  isNew(event: Event): boolean;
  /** Within the batch's transaction, which may be tried several times. */
  remember(transaction: Transaction): void;
  /** It is committed. */
  settled(): void;
}

export interface Ledger {
  /** @param queue the name under which the reader's watermarks are kept */
  open(node: string, queue: string, topics: readonly Topic[], counts: Counts): Reader;
  /** From now on what this process writes is on its way. */
  sending(): void;
  /** The worst streams, those that lost most first; and how much was heard of each process. */
  state(): LedgerState;
  /** Tells what another lost beside its own, a partition's: a part of what was written is all that one should hear. Until called. */
  beside(other: Ledger): Cancel;
  /** Counts again, after watermarks were forgotten. */
  recount(): void;
}

export interface LedgerOptions {
  readonly store: Store;
  readonly bootid: string;
  readonly receiving: () => number;
}

/** How many streams are looked at for the worst of them, how many are told, and how many gaps of each. */
const maxLooked = 100_000;
const maxTold = 100;
const maxGaps = 8;

export function ledger({ store, bootid: own, receiving }: LedgerOptions): Ledger {
  const readers = new Map<string, { node: string; counts: Counts; since: Readonly<Record<string, number>> }>();
  const others = new Set<Ledger>();
  let sendingSince = Number.POSITIVE_INFINITY;

  const recount = (queue: string, counts: Counts): void => {
    counts.holes = 0;
    counts.repeats = 0;
    for (const [, { lost, repeats }] of store.uneven(queue)) {
      counts.holes += lost;
      counts.repeats += repeats;
    }
  };

  return {
    open(node, queue, topics, counts) {
      recount(queue, counts);
      const before = store.readingSince(queue) ?? {};
      const since: Record<string, number> = {};
      for (const name of topics.map(nameOf)) if (before[name] !== undefined) since[name] = before[name];
      readers.set(queue, { node, counts, since });
      // Told apart by number, since it may change while a batch is being committed.
      let changes = 0;
      let saved = 0;
      const byKind = new Map<Kind, [name: string, matches: Matcher][]>();
      for (const topic of topics)
        byKind.set(topic.kind, [...(byKind.get(topic.kind) ?? []), [nameOf(topic), matcher(topic.pattern)] as const] as [
          string,
          Matcher,
        ][]);
      const joinedAt = ({ kind, key }: Event): number => {
        const times = (byKind.get(kind) ?? []).filter(([, matches]) => matches(key)).map(([name]) => since[name]);
        return Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
      };
      /** Whether a stream of which nothing was seen yet was there before the reader. */
      const isOlder = (event: Event, at: number): boolean => {
        const joined = joinedAt(event);
        if (event.bootid === own) return joined > sendingSince;
        const began = bootTime(event.bootid);
        if (began === undefined || began <= joined) return true;
        return event.causationid === undefined && event.time >= began && at - (event.time - began) <= joined;
      };

      return {
        joined(now) {
          const names = now.map(nameOf).filter((name) => since[name] === undefined);
          if (names.length === 0) return;
          for (const name of names) since[name] = receiving();
          changes += 1;
        },
        batch(at) {
          const marks = new Map<string, Watermark>();
          const uneven = new Set<string>();
          const ids = new Set<string>();
          let saving = 0;
          let holes = 0;
          let repeats = 0;

          /** Whether an id was there before; it is now. */
          const isKnown = ({ causationid, source, id }: Event): boolean => {
            const name = `${causationid === undefined ? source : ''} ${id}`;
            if (ids.has(name) || store.wasSeen(queue, name)) return true;
            ids.add(name);
            return false;
          };
          const isNew = (event: Event): boolean => {
            const { sequence, causationid } = event;
            if (sequence === undefined || !Number.isSafeInteger(sequence)) return !isKnown(event);
            // Also one that is known by its id has its place in its stream: left out there, it would be a hole.
            const known = causationid !== undefined && isKnown(event);
            const stream = `${event.source} ${event.bootid ?? ''} ${event.kind} ${event.key}`;
            const mine = marks.get(stream);
            const mark = mine ?? store.marked(queue, stream);
            const expected = (mark?.high ?? 0) + 1;
            if (sequence === expected && !known) {
              marks.set(stream, advance(mark, sequence) as Watermark);
              return true;
            }
            const joined =
              sequence > expected && (mark ? !mine && (store.movedAt(queue, stream) ?? at) < joinedAt(event) : isOlder(event, at));
            const next = advance(mark, sequence, joined);
            const after = next ?? (mark as Watermark);
            const isRepeat = known || !next;
            marks.set(stream, isRepeat ? { ...after, repeats: after.repeats + 1 } : after);
            if (isCounted(event)) {
              holes += lostOf(after) - (mark ? lostOf(mark) : 0);
              uneven.add(stream);
            }
            return !isRepeat;
          };

          return {
            isNew(event) {
              const fresh = isNew(event);
              if (!fresh) repeats += 1;
              return fresh;
            },
            remember(transaction) {
              for (const [stream, mark] of marks) {
                transaction.mark(queue, stream, mark, at);
                if (uneven.has(stream)) transaction.uneven(queue, stream, { lost: lostOf(mark), repeats: mark.repeats });
              }
              for (const id of ids) transaction.seen(queue, id, at);
              saving = changes;
              if (saved < changes) transaction.reading(queue, since);
            },
            settled() {
              saved = saving;
              counts.holes += holes;
              counts.repeats += repeats;
            },
          };
        },
      };
    },
    sending() {
      sendingSince = receiving();
    },
    state: () => ({
      process: own,
      lost: [
        ...[...readers].flatMap(([queue, { node }]) => lossesOf(store, queue, node)),
        ...[...others].flatMap((other) => other.state().lost),
      ]
        .sort(worse)
        .slice(0, maxTold),
      heard: [...readers].flatMap(([queue, { node, since }]) => heardBy(store, queue, node, since)),
    }),
    beside(other) {
      others.add(other);
      return () => others.delete(other);
    },
    recount() {
      for (const [queue, { counts }] of readers) recount(queue, counts);
    },
  };
}

const worse = (one: Pick<Loss, 'lost' | 'repeats'>, other: Pick<Loss, 'lost' | 'repeats'>): number =>
  other.lost - one.lost || other.repeats - one.repeats;

function lossesOf(store: Store, queue: string, node: string): Loss[] {
  const found: { stream: string; lost: number; repeats: number }[] = [];
  for (const [stream, account] of store.uneven(queue)) if (found.push({ stream, ...account }) === maxLooked) break;
  return found
    .sort(worse)
    .slice(0, maxTold)
    .map(({ stream, lost, repeats }) => {
      const mark = store.marked(queue, stream);
      const gaps = mark ? gapsOf(mark).slice(-maxGaps) : [];
      const moved = new Date(store.movedAt(queue, stream) ?? 0).toISOString();
      return { node, ...partsOf(stream), lost, repeats, gaps: gaps.map(([from, to]) => `${from}-${to}`), moved };
    });
}

/** What a process wrote of a kind in all is the sum of how far its streams go; who reads all of the kind hears of each. */
function heardBy(store: Store, queue: string, node: string, since: Readonly<Record<string, number>>): LedgerState['heard'] {
  const sums = new Map<string, Map<string, number>>();
  for (const [stream, { high }] of store.marks(queue)) {
    const { boot, kind } = partsOf(stream);
    const sum = sums.get(kind) ?? new Map<string, number>();
    sums.set(kind, sum.set(boot, (sum.get(boot) ?? 0) + high));
  }
  return kindNames.filter(isAccounted).flatMap((kind) => {
    const joined = since[`${kind} #`];
    if (joined === undefined) return [];
    return [{ node, kind, since: new Date(joined).toISOString(), events: Object.fromEntries(sums.get(kind) ?? []) }];
  });
}

const nameOf = ({ kind, pattern }: Topic): string => `${kind} ${pattern}`;

/** What expires by design, and what somebody numbers without saying in which run, tells nothing by its gaps. */
const isCounted = ({ kind, bootid }: Event): boolean => bootid !== undefined && isAccounted(kind);

/** Whether what is written of a kind should all be read. */
export const isAccounted = (kind: Kind): boolean => kinds[kind].delivery === 'telemetry' || kinds[kind].delivery === 'durable';

/** When a process began, by its own clock; undefined of a boot id that is not the runtime's. */
export function bootTime(bootid: string | undefined): number | undefined {
  const [, time] = /^([0-9a-z]{8})-[0-9a-f]{10}$/.exec(bootid ?? '') ?? [];
  return time === undefined ? undefined : Number.parseInt(time, 36);
}

/** Only a source may hold spaces. */
function partsOf(stream: string): Pick<Loss, 'source' | 'boot' | 'kind' | 'key'> {
  const words = stream.split(' ');
  const [boot = '', kind = '', key = ''] = words.slice(-3);
  return { source: words.slice(0, -3).join(' '), boot, kind, key };
}
