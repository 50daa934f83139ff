/**
 * Evolves rules from what happened: candidates that the data suggest are tried on the past by the very filter that would judge
 * live, all in one replay, so that the number of alerts which is told is exact for the past.
 *
 *     ├──────── fit: the first two thirds ────────┤── test: the last ──┤
 *       levels, durations and the choice come from here   only counted
 *
 * A rule is chosen that fires at most so often a week: of those the one that catches most troubles (moments that a person marked,
 * alerts that lasted), then the one with the fewest other alerts, then the earliest. It knows what was rare and what was told,
 * not what was wrong: that is for the person who accepts it.
 */
import type { Event } from '../event.ts';
import { topic } from '../event.ts';
import type { Coverage, History } from '../history.ts';
import { patternOf } from '../key.ts';
import type { Severity } from '../kinds.ts';
import type { Given, PlacedFilter } from '../node.ts';
import { type Candidate, candidatesOf } from './candidates.ts';
import { resolutionMs } from './coarse.ts';
import { type Episode, episodesOf } from './episode.ts';
import { type Frequency, frequency, weekMs } from './frequency.ts';
import { replay, type Span, type Trial } from './replay.ts';
import { nameOf, ruleOf } from './rule.ts';
import { type Group, playable, record } from './tape.ts';
import { better, scoreOf, troublesOf, valuesDuring } from './trouble.ts';

export interface Asked extends Span {
  readonly host?: string | undefined;
  readonly resource?: string | undefined;
  readonly metric?: string | undefined;
  /** At most so many alerts a week. */
  readonly alerts: number;
  readonly side: 'above' | 'below';
  readonly severity: Severity;
  /** Moments that the rule should have told of, in milliseconds since 1970. */
  readonly marks: readonly number[];
}

export interface Proposal {
  readonly metric: string;
  readonly where: Readonly<Record<string, string | number | boolean>>;
  readonly unit: string | undefined;
  readonly series: number;
  readonly values: number;
  /** Undefined when the data support none; `reason` says why. */
  readonly chosen: Chosen | undefined;
  readonly reason?: string;
  /** What today's rules for it tell of the same past. */
  readonly today: readonly { readonly rule: string; readonly fired: number }[];
}

export interface Chosen {
  readonly name: string;
  readonly rule: Readonly<Record<string, unknown>>;
  readonly level: Candidate;
  readonly tried: number;
  /** Over all that is known; then over what it was fitted to, and what it was not. */
  readonly whole: Frequency;
  readonly fit: Frequency;
  readonly test: Frequency;
  readonly would: readonly Episode[];
  /** Marked moments and long alerts that it caught, of all. */
  readonly caught: number;
  readonly troubles: number;
  /** What a person should know before accepting it. */
  readonly remarks: readonly string[];
}

export interface Proposed {
  readonly asked: Asked;
  readonly coverage: readonly Coverage[];
  readonly proposals: readonly Proposal[];
  /** Metrics of which no rule of today judges, left out unless named. */
  readonly others: readonly string[];
}

const fitShare = 2 / 3;
const dayMs = 86_400_000;
const leastValues = 100;
const mostGroups = 8;

/** @param today the filters of the config, of which those that explain their rules are compared with. `judge` is `threshold`. */
export async function propose(history: History, judge: PlacedFilter, today: Trial, asked: Asked): Promise<Proposed> {
  const coverage = (await history.coverage(asked.from, asked.to)).filter(({ resolution }) => resolution !== 'hour');
  const wanted = topic(
    'metric',
    asked.host === undefined ? '#' : patternOf({ host: asked.host, ...(asked.resource !== undefined && { resource: asked.resource }) }),
  );
  const groups = coverage.length === 0 ? [] : await record(history, coverage, wanted, asked.metric);
  const judged = groups.map((group) => ({ group, rules: rulesFor(group, today) }));
  const ruled = judged.filter(({ rules }) => rules.size > 0);
  const taken = asked.metric === undefined && ruled.length > 0 ? ruled : judged;
  const left = new Set([...judged.filter((one) => !taken.includes(one)), ...taken.slice(mostGroups)].map(({ group }) => group.metric));
  const proposals: Proposal[] = [];
  for (const { group, rules } of taken.slice(0, mostGroups))
    proposals.push(await proposeFor(history, { judge, today, asked, coverage, group, rules }));
  return { asked, coverage, proposals, others: [...left].filter((name) => !proposals.some(({ metric }) => metric === name)).sort() };
}

