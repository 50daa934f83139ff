/**
 * What a series did within one window, and how windows become larger ones.
 *
 * a series' points of a minute → a summary; summaries → one over all of them. A gauge is summed up by its values, a counter
 * by its rates per second: increase over time between one reading and the next.
 *
 * A counter that falls was restarted at 0, so all that it shows then is increase. Rates are attributed to the later reading's
 * window. Points are put in order of time first, so that the order of arrival changes no bit.
 */
import { type DataInput, decodeSketch, encodeSketch, mergeSketches, sketchOf, z } from 'sluice';

/** `at`: the time of the last value. */
export const summary = z.object({
  count: z.number(),
  sum: z.number(),
  min: z.number(),
  max: z.number(),
  last: z.number(),
  at: z.number(),
  sketch: z.string(),
});
export type Summary = z.output<typeof summary>;

/** Values and when each was measured, side by side. */
export interface Readings {
  readonly times: number[];
  readonly values: number[];
}

/** The readings by time. */
export function inOrder(readings: Readings): Readings {
  const { times, values } = readings;
  if (times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0))) return readings;
  const pairs = times.map((time, index): [number, number] => [time, values[index] ?? 0]);
  pairs.sort(([time, value], [otherTime, other]) => time - otherTime || value - other);
  return { times: pairs.map(([time]) => time), values: pairs.map(([, value]) => value) };
}

/** Rates per second of a counter's readings in order, each with the time at which it ends. `before`: the latest time and value known earlier. */
export function ratesOf({ times, values }: Readings, before: readonly [time: number, value: number] | undefined): Readings {
  const rates: Readings = { times: [], values: [] };
  // A straggler from before the latest known reading has its own rates: those between it and its like.
  let [earlier, from] = before !== undefined && before[0] < (times[0] ?? 0) ? before : [Number.NaN, Number.NaN];
  times.forEach((time, index) => {
    const value = values[index] ?? 0;
    if (time > earlier) {
      rates.times.push(time);
      rates.values.push(finite(((value < from ? value : value - from) * 1000) / (time - earlier)));
    }
    [earlier, from] = [time, value];
  });
  return rates;
}

/** Undefined of no readings. */
export function summarize({ times, values }: Readings): Summary | undefined {
  const [last, at] = [values.at(-1), times.at(-1)];
  if (last === undefined || at === undefined) return undefined;
  let [sum, min, max] = [0, last, last];
  for (const value of values) {
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { count: values.length, sum: finite(sum), min, max, last, at, sketch: encodeSketch(sketchOf(values)) };
}

export function merge(one: Summary | undefined, other: Summary): Summary {
  const [sketch, otherSketch] = [decodeSketch(one?.sketch ?? ''), decodeSketch(other.sketch)];
  if (one === undefined || sketch === undefined || otherSketch === undefined) return other;
  const { last, at } = other.at >= one.at ? other : one;
  return {
    count: one.count + other.count,
    sum: finite(one.sum + other.sum),
    min: Math.min(one.min, other.min),
    max: Math.max(one.max, other.max),
    last,
    at,
    sketch: encodeSketch(mergeSketches(sketch, otherSketch)),
  };
}

type StatSeries = DataInput<'stat'>['series'][number];

/** A summary as a stat carries it. */
export function toSeries(what: Pick<StatSeries, 'name' | 'unit' | 'attributes'>, { at: _, ...numbers }: Summary): StatSeries {
  return { ...what, ...numbers };
}

/** Sums of the largest numbers leave what JSON can hold. */
const finite = (value: number): number => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
