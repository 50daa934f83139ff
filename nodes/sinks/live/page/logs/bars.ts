/** The bars of a histogram: what was kept, and the tail's own counts from where they begin. */
import type { Counted } from './past.ts';
import type { Counts } from './roll.ts';

export interface Steps {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

export interface Bars {
  readonly of: readonly Counts[];
  readonly sum: Counts;
  /** Lines of the highest. */
  readonly most: number;
}

export function bars({ from, to, step }: Steps, past: Counted | undefined, tail: ReadonlyMap<number, Counts>): Bars {
  const of = Array.from({ length: Math.round((to - from) / step) }, (): Counts => [0, 0, 0, 0, 0, 0]);
  // What memory tells of its first second may be half of it.
  const begins = tail.size === 0 ? Number.POSITIVE_INFINITY : (Math.min(...tail.keys()) + 1) * 1000;
  const add = (at: number, counts: Counts) => {
    const into = of[Math.floor((at - from) / step)];
    if (into) for (let rank = 0; rank < 6; rank++) into[rank as 0] += counts[rank as 0] ?? 0;
  };
  /** Steps that the store told whole. */
  const told = new Set<number>();
  if (past && past.step === step)
    for (const [index, counts] of past.counts.entries()) {
      const at = past.from + index * step;
      if (at + step > begins && past.to > begins) continue;
      told.add(Math.floor((at - from) / step));
      add(at, counts);
    }
  for (const [second, counts] of tail) if (!told.has(Math.floor((second * 1000 - from) / step))) add(second * 1000, counts);
  const sum: Counts = [0, 0, 0, 0, 0, 0];
  let most = 0;
  for (const counts of of) {
    let all = 0;
    for (let rank = 0; rank < 6; rank++) {
      sum[rank as 0] += counts[rank as 0];
      all += counts[rank as 0];
    }
    most = Math.max(most, all);
  }
  return { of, sum, most };
}