interface Task {
  readonly judge: PlacedFilter;
  readonly today: Trial;
  readonly asked: Asked;
  readonly coverage: readonly Coverage[];
  readonly group: Group;
  readonly rules: ReadonlySet<string>;
}

async function proposeFor(history: History, task: Task): Promise<Proposal> {
  const { judge, today, asked, coverage, group, rules } = task;
  const { metric, where, unit, series, values } = group;
  const about = { metric, where, unit, series: series.length, values: values.length };
  const known = coverage.reduce((sum, { from, to }) => sum + to - from, 0);
  const span = { from: coverage[0]?.from ?? asked.from, to: coverage.at(-1)?.to ?? asked.to };
  const before = await tell(task, span, { about: today.about, filters: today.filters.filter(explainsMetrics) });
  const todays = before.filter(({ rule }) => rules.has(rule));
  const fired = [...rules].map((rule) => ({ rule, fired: todays.filter((one) => one.rule === rule).length }));
  const none = (reason: string): Proposal => ({ ...about, chosen: undefined, today: fired, reason });
  if (known < dayMs || values.length < leastValues) {
    const what = `${values.length} values within ${(known / 3_600_000).toFixed(1)} hours`;
    return none(`too little is known of it: ${what}; a day and ${leastValues} values are the least`);
  }
  if (values.every((value) => value === values[0])) return none(`it was ${values[0]} all the time: no level follows from that`);

  const split = splitOf(coverage, known * fitShare);
  const troubles = troublesOf(await recordedFor(history, group, rules, span), todays, asked.marks);
  const candidates = candidatesOf(group, {
    sign: asked.side === 'above' ? 1 : -1,
    fitUntil: split,
    leastFor: Math.max(...coverage.map(({ resolution }) => resolutionMs[resolution])),
    troubled: valuesDuring(group, troubles, split),
  });
  if (candidates.length === 0) return none(`nothing was ever far ${asked.side} what is usual`);

  const configs = Object.fromEntries(candidates.map((level, index) => [`c${index}`, ruleOf(group, level, asked.severity)]));
  const trial = { ...judge, name: 'proposed', config: judge.node.config.parse({ defaults: 'off', rules: configs }) };
  const episodes = await tell(task, span, { about: today.about, filters: [trial] });
  const weeks = { fit: knownBetween(coverage, span.from, split) / weekMs, test: knownBetween(coverage, split, span.to) / weekMs };
  const scored = candidates.map((level, index) => {
    const would = episodes.filter(({ rule }) => rule === `c${index}`);
    const fit = would.filter(({ from }) => from < split);
    return {
      level,
      would,
      fit,
      ...scoreOf(
        fit,
        troubles.filter(({ from }) => from < split),
      ),
    };
  });
  const most = Math.max(1, Math.floor(asked.alerts * weeks.fit));
  const within = scored.filter(({ fit }) => fit.length <= most).sort(better);
  const [best] = within;
  if (!best) {
    const least = Math.min(...scored.map(({ fit }) => fit.length)) / weeks.fit;
    return none(
      `each of ${scored.length} rules that were tried fires more often; the quietest ${least.toPrecision(2)} times a week: raise --alerts`,
    );
  }
  const { caught } = scoreOf(best.would, troubles);
  const test = frequency(best.would.length - best.fit.length, weeks.test);
  const chosen: Omit<Chosen, 'remarks'> = {
    name: nameOf(group),
    rule: ruleOf(group, best.level, asked.severity),
    level: best.level,
    tried: scored.length,
    whole: frequency(best.would.length, weeks.fit + weeks.test),
    fit: frequency(best.fit.length, weeks.fit),
    test,
    would: best.would,
    caught,
    troubles: troubles.length,
  };
  return { ...about, today: fired, chosen: { ...chosen, remarks: remarksOf(chosen, task, asked.alerts * weeks.fit < 1) } };
}

