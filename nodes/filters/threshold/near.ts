/**
 * Says how near each rule came to firing: which of its limits was passed, for how long, and what was missing. It judges
 * recorded points with the very function that judges live ones.
 *
 * rules and metrics → for each rule, level and series: the furthest value, the longest stretch beyond the limit, a sentence.
 */
import { type Event, type Explains, formatDuration, type Nearness, type Point } from 'sluice';
import { type Held, judge } from './level.ts';
import { type config, type Level, type Rule, rulesOf, withoutLevels } from './rules.ts';
import { alertKeys, distinguishing, formatValue } from './words.ts';

export const explains: Explains<typeof config, 'metric'> = {
  rules: (given) =>
    [...rulesOf(given).values()].flatMap((rule) =>
      rule.levels.map(({ severity, for: least }) => ({ rule: rule.name, severity, for: least })),
    ),
  without: withoutLevels,
  nearness(given, inputs) {
    const rules = [...rulesOf(given).values()];
    const all = new Map<string, Followed>();
    for (const { event } of inputs) {
      for (const point of event.data.points) {
        for (const rule of rules) {
          if (rule.metric !== point.name || !rule.fits(point.attributes)) continue;
          const apart = distinguishing(rule.by, point.attributes);
          const id = JSON.stringify([rule.name, event.key, apart]);
          const followed = all.get(id) ?? follow(rule, event.key, apart, point);
          all.set(id, followed);
          followed.take(event, point);
        }
      }
    }
    return [...all.values()].flatMap((followed) => followed.nearness());
  },
};

interface Followed {
  take(event: Event<'metric'>, point: Point): void;
  nearness(): Nearness[];
}

/** What is known of one level after some values. */
interface Course {
  readonly level: Level;
  nearest: { value: number; at: number };
  held: { from: number; to: number } | undefined;
  fired: number | undefined;
  /** It fired before its own time was up, since a worse level did. */
  early: boolean;
}

function follow(rule: Rule, about: string, apart: readonly (readonly [string, string])[], first: Point): Followed {
  const unit = rule.unit ?? first.unit;
  const key = alertKeys(rule.name, about, apart).alert;
  const courses = rule.levels.map(
    (level): Course => ({ level, nearest: { value: Number.NaN, at: 0 }, held: undefined, fired: undefined, early: false }),
  );
  let held: Held = {};
  let looked = 0;
  return {
    take(event, point) {
      const time = point.time === undefined ? event.time : Date.parse(point.time);
      held = judge(rule, held, point.value, time, event.id).held;
      looked += 1;
      for (const course of courses) {
        const { sign, severity } = course.level;
        // Negated, so that the first value counts as nearer than none.
        if (!(sign * (point.value - course.nearest.value) <= 0)) course.nearest = { value: point.value, at: time };
        const now = held[severity];
        if (!now) continue;
        if (!course.held || time - now.since >= course.held.to - course.held.from) course.held = { from: now.since, to: time };
        if (!now.fired || course.fired !== undefined) continue;
        course.fired = time;
        course.early = time - now.since < course.level.for;
      }
    },
    nearness: () =>
      courses.map((course) => {
        const { level, nearest, held: stretch, fired } = course;
        return {
          rule: rule.name,
          severity: level.severity,
          for: level.for,
          key,
          verdict: fired !== undefined ? 'fired' : stretch ? 'too short' : 'within',
          looked,
          nearest: { ...nearest, limit: level.limit, ...(unit !== undefined && { unit }) },
          ...(stretch && { held: stretch }),
          text: textOf(course, unit),
        };
      }),
  };
}

function textOf({ level, nearest, held, fired, early }: Course, unit: string | undefined): string {
  const limit = formatValue(level.limit, unit);
  if (!held) {
    const value = formatValue(nearest.value, unit);
    const [most, beyond] = level.sign > 0 ? ['at most', 'above'] : ['at least', 'below'];
    return `${most} ${value}, at ${clockTime(nearest.at)}; the rule fires ${beyond} ${limit}`;
  }
  const lasted = held.to === held.from ? 'once' : `for ${formatDuration(held.to - held.from)}`;
  const beyond = `${level.sign > 0 ? 'above' : 'below'} ${limit} ${lasted}, from ${clockTime(held.from)}`;
  if (fired === undefined) return `${beyond}; the rule needs ${formatDuration(level.for)}`;
  return `${beyond}; it fired at ${clockTime(fired)}${early ? ', with a worse level' : ''}`;
}

const clockTime = (at: number): string => new Date(at).toISOString().slice(11, 19);
