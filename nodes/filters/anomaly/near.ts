/**
 * Says how unlike the same hour of earlier weeks an hour was, and what was missing until it would have been told. It learns the recorded
 * hours as the filter does live.
 *
 * stats (rollup's hours) → for each series: the hour that was furthest from what is usual, and how far that is.
 */
import type { Explains, Nearness } from 'sluice';
import { alertKey, named } from '../shared/alert.ts';
import type { config } from './config.ts';
import { type Habit, hour, hourOf, hoursOfWeek, judged, learn, leastWeeks, type Usual, weekOf } from './habit.ts';
import { format, wordsOf } from './words.ts';

const rule = { rule: 'anomaly', severity: 'info', for: hour } as const;

export const explains: Explains<typeof config, 'stat'> = {
  /** Eight weeks, and the hour before the first. */
  memory: 8 * hoursOfWeek * hour + hour,
  concerns: ({ data }) => Date.parse(data.to) - Date.parse(data.from) === hour,
  rules: () => [rule],
  nearness({ metrics }, inputs, since = Number.NEGATIVE_INFINITY) {
    const matters = new Map(Object.entries(metrics));
    const all = new Map<string, Followed>();
    for (const { event, at } of inputs) {
      const from = Date.parse(event.data.from);
      if (Date.parse(event.data.to) - from !== hour) continue;
      for (const series of event.data.series) {
        const room = matters.get(series.name);
        if (room === undefined || series.count === 0) continue;
        const words = wordsOf(series);
        const id = JSON.stringify([event.key, series.unit, words]);
        const followed = all.get(id) ?? follow(alertKey(event.key, words), words.map(named).join(' '), series.unit);
        all.set(id, followed);
        followed.take(from, series, room, at >= since);
      }
    }
    return [...all.values()].flatMap((followed) => followed.nearness() ?? []);
  },
};

interface Followed {
  take(from: number, hours: { readonly count: number; readonly sum: number }, room: number, asked: boolean): void;
  nearness(): Nearness | undefined;
}

interface Looked {
  readonly from: number;
  readonly mean: number;
  /** Undefined where too few weeks were known; then `weeks` says how many. */
  readonly found: { readonly nearest: Usual; readonly beyond: number } | undefined;
  readonly weeks: number;
}

function follow(key: string, name: string, unit: string | undefined): Followed {
  const habits = new Map<number, Habit>();
  let furthest: Looked | undefined;
  let looked = 0;
  return {
    take(from, { count, sum }, room, asked) {
      const before = habits.get(hourOf(from)) ?? [];
      habits.set(hourOf(from), learn(before, weekOf(from), count, sum));
      // A further part of an hour is learned; the hour was judged by its first.
      if (!asked || before.some(([week]) => week >= weekOf(from))) return;
      looked += 1;
      const mean = sum / count;
      const found = judged((hourOfWeek) => habits.get(hourOfWeek) ?? [], from, mean, room);
      if (!furthest || (found?.beyond ?? -1) > (furthest.found?.beyond ?? -1)) furthest = { from, mean, found, weeks: before.length };
    },
    nearness() {
      if (!furthest) return undefined;
      const { from, mean, found, weeks } = furthest;
      const hourText = `${name} was ${format(mean, unit)} over the hour from ${new Date(from).toISOString().slice(11, 16)}`;
      const same = { ...rule, key, looked };
      if (!found) {
        const text = `${hourText}; missing: ${leastWeeks} earlier weeks of that hour, of which ${weeks} ${weeks === 1 ? 'is' : 'are'} known`;
        return { ...same, verdict: 'within', nearest: { value: weeks, limit: leastWeeks, at: from, unit: '{week}' }, text };
      }
      const { least, greatest, middle, room, weeks: known } = found.nearest;
      const limit = mean > middle ? middle + room : middle - room;
      const usual = `${hourText}; at this hour of ${known} earlier weeks, ${format(least, unit)} to ${format(greatest, unit)}`;
      const fired = found.beyond > 1;
      return {
        ...same,
        verdict: fired ? 'fired' : 'within',
        nearest: { value: mean, limit, at: from, ...(unit !== undefined && { unit }) },
        ...(fired && { held: { from, to: from + hour } }),
        text: fired
          ? `${usual}; it is unusual ${mean > middle ? 'above' : 'below'} ${format(limit, unit)}, and it fired`
          : `${usual}; missing: it is unusual ${mean > middle ? 'above' : 'below'} ${format(limit, unit)}, and was ${Math.round(found.beyond * 100)} % of the way there`,
      };
    },
  };
}