/** What filters make of the group's values, as episodes. */
async function tell({ coverage, group }: Task, span: Span, trial: Trial): Promise<Episode[]> {
  if (trial.filters.length === 0) return [];
  const alerts: Event<'alert'>[] = [];
  const raw = coverage.map((each): Coverage => ({ ...each, resolution: 'raw' }));
  await replay(playable(group), trial, raw, span, (event) => {
    if (event.kind === 'alert') alerts.push(event);
  });
  return episodesOf(alerts);
}

const explainsMetrics = ({ node }: PlacedFilter): boolean => node.explains !== undefined && node.in.every(({ kind }) => kind === 'metric');

/** The names of today's rules that look at the group: each is asked about a value of each series. */
function rulesFor({ series }: Group, { filters }: Trial): Set<string> {
  const inputs = series.map(({ key, point }, at): Given<'metric'> => {
    const event: Event<'metric'> = {
      id: `${at}`,
      kind: 'metric',
      key,
      source: '/of/what/was/kept/propose',
      time: 0,
      data: { points: [{ ...point, value: 0 }] },
    };
    return { event, at: 0 };
  });
  return new Set(
    filters.filter(explainsMetrics).flatMap(({ node, config }) => node.explains?.nearness(config, inputs).map(({ rule }) => rule) ?? []),
  );
}

/** Alerts that today's rules told of the group's series at the time. */
async function recordedFor(history: History, { series }: Group, rules: ReadonlySet<string>, { from, to }: Span): Promise<Episode[]> {
  const keys = new Set(series.map(({ key }) => key));
  const alerts: Event<'alert'>[] = [];
  for await (const { event } of history.read(topic('alert', '#'), from, to))
    if (
      event.kind === 'alert' &&
      rules.has(event.data.rule) &&
      [...keys].some((key) => event.key === key || event.key.startsWith(`${key}.`))
    )
      alerts.push(event);
  return episodesOf(alerts);
}

/** When so many milliseconds were known. */
function splitOf(coverage: readonly Coverage[], wanted: number): number {
  let left = wanted;
  for (const { from, to } of coverage) {
    if (to - from >= left) return from + left;
    left -= to - from;
  }
  return coverage.at(-1)?.to ?? 0;
}

const knownBetween = (coverage: readonly Coverage[], from: number, to: number): number =>
  coverage.reduce((sum, each) => sum + Math.max(0, Math.min(each.to, to) - Math.max(each.from, from)), 0);

function remarksOf(chosen: Omit<Chosen, 'remarks'>, { asked, coverage }: Task, unmeasurable: boolean): string[] {
  const { whole, test, troubles } = chosen;
  const remarks: string[] = [];
  if (unmeasurable) remarks.push('the history it was fitted to is too short to measure so few alerts: it was let fire once there');
  else if (whole.weeks < 4) remarks.push(`only ${whole.weeks.toPrecision(2)} weeks are known: what comes once a month may not be in them`);
  if (test.perWeek > asked.alerts && test.count > 1) remarks.push('it did not hold: in the last third it fired more often than was asked');
  if (whole.count === 0) remarks.push('it would never have fired: nothing shows that it ever will');
  if (troubles === 0)
    remarks.push('no alert that lasted is known and no moment was marked (--mark): it tells what was rare, not what was wrong');
  else if (chosen.caught < troubles)
    remarks.push(`it misses ${troubles - chosen.caught} of ${troubles} troubles: raise --alerts, or --mark what matters`);
  if (coverage.some(({ resolution }) => resolution === 'minute'))
    remarks.push('a part of the past is known by the minute alone: peaks within a minute are not counted there');
  return remarks;
}
