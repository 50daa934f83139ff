/** Bounded rates, a bucket for each name: so many at once, then so many a second. Names are a stranger's: the oldest gives way. */
export interface Buckets {
  /** Whether one more may pass now. */
  take(name: string): boolean;
}

export function createBuckets({
  rate,
  burst,
  most,
  now,
}: {
  readonly rate: number;
  readonly burst: number;
  readonly most: number;
  readonly now: () => number;
}): Buckets {
  const buckets = new Map<string, { room: number; at: number }>();
  return {
    take(name) {
      const at = now();
      const held = buckets.get(name);
      // A clock that was set back fills nothing.
      const room = held ? Math.min(burst, held.room + (Math.max(0, at - held.at) / 1000) * rate) : burst;
      buckets.delete(name);
      buckets.set(name, { room: room >= 1 ? room - 1 : room, at });
      for (const oldest of buckets.keys()) {
        if (buckets.size <= most) break;
        buckets.delete(oldest);
      }
      return room >= 1;
    },
  };
}
