/**
 * Several series as one: of each second the sum, the mean, the lowest or the highest of what stands then. Servers do not measure at
 * the same instant, nor as often: a value stands until the next of its series is overdue, so that a sum does not jump with
 * whoever is late. A second in which none of them measured has no value.
 */
import type { Fold } from './protocol.ts';
import { reachOf, type Track, valueAt } from './track.ts';

export function foldAt(members: readonly Track[], fold: Fold, second: number): number {
  let [measured, count, result] = [false, 0, 0];
  for (const member of members) {
    if (second < member.oldest) continue;
    let value = valueAt(member, second);
    if (Number.isNaN(value)) value = standing(member, second);
    else measured = true;
    if (Number.isNaN(value)) continue;
    result = count === 0 ? value : folds[fold](result, value);
    count += 1;
  }
  if (!measured) return Number.NaN;
  return fold === 'mean' ? result / count : result;
}

const add = (one: number, other: number) => one + other;
export const folds: Readonly<Record<Fold, (one: number, other: number) => number>> = { sum: add, mean: add, min: Math.min, max: Math.max };

/** What it said last, where that is not too long ago. */
function standing(member: Track, second: number): number {
  for (let at = Math.min(second - 1, member.newest), end = second - reachOf(member); at > end; at--) {
    const value = valueAt(member, at);
    if (!Number.isNaN(value)) return value;
  }
  return Number.NaN;
}
