/**
 * What a series does in one hour of the week: a count and a sum of each of the last eight weeks. Summaries of one hour add up,
 * and those of two filters are merged week by week.
 *
 * habit, another hour → habit; habits and a mean → how far it is from what was usual. The middle of the weeks is what counts: a
 * week that was unusual itself, and is learned as any other, moves it little.
 */
import { z } from 'sluice';

export const hour = 3_600_000;
export const hoursOfWeek = 168;
const mostWeeks = 8;
export const leastWeeks = 3;

const week = z.tuple([z.number(), z.number(), z.number()]).readonly();
/** By week, oldest first: its number since 1970, count and sum. */
export const habit = z.array(week);
export type Habit = z.output<typeof habit>;

export const weekOf = (time: number): number => Math.floor(time / (hoursOfWeek * hour));
export const hourOf = (time: number): number => Math.floor(time / hour) % hoursOfWeek;

/** With what was measured in an hour, or in a part of it. */
export function learn(before: Habit, number: number, count: number, sum: number): Habit {
  const [, knownCount, knownSum] = before.find(([each]) => each === number) ?? [number, 0, 0];
  const total = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, knownSum + sum));
  const others = before.filter(([each]) => each !== number);
  return [...others, [number, knownCount + count, total] as const].sort(([a], [b]) => a - b).slice(-mostWeeks);
}

export interface Usual {
  readonly weeks: number;
  readonly least: number;
  readonly greatest: number;
  readonly middle: number;
  /** How far a mean may be from the middle before it is unusual. */
  readonly room: number;
}

/** What the weeks before `number` were like; undefined of fewer than three. `matters`: the least difference that does. */
export function usual(known: Habit, number: number, matters: number): Usual | undefined {
  const means = known.flatMap(([each, count, sum]) => (each < number ? [sum / count] : [])).sort((a, b) => a - b);
  if (means.length < leastWeeks) return undefined;
  const middle = median(means);
  const apart = median(means.map((mean) => Math.abs(mean - middle)).sort((a, b) => a - b));
  // 1.4826 makes of a median deviation a standard deviation, where values are normal; six of them, and half as much again.
  const room = Math.max(matters, 6 * 1.4826 * apart, Math.abs(middle) / 2);
  return { weeks: means.length, least: means[0] ?? 0, greatest: means.at(-1) ?? 0, middle, room };
}

export interface Judged {
  readonly mean: number;
  /** The hour, of this one and both beside it, that it is most like. */
  readonly nearest: Usual;
  /** How far it is from that: unusual above 1. */
  readonly beyond: number;
}

/** An hour's mean beside what was usual; undefined when three weeks of that hour are not known. `room`: the difference that matters. */
export function judged(habitAt: (hourOfWeek: number) => Habit, from: number, mean: number, room: number): Judged | undefined {
  const around = [0, -hour, hour].map((beside) => usual(habitAt(hourOf(from + beside)), weekOf(from), room));
  // The hour itself must be known; those beside it only make it more forgiving.
  if (around[0] === undefined) return undefined;
  const distances = around.flatMap((each) => (each ? [{ mean, nearest: each, beyond: Math.abs(mean - each.middle) / each.room }] : []));
  return distances.sort((a, b) => a.beyond - b.beyond)[0];
}

function median(ascending: readonly number[]): number {
  const half = ascending.length / 2;
  return ((ascending[Math.ceil(half) - 1] ?? 0) + (ascending[Math.floor(half)] ?? 0)) / 2;
}
