/** Chance that a seed decides: the same seed gives the same fleet, and the same day in its life. */

export interface Chance {
  /** The next number, at least 0 and less than 1. */
  next(): number;
  /** A whole number from 0 up to but without `end`. */
  below(end: number): number;
  pick<Value>(values: readonly [Value, ...Value[]]): Value;
  pick<Value>(values: readonly Value[]): Value | undefined;
  /** How often something happens that happens `mean` times on average. */
  times(mean: number): number;
}

/** FNV-1a, which spreads short texts well enough over 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}

export function chance(...seed: readonly (string | number)[]): Chance {
  // Xorshift (Marsaglia 2003): plenty for pictures, and no number to bet on. Its state is never 0.
  let state = hash(seed.join(' ')) || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
  // The first numbers of near seeds are near.
  for (let skip = 0; skip < 8; skip++) next();
  const below = (end: number): number => Math.floor(next() * end);
  return {
    next,
    below,
    pick: <Value>(values: readonly Value[]) => values[below(values.length)] as Value,
    times(mean) {
      // Knuth's way to Poisson's numbers takes `mean` steps: past some tens, the mean with its spread does as well.
      if (mean > 30) return Math.max(0, Math.round(mean + (next() + next() + next() - 1.5) * 2 * Math.sqrt(mean)));
      const limit = Math.exp(-mean);
      let count = 0;
      for (let product = next(); product > limit; product *= next()) count += 1;
      return count;
    },
  };
}
