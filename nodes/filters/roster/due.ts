/**
 * Who must be looked at when: a tick costs what is due, not how many there are. Kept beside the tables and rebuilt from
 * them: an entry may be early (its server has beaten since, and is put off when its turn comes), never late.
 *
 * key, time → the keys whose time has come, sorted, so that a queue built in another order gives the same.
 */
export interface DueQueue {
  /** Looks at the key at `time`, or before. Costs nothing when that is already so. */
  by(key: string, time: number): void;
  /** Takes out all whose time has come. */
  take(now: number): string[];
}

export function dueQueue(): DueQueue {
  const heap: { key: string; time: number }[] = [];
  // The one entry of each key that counts: a heap cannot move an entry, so one put forward leaves its old one behind.
  const valid = new Map<string, number>();
  const swap = (one: number, other: number) => {
    const [a, b] = [heap[one], heap[other]];
    if (a && b) [heap[one], heap[other]] = [b, a];
  };
  const timeAt = (index: number) => heap[index]?.time ?? Number.POSITIVE_INFINITY;
  const pop = () => {
    const top = heap[0];
    const last = heap.pop();
    if (last && heap.length > 0) heap[0] = last;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const least = timeAt(left + 1) < timeAt(left) ? left + 1 : left;
      if (timeAt(least) >= timeAt(index)) break;
      swap(index, least);
      index = least;
    }
    return top;
  };
  return {
    by(key, time) {
      if ((valid.get(key) ?? Number.POSITIVE_INFINITY) <= time) return;
      valid.set(key, time);
      heap.push({ key, time });
      for (let index = heap.length - 1; index > 0; ) {
        const parent = (index - 1) >> 1;
        if (timeAt(parent) <= timeAt(index)) break;
        swap(index, parent);
        index = parent;
      }
    },
    take(now) {
      const keys: string[] = [];
      while (timeAt(0) <= now) {
        const top = pop();
        if (!top || valid.get(top.key) !== top.time) continue;
        valid.delete(top.key);
        keys.push(top.key);
      }
      return keys.sort();
    },
  };
}
