/**
 * Never-lose events that no queue at the broker wants. They stay in the spool, out of the way of those that somebody reads,
 * and are offered again until somebody does (docs/decisions/0016).
 *
 *     sent ──▶ returned ──▶ aside, on disk ──▶ offered again ──▶ taken │ returned: aside again, for longer
 *                                └─ past the bound: the oldest is let go, counted
 *
 * In memory an event that is aside is a few numbers.
 */
import type { Clock } from '../clock.ts';
import type { Lane, Spooled, Store } from '../state/store.ts';
import { sizeOf } from '../state/store.ts';

export interface Aside {
  /** Takes over what came back; the result is what is let go for want of room. */
  put(entries: readonly Spooled[]): Spooled[];
  /** One of these was taken: whatever is aside may now be wanted too. */
  taken(entries: readonly Spooled[]): void;
  /** How much is aside, and how many events were let go since the start. */
  readonly counts: { readonly events: number; readonly bytes: number; readonly lost: number };
  stop(): void;
}

export interface AsideOptions {
  readonly store: Store;
  readonly lane: Lane;
  readonly clock: Clock;
  /** Bytes that may be aside. */
  readonly bound: number;
  readonly report: (level: 'error' | 'info', text: string) => void;
  /** Gives these back, to be sent in their order. */
  again(entries: readonly Spooled[]): void;
}

const firstPauseMs = 1000;
const lastPauseMs = 30_000;
/** Bytes that are offered again at a time. */
const offerBytes = 256 * 1024;

export function aside({ store, lane, clock, bound, report, again }: AsideOptions): Aside {
  const waiting = new Map<number, { readonly kind: string; readonly bytes: number; readonly count: number }>();
  /** What is being offered again, by order. */
  const offered = new Set<number>();
  const said = new Set<string>();
  let [bytes, events, lost] = [0, 0, 0];
  let pause = firstPauseMs;
  let timer: (() => void) | undefined;
  let stopped = false;

  const remove = (order: number): boolean => {
    const one = waiting.get(order);
    if (!one) return false;
    waiting.delete(order);
    bytes -= one.bytes;
    events -= one.count;
    return true;
  };
  /** The oldest first, as far as it goes into one read. */
  const oldest = (most: number): Spooled[] => {
    const orders = [...waiting].sort(([one], [other]) => one - other);
    const found: Spooled[] = [];
    let size = 0;
    for (const [order, { kind }] of orders) {
      const [entry] = store.waiting(lane, kind, order, 1);
      if (entry?.order !== order) continue;
      found.push(entry);
      size += sizeOf(entry);
      if (size >= most) break;
    }
    return found;
  };
  const offer = (): void => {
    timer = undefined;
    if (stopped || waiting.size === 0) return;
    const entries = oldest(offerBytes);
    for (const { order } of entries) {
      remove(order);
      offered.add(order);
    }
    again(entries);
  };
  const offerIn = (ms: number): void => {
    timer?.();
    timer = clock.after(ms, offer);
    pause = Math.min(lastPauseMs, pause * 2);
  };

  return {
    put(entries) {
      for (const entry of entries) {
        const size = { kind: entry.kind, bytes: sizeOf(entry), count: entry.count };
        waiting.set(entry.order, size);
        bytes += size.bytes;
        events += size.count;
        offered.delete(entry.order);
        if (!said.has(entry.kind))
          report(
            'error',
            `spool: nobody at the broker reads ${entry.kind} of ${entry.keys[0]?.slice(0, 200)}; run a node that does, as the store of a hub. Kept, up to ${Math.round(bound / 1048576)} MB, and offered again`,
          );
        said.add(entry.kind);
      }
      const gone = bytes > bound ? oldest(bytes - bound * 0.9) : [];
      for (const { order, count } of gone) {
        remove(order);
        lost += count;
      }
      if (gone.length > 0 && !said.has('full')) {
        report('error', 'spool: what nobody reads has filled its room; the oldest of it is let go and counted');
        said.add('full');
      }
      if (!timer && waiting.size > 0) offerIn(pause);
      return gone;
    },
    taken(entries) {
      const first = entries.find(({ order }) => offered.delete(order));
      if (!first) return;
      pause = firstPauseMs;
      if (said.delete(first.kind)) report('info', `spool: somebody reads ${first.kind} now; what waited for that is on its way`);
      said.delete('full');
      if (waiting.size > 0) offerIn(0);
    },
    get counts() {
      return { events, bytes, lost };
    },
    stop() {
      stopped = true;
      timer?.();
    },
  };
}
