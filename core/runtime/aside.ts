/**
 * Never-lose events that the broker did not take everywhere: no queue wants them, or one that does is full. They stay in the
 * spool, out of the way of what flows, and are offered again until they are taken (docs/decisions/0016).
 *
 *     sent ──▶ refused ──▶ aside, on disk ──▶ some offered again ──▶ all taken: more at once │ one refused: a pause that grows
 *                              └─ what nobody wants, past its bound: the oldest is let go, counted
 *
 * In memory an event that is aside is a few numbers. One aside for each kind, so that none waits behind another's.
 */
import type { Clock } from '../clock.ts';
import type { Kind } from '../kinds.ts';
import { type Lane, type Spooled, type Store, sizeOf } from '../state/store.ts';

/** Why it was not taken. */
export type Reason = 'unwanted' | 'full';

/** How much is aside for one reason, and how many events were let go since the start. */
export interface AsideCounts {
  readonly events: number;
  readonly bytes: number;
  readonly lost: number;
}

export interface Aside {
  /** Takes over what came back; the result is what is let go for want of room. */
  put(reason: Reason, entries: readonly Spooled[]): Spooled[];
  /** These have left the spool: where they had been offered again, more may follow. */
  left(entries: readonly Spooled[]): void;
  readonly counts: Readonly<Record<Reason, AsideCounts>>;
  stop(): void;
}

export interface AsideOptions {
  readonly store: Store;
  readonly lane: Lane;
  readonly kind: Kind;
  readonly clock: Clock;
  /** Bytes that the never-lose kinds may take. What only lacks room counts among them; what nobody wants has a part of its own. */
  readonly limit: number;
  readonly report: (level: 'error' | 'info', text: string) => void;
  /** Gives these back, to be sent in their order. */
  again(entries: readonly Spooled[]): void;
}

/** What nobody reads of one kind may take this part of that, beside it. */
const unwantedPart = 16;
const firstPauseMs = 1000;
const lastPauseMs = 30_000;
/** How many are offered at once, at first and at most: those who have them already get them again. */
const offers = [50, 500] as const;
const offerBytes = 256 * 1024;

export function aside({ store, lane, kind, clock, limit, report, again }: AsideOptions): Aside {
  const bound = limit / unwantedPart;
  // In the order in which they are offered: what was refused goes to the end, so that one of them keeps no other out.
  const waiting = new Map<number, { readonly reason: Reason; readonly bytes: number; readonly count: number }>();
  const counts = { unwanted: { events: 0, bytes: 0, lost: 0 }, full: { events: 0, bytes: 0, lost: 0 } };
  /** What is being offered again, and how that goes. */
  const offered = new Set<number>();
  let [took, refused] = [false, false];
  let most: number = offers[0];
  let pause = firstPauseMs;
  let timer: (() => void) | undefined;
  const said = new Set<string>();

  const say = (what: string, text: string): void => {
    if (!said.has(what)) report('error', `spool: ${text}`);
    said.add(what);
  };
  const add = (reason: Reason, entry: Spooled): void => {
    const bytes = sizeOf(entry);
    waiting.set(entry.order, { reason, bytes, count: entry.count });
    counts[reason].bytes += bytes;
    counts[reason].events += entry.count;
  };
  const remove = (order: number): void => {
    const one = waiting.get(order);
    if (!one) return;
    waiting.delete(order);
    counts[one.reason].bytes -= one.bytes;
    counts[one.reason].events -= one.count;
  };
  /** Reads them back, up to so many and so many bytes. */
  const read = (orders: Iterable<number>, entries: number, bytes: number): Spooled[] => {
    const found: Spooled[] = [];
    let size = 0;
    for (const order of orders) {
      if (found.length >= entries || size >= bytes) break;
      const [entry] = store.waiting(lane, kind, order, 1);
      if (entry?.order !== order) continue;
      found.push(entry);
      size += sizeOf(entry);
    }
    return found;
  };
  const offer = (): void => {
    timer = undefined;
    [took, refused] = [false, false];
    const entries = read(waiting.keys(), most, offerBytes);
    for (const { order } of entries) {
      remove(order);
      offered.add(order);
    }
    again(entries.sort((one, other) => one.order - other.order));
  };
  /** After each round, and when something comes aside: when the next is. */
  const plan = (): void => {
    if (offered.size > 0 || timer) return;
    if (waiting.size === 0) {
      if (said.size > 0 && took) report('info', `spool: all ${kind} that waited for a reader, or for room, is on its way`);
      if (took) said.clear();
      [most, pause] = [offers[0], firstPauseMs];
      return;
    }
    const goesWell = took && !refused;
    most = goesWell ? Math.min(offers[1], most * 2) : offers[0];
    timer = clock.after(goesWell ? 0 : pause, offer);
    pause = took ? firstPauseMs : Math.min(lastPauseMs, pause * 2);
  };

  return {
    put(reason, entries) {
      for (const entry of entries) {
        if (offered.delete(entry.order)) refused = true;
        add(reason, entry);
        const about = `${kind} of ${entry.keys[0]?.slice(0, 200)}`;
        if (reason === 'full')
          say(reason, `a queue at the broker has no room for ${about}; see whose reader does not drain it. Kept, and offered again`);
        else
          say(
            reason,
            `nobody at the broker reads ${about}; run a node that does, as the store of a hub. Kept, up to ${Math.round(bound / 1048576)} MB, and offered again`,
          );
      }
      const { unwanted } = counts;
      let gone: Spooled[] = [];
      if (unwanted.bytes > bound) {
        const oldest = [...waiting].filter(([, one]) => one.reason === 'unwanted').map(([order]) => order);
        gone = read(
          oldest.sort((one, other) => one - other),
          oldest.length,
          unwanted.bytes - bound * 0.9,
        );
        for (const { order, count } of gone) {
          remove(order);
          unwanted.lost += count;
        }
        say('lost', `${kind} that nobody reads has filled its room; the oldest of it is let go and counted`);
      }
      plan();
      return gone;
    },
    left(entries) {
      if (offered.size === 0) return;
      for (const { order } of entries) if (offered.delete(order)) took = true;
      plan();
    },
    counts,
    stop: () => timer?.(),
  };
}

/** What is aside of all kinds. */
export function sumAside(asides: readonly Aside[], reason: Reason): AsideCounts {
  const sum = (of: keyof AsideCounts): number => asides.reduce((total, { counts }) => total + counts[reason][of], 0);
  return { events: sum('events'), bytes: sum('bytes'), lost: sum('lost') };
}
