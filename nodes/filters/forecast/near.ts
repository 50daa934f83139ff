/**
 * Says how near a forecast came to being told, and which of its conditions was missing: it asks for a level, a rate that is known
 * over six hours, and certainty, all at once. It looks with the very functions that look live.
 *
 * metrics → for each filesystem and limit: the look that came nearest, and what it missed.
 */
import type { Explains, Nearness } from 'sluice';
import { alertKey, named } from '../shared/alert.ts';
import type { config } from './config.ts';
import { type Course, courseOf, slotMs, slots } from './course.ts';
import {
  beyondPeak,
  type Condition,
  dayKnown,
  fresh,
  isWanted,
  type Limit,
  limitsOf,
  lookAt,
  missing,
  peakOf,
  percent,
  rules,
  type Series,
  sentence,
  steadily,
} from './verdict.ts';

const needs = steadily * slotMs;
const hourMs = 3_600_000;

export const explains: Explains<typeof config, 'metric'> = {
  memory: dayKnown + hourMs,
  concerns: ({ data }) => data.points.some(({ name }) => Object.hasOwn(rules, name)),
  rules: (given) => limitsOf(given).flatMap(({ severity }) => Object.values(rules).map(({ rule }) => ({ rule, severity, for: needs }))),
  nearness(given, inputs, since = Number.NEGATIVE_INFINITY) {
    const all = new Map<string, Followed>();
    for (const { event, at } of inputs) {
      for (const point of event.data.points) {
        if (!Object.hasOwn(rules, point.name) || !isWanted(point)) continue;
        const mountpoint = String(point.attributes?.['system.filesystem.mountpoint'] ?? '');
        const id = JSON.stringify([event.key, point.name, mountpoint]);
        const time = point.time === undefined ? event.time : Date.parse(point.time);
        if (time > at + hourMs) continue;
        const followed =
          all.get(id) ?? follow({ ...fresh, begun: time, about: event.key, metric: point.name, mountpoint }, limitsOf(given));
        all.set(id, followed);
        followed.take(point.value, time, at >= since);
      }
    }
    return [...all.values()].flatMap((followed) => followed.nearness());
  },
};

interface Followed {
  take(share: number, time: number, asked: boolean): void;
  nearness(): Nearness[];
}

/** The look of a limit that missed least. */
interface Nearest {
  readonly at: number;
  readonly course: Course;
  readonly missed: readonly Condition[];
}

interface Approach {
  readonly limit: Limit;
  nearest: Nearest | undefined;
  /** Looks in a row that met everything. */
  steady: number;
  held: { from: number; to: number } | undefined;
  fired: number | undefined;
}

function follow(first: Series, limits: readonly Limit[]): Followed {
  let known = first;
  let looked = 0;
  let last = { share: 0, time: first.begun };
  const all = limits.map((limit): Approach => ({ limit, nearest: undefined, steady: 0, held: undefined, fired: undefined }));
  const look = (approach: Approach, course: Course, time: number): void => {
    const missed = missing(approach.limit, course, known, time);
    const { nearest, limit } = approach;
    if (
      !nearest ||
      missed.length < nearest.missed.length ||
      (missed.length === nearest.missed.length && isNearer(limit, course, nearest.course))
    )
      approach.nearest = { at: time, course, missed };
    approach.steady = missed.length === 0 ? approach.steady + 1 : 0;
    if (approach.steady === 0) return;
    const from = approach.steady === 1 ? time : (approach.held?.from ?? time);
    approach.held = { from, to: time };
    if (approach.steady >= steadily) approach.fired ??= time;
  };
  return {
    take(share, time, asked) {
      if (Math.floor(time / slotMs) <= (known.looks.at(-1)?.[0] ?? 0)) return;
      known = lookAt(known, share, time);
      if (!asked) return;
      looked += 1;
      last = { share, time };
      const course = courseOf(known.looks);
      if (course) for (const approach of all) look(approach, course, time);
    },
    nearness: () =>
      looked === 0
        ? []
        : all.map(({ limit, nearest, held, fired }): Nearness => {
            const rule = rules[known.metric];
            const { course, missed, at } = nearest ?? { course: undefined, missed: ['rate'] as const, at: last.time };
            return {
              rule: rule?.rule ?? known.metric,
              severity: limit.severity,
              for: needs,
              key: alertKey(known.about, [known.mountpoint]),
              verdict: fired !== undefined ? 'fired' : held ? 'too short' : 'within',
              looked,
              nearest: { at, ...numbersOf(known, limit, course ?? { share: last.share, rate: 0 }, missed, at) },
              ...(held && { held }),
              text: `${named(known.mountpoint)} ${textOf(known, limit, { course, missed, at, held, fired })}`,
            };
          }),
  };
}

/** The condition that was missing as a value beside its limit: a level, hours that are known, or the rate an hour that fills it in time. */
function numbersOf(
  { begun, peaks }: Series,
  limit: Limit,
  { share, rate }: Pick<Course, 'share' | 'rate'>,
  missed: readonly string[],
  at: number,
) {
  if (missed.includes('level')) return { value: share, limit: limit.share, unit: '1' };
  if (missed.includes('peak')) return { value: share, limit: peakOf(peaks) + beyondPeak, unit: '1' };
  if (missed.includes('day')) return { value: (at - begun) / hourMs, limit: dayKnown / hourMs, unit: 'h' };
  return { value: rate, limit: ((1 - share) * hourMs) / limit.within, unit: '1/h' };
}

const isNearer = ({ share }: Limit, one: Course, other: Course): boolean =>
  one.share < share || other.share < share ? one.share > other.share : one.full < other.full;

interface Told {
  readonly course: Course | undefined;
  readonly missed: readonly string[];
  readonly at: number;
  readonly held: { from: number; to: number } | undefined;
  readonly fired: number | undefined;
}

function textOf({ looks, metric, peaks }: Series, limit: Limit, { course, missed, at, held, fired }: Told): string {
  if (!course) {
    const known = looks.length / slots;
    return `is known by ${looks.length} look${looks.length === 1 ? '' : 's'} of the last six hours (${percent(known)} % of them); missing: a rate, which needs at least six hours that are known well`;
  }
  const said = `${sentence(course, rules[metric]?.of ?? 'full')}, at ${clockTime(at)}`;
  if (fired !== undefined) return `${said}; it fired at ${clockTime(fired)}`;
  if (held) return `${said}; missing: ${steadily} looks in a row, five minutes apart, that say so`;
  const words: Readonly<Record<string, string>> = {
    level: `a level of ${percent(limit.share)} %`,
    rate: `a rate over six hours that fills it within ${limit.within / hourMs}h`,
    certainty: 'certainty, for by its slower hours it does not grow',
    peak: `a level above the ${percent(peakOf(peaks))} % from which it was emptied before: it may be a rotation`,
    day: 'a day that is known, for most logs rotate daily',
  };
  return `${said}; missing: ${missed.map((each) => words[each]).join(', and ')}`;
}

const clockTime = (at: number): string => new Date(at).toISOString().slice(11, 19);
