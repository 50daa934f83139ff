/**
 * A DDSketch: how values are spread, to within 1 % of each value, whatever their range. Merging is adding, so a sketch of an
 * hour made of sixty minutes' equals one over all its values: quantiles of any span come of it, never averages of quantiles.
 *
 * values → bins → base64, and back. A value v > 0 lies in bin ⌈log(v) / log(γ)⌉ with γ = 1.01 / 0.99, as in the paper
 * (Masson, Rim, Lee 2019) and in every implementation's logarithmic mapping.
 *
 * The text is a function of the bins alone: equal contents are equal bytes. The protobuf of @datadog/sketches-js is not used:
 * its bytes depend on the order of the values, its merge leaves negative values out, and it takes 8 bytes for each empty bin.
 * Of magnitudes that lie more than 2048 bins (18 powers of ten) below the largest, only how many there are is kept.
 */
import { z } from 'zod';

/** A sketch on the wire, as {@link encodeSketch} writes it; docs/protocol says how to read it. 2048 bins of each sign fit. */
export const sketchText = z
  .base64()
  .max(65_536)
  .describe(
    'A DDSketch (Masson, Rim, Lee 2019) with a relative accuracy of 1 %: base64 of version 1, the zeros, then the positive and the negative bins. See docs/protocol/README.md.',
  );

const relativeAccuracy = 0.01;
const gamma = (1 + relativeAccuracy) / (1 - relativeAccuracy);
const perDoubling = Math.LN2 / Math.log(gamma);
const widest = 2048;
const version = 1;

/** Bins in ascending order, each followed by how many values lie in it. */
type Bins = readonly number[];

export interface Sketch {
  readonly zeros: number;
  readonly positive: Bins;
  readonly negative: Bins;
}

const binOf = (magnitude: number): number => Math.ceil(Math.log2(magnitude) * perDoubling);
const middleOf = (bin: number): number => (2 * 2 ** (bin / perDoubling)) / (1 + gamma);

export function sketchOf(values: readonly number[]): Sketch {
  const [positive, negative]: [number[], number[]] = [[], []];
  for (const value of values) {
    if (value > 0) positive.push(binOf(value));
    else if (value < 0) negative.push(binOf(-value));
  }
  return { zeros: values.length - positive.length - negative.length, positive: gathered(positive), negative: gathered(negative) };
}

/** One over the values of both. */
export function mergeSketches(one: Sketch, other: Sketch): Sketch {
  return {
    zeros: one.zeros + other.zeros,
    positive: added(one.positive, other.positive),
    negative: added(one.negative, other.negative),
  };
}

/** The value below which a share (0..1) of the values lies, to within 1 %; undefined of an empty sketch. */
export function quantile({ zeros, positive, negative }: Sketch, share: number): number | undefined {
  const ascending: [value: number, count: number][] = [[0, zeros]];
  for (let at = 0; at < negative.length; at += 2) ascending.unshift([-middleOf(negative[at] ?? 0), negative[at + 1] ?? 0]);
  for (let at = 0; at < positive.length; at += 2) ascending.push([middleOf(positive[at] ?? 0), positive[at + 1] ?? 0]);
  const total = ascending.reduce((sum, [, count]) => sum + count, 0);
  let rank = share * (total - 1);
  for (const [value, count] of ascending) {
    if (count > 0 && rank < count) return value;
    rank -= count;
  }
  return undefined;
}

/** Bins from where each value lies. */
function gathered(lying: number[]): Bins {
  const bins: number[] = [];
  for (const bin of lying.sort((a, b) => a - b)) {
    if (bins.length > 0 && bins[bins.length - 2] === bin) bins[bins.length - 1] = (bins[bins.length - 1] ?? 0) + 1;
    else bins.push(bin, 1);
  }
  return narrowed(bins);
}

function added(one: Bins, other: Bins): Bins {
  const bins: number[] = [];
  let [at, otherAt] = [0, 0];
  while (at < one.length || otherAt < other.length) {
    const bin = one[at] ?? Number.POSITIVE_INFINITY;
    const otherBin = other[otherAt] ?? Number.POSITIVE_INFINITY;
    let count = 0;
    if (bin <= otherBin) {
      count += one[at + 1] ?? 0;
      at += 2;
    }
    if (otherBin <= bin) {
      count += other[otherAt + 1] ?? 0;
      otherAt += 2;
    }
    bins.push(Math.min(bin, otherBin), count);
  }
  return narrowed(bins);
}

/** Those that lie too far below the largest become one bin. The largest only grows, so neither order nor number of merges matters. */
function narrowed(bins: Bins): Bins {
  const lowest = (bins[bins.length - 2] ?? 0) - widest + 1;
  if ((bins[0] ?? 0) >= lowest) return bins;
  let [from, below] = [0, 0];
  for (; (bins[from] ?? lowest) <= lowest && from < bins.length; from += 2) below += bins[from + 1] ?? 0;
  return [lowest, below, ...bins.slice(from)];
}

/** Version, zeros, then the positive and the negative bins: how many, and of each its distance to the one before and its count. */
export function encodeSketch({ zeros, positive, negative }: Sketch): string {
  const bytes = [version];
  put(bytes, zeros);
  for (const bins of [positive, negative]) {
    put(bytes, bins.length / 2);
    let before = 0;
    for (let at = 0; at < bins.length; at += 2) {
      const bin = bins[at] ?? 0;
      const step = bin - before;
      put(bytes, step < 0 ? -2 * step - 1 : 2 * step);
      put(bytes, bins[at + 1] ?? 0);
      before = bin;
    }
  }
  return Buffer.from(bytes).toString('base64');
}

/** The inverse of {@link encodeSketch}; undefined when the text is none of its: it writes each sketch in one way alone. */
export function decodeSketch(text: string): Sketch | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes[0] !== version || bytes.toString('base64') !== text) return undefined;
  let at = 1;
  const take = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 49) return Number.NaN;
      value += (byte & 127) * scale;
      // A last byte of nothing would be a second way to write the number.
      if (byte < 128) return byte === 0 && scale > 1 ? Number.NaN : value;
      scale *= 128;
    }
  };
  const takeBins = (): Bins => {
    const bins: number[] = [];
    let bin = 0;
    let left = take();
    if (Number.isNaN(left)) return [Number.NaN];
    for (; left > 0; left--) {
      // Fewer bins than were announced.
      if (at >= bytes.length) return [Number.NaN];
      const step = take();
      bin += step % 2 === 1 ? -(step + 1) / 2 : step / 2;
      const count = take();
      const follows = bins.length === 0 || bin > (bins[bins.length - 2] ?? 0);
      if (!follows || !(count > 0)) return [Number.NaN];
      bins.push(bin, count);
    }
    return (bins[bins.length - 2] ?? 0) - (bins[0] ?? 0) < widest ? bins : [Number.NaN];
  };
  const sketch = { zeros: take(), positive: takeBins(), negative: takeBins() };
  const isWhole = at === bytes.length && ![sketch.zeros, ...sketch.positive, ...sketch.negative].some(Number.isNaN);
  return isWhole ? sketch : undefined;
}

/** Seven bits a byte, the lowest first: nearly all steps and counts take one. */
function put(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128));
  bytes.push(rest);
}
