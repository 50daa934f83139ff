/**
 * Rules worth trying on a group of series: levels from how its values were spread, durations from how long it stayed beyond
 * each of them, both read off quantile sketches, and rounded to what a person would write.
 *
 *     values   ▁▂▇█▇▃▂▁ ▁│  ▁│ ▁    levels: the 90th to the 99.9th percentile, and what troubles looked like
 *     runs     █▅▂▁▁  │ │           durations: longer than half, … than nearly all of the times beyond the level
 */
import { quantile, sketchOf } from '../sketch.ts';
import { type Group, runsBeyond } from './tape.ts';

/** A level that could fire. `for` is in milliseconds; `clear` is where it is well again. */
export interface Candidate {
  readonly sign: 1 | -1;
  readonly limit: number;
  readonly clear: number;
  readonly for: number;
}

/** Shares of the values that lie on the quiet side of a level. */
const levelShares = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
/** Of what trouble looked like: its values, and how far on the way from the middle to them a level lies. */
const troubleShares = [0.25, 0.5, 0.75];
const partWay = [0.75, 0.95];
const runShares = [0.5, 0.9, 1];
/** Of the longest time beyond a level. */
const runParts = [1, 0.5, 0.2];
const minute = 60_000;
/** What people write. */
const durations = [0, 5e3, 15e3, 30e3, ...[1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 720].map((count) => count * minute)];
/** How much of the way back to the middle it must be before an alert is over. */
const wayBack = 0.1;
const mostCandidates = 96;

export interface Wanted {
  readonly sign: 1 | -1;
  /** Values received from here on are kept for the test. */
  readonly fitUntil: number;
  /** The shortest `for` that can be judged: how coarsely the past is known. */
  readonly leastFor: number;
  /** Values while there was trouble, if any is known. */
  readonly troubled: readonly number[];
}

/** Empty when nothing lies beyond any level. */
export function candidatesOf(group: Group, { sign, fitUntil, leastFor, troubled }: Wanted): Candidate[] {
  const fitted = group.values.filter((_, at) => (group.received[at] ?? 0) < fitUntil);
  const spread = sketchOf(fitted);
  const middle = quantile(spread, 0.5) ?? 0;
  const trouble = sketchOf(troubled);
  const at = (share: number): number => (sign > 0 ? share : 1 - share);
  const towards = (level: number | undefined): (number | undefined)[] =>
    level === undefined ? [] : partWay.map((part) => middle + part * (level - middle));
  const levels = [
    ...troubleShares.flatMap((share) => towards(quantile(trouble, share))),
    ...levelShares.map((share) => quantile(spread, at(share))),
    // Half-way into a gap at the end, where there is one, and noise reaches it least.
    ((quantile(spread, at(0.99)) ?? middle) + (quantile(spread, at(1)) ?? middle)) / 2,
  ].flatMap((level) => (level !== undefined && sign * (rounded(level) - middle) > 0 ? [rounded(level)] : []));
  const found = [...new Set(levels)].flatMap((limit): Candidate[] => {
    const runs = runsBeyond(group, limit, sign, fitUntil);
    const lengths = sketchOf(runs);
    const longest = runs.reduce((most, run) => Math.max(most, run), 0);
    const asked = [
      ...runShares.map((share) => durations.find((each) => each > (quantile(lengths, share) ?? 0))),
      ...runParts.map((part) => durations.findLast((each) => each <= part * longest)),
    ].flatMap((each) => (each === undefined ? [] : [Math.max(each, leastFor)]));
    const back = Number((limit - sign * wayBack * Math.abs(limit - middle)).toPrecision(4));
    const clear = sign * (limit - back) >= 0 ? back : limit;
    return [...new Set(asked)].map((each) => ({ sign, limit, clear, for: each }));
  });
  return found.slice(0, mostCandidates);
}

const rounded = (value: number): number => Number(value.toPrecision(3));
