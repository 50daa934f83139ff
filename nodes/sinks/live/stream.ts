/**
 * One subscription of one viewer: what waits to be sent to it, in frames of JSON.
 *
 * entries → `{"snapshot":[…]}` once, then `{"events":[…],"dropped":n}`. What waits is bounded in bytes: a viewer that reads
 * slower than the world moves loses the oldest, and is told how many. The present is never lost that way: of each state the
 * last word waits, however long.
 */
import type { Entry } from './memory.ts';
import type { Subscription } from './subscription.ts';

export interface Stream {
  readonly subscription: Subscription;
  /** Keeps the entry for the next frame if the subscription wants it. */
  offer(entry: Entry): void;
  /** The frame of all that waits. When nothing does, it is a sign of life. */
  next(): Buffer;
  readonly waiting: boolean;
}

export function createStream(subscription: Subscription, limit: number, countDropped: (count: number) => void): Stream {
  let events: Entry[] = [];
  let bytes = 0;
  let dropped = 0;
  const states = new Map<string, Entry>();

  const dropOldest = () => {
    let count = 0;
    // Half at once: dropping one by one would move the rest for each.
    while (bytes > limit / 2 && count < events.length) bytes -= events[count++]?.json.length ?? 0;
    events = events.slice(count);
    dropped += count;
    countDropped(count);
  };

  return {
    subscription,
    offer(entry) {
      if (!subscription.matches(entry)) return;
      if (entry.kind === 'state') {
        states.delete(entry.key);
        states.set(entry.key, entry);
        return;
      }
      events.push(entry);
      bytes += entry.json.length;
      if (bytes > limit) dropOldest();
    },
    next() {
      const all = states.size === 0 ? events : inOrder([...events, ...states.values()]);
      const sent = frame(subscription, 'events', all, `,"dropped":${dropped}`);
      events = [];
      bytes = 0;
      dropped = 0;
      states.clear();
      return sent;
    },
    get waiting() {
      return events.length > 0 || states.size > 0 || dropped > 0;
    },
  };
}

/**
 * The first frame: the whole present, then as much of the past as fits into `limit` bytes, newest first. `omitted` says how
 * many older events were left out.
 */
export function snapshot(
  subscription: Subscription,
  present: readonly Entry[],
  past: readonly Entry[],
  now: number,
  limit: number,
): Buffer {
  const chosen = present.filter((entry) => subscription.remembers(entry, now));
  let room = limit;
  let omitted = 0;
  for (let index = past.length - 1; index >= 0; index--) {
    const entry = past[index];
    if (!entry || !subscription.remembers(entry, now)) continue;
    room -= entry.json.length + 1;
    if (room >= 0) chosen.push(entry);
    else omitted++;
  }
  return frame(subscription, 'snapshot', inOrder(chosen), omitted > 0 ? `,"omitted":${omitted}` : '');
}

const inOrder = (entries: Entry[]) => entries.sort((one, other) => one.order - other.order);

const comma = Buffer.from(',');

function frame({ id }: Subscription, name: string, entries: readonly Entry[], rest: string): Buffer {
  const parts: Buffer[] = [Buffer.from(`{${id === undefined ? '' : `"id":${JSON.stringify(id)},`}"${name}":[`)];
  for (const [index, entry] of entries.entries()) {
    if (index > 0) parts.push(comma);
    parts.push(entry.json);
  }
  parts.push(Buffer.from(`]${rest}}`));
  return Buffer.concat(parts);
}
