/**
 * Series over any stretch of time: what was kept of it, and for its last minutes what is remembered here. Where both know a step,
 * memory does, which has what the store is still writing: so there is neither a hole nor a double between them.
 *
 * a request → series folded and chosen as a watch does it, over steps instead of seconds. Bounded in values: of many series steps are longer.
 */
import { type Coverage, type History, type KeptSeries, mergeSeries, type SeriesRequest } from 'sluice';
import type { Looker } from '../looker.ts';
import { roundTo } from './digits.ts';
import { folds } from './fold.ts';
import { foldOf } from './groups.ts';
import type { Series, SeriesMemory } from './memory.ts';
import type { Attributes, Fold, Named, PastAnswer, PastRequest, PastSeries } from './protocol.ts';
import { compileBy, compileWhere, type LabelsOf } from './select.ts';
import { valueAt } from './track.ts';

/** Values of all series before they are put together, and the fewest and most steps that come of that. */
const mostValues = 2_000_000;
const fewSteps = 200;
const mostSteps = 2000;
const mostKept = 5000;

export interface PastSources {
  readonly memory: SeriesMemory;
  readonly labelsOf: LabelsOf;
  /** The servers that are known now, as the first words of their keys. */
  readonly servers: () => readonly string[];
}

export async function answerPast(
  { memory, labelsOf, servers }: PastSources,
  request: PastRequest,
  history: History | undefined,
  looker: Looker,
): Promise<PastAnswer> {
  const { metric, where, by, most } = request;
  const wants = compileWhere(where, looker.sees, labelsOf);
  const remembered = memory.metric(metric)?.series.filter(wants) ?? [];
  const steps = Math.min(mostSteps, Math.max(fewSteps, Math.floor(mostValues / Math.max(1, remembered.length))));
  const span = wholeSteps(request, steps);
  const count = (span.to - span.from) / span.step;

  const kept = await history?.series?.({
    metric,
    ...storeFilter(where, labelsOf, servers),
    ...(looker.part !== '' && { part: looker.part }),
    ...span,
    most: Math.min(mostKept, Math.floor(mostValues / count)),
  });
  const recent = remembered.map((series) => empty(series, count));
  /** The first step of which all that came is remembered. */
  const whole = ({ oldest }: Series) => Math.ceil((Math.max(memory.completeSince, oldest) * 1000 - span.from) / span.step);
  for (const [index, course] of recent.entries()) recall(course, remembered[index], span, whole, 'from');
  const merged = mergeSeries(recent, kept?.series.filter(wants) ?? []);
  // What nobody knows better, as far as it goes.
  for (const [index, course] of recent.entries()) recall(course, remembered[index], span, whole, 'until');
  const all = merged.filter(({ mean }) => mean.some((value) => !Number.isNaN(value)));

  const known = memory.metric(metric) ?? all[0];
  const fold = foldOf(by, request.fold, known?.type);
  const groups = new Map<string, { named: Named; members: KeptSeries[] }>();
  const groupOf = compileBy(by, labelsOf);
  for (const series of all) {
    const { id, named } = groupOf(series);
    const group = groups.get(id);
    if (group) group.members.push(series);
    else groups.set(id, { named, members: [series] });
  }
  const folded = [...groups.values()].map(({ named, members }) => ({
    named: { ...named, ...(by && { members: members.length }) },
    course: fold && members.length > 1 ? foldSteps(members, fold, span.step) : members[0],
  }));
  const largest = folded
    .flatMap(({ named, course }) => (course ? [{ named, course, size: sizeOf(course.mean) }] : []))
    .sort((one, other) => other.size - one.size)
    .slice(0, most);
  return {
    metric,
    ...(known?.unit !== undefined && all.length > 0 && { unit: known.unit }),
    ...(known && all.length > 0 && { type: known.type }),
    ...(fold && { fold }),
    ...span,
    of: by ? groups.size : Math.max(groups.size, kept?.of ?? 0),
    series: largest.map(({ named, course }) => spell(named, course)),
    coverage: joined(kept?.coverage ?? [], memory, span),
    ...(kept && kept.of > kept.series.length && { cut: true as const }),
  };
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Steps of whole seconds that hold what was asked for, no more than so many. */
function wholeSteps({ from, to, step }: PastRequest, most: number): Span {
  const shortest = Math.max(step, (Math.max(to, from) - from) / (most - 1));
  const whole = Math.ceil(shortest / 1000) * 1000;
  const first = Math.floor(from / whole) * whole;
  return { from: first, to: Math.max(first + whole, Math.ceil(to / whole) * whole), step: whole };
}

/** A store knows no labels: whose servers have them now are named to it. */
function storeFilter(where: PastRequest['where'], labelsOf: LabelsOf, servers: () => readonly string[]): Partial<SeriesRequest> {
  if (!where) return {};
  const { host: hosts, server, label, attributes } = where;
  const labelled =
    label && (server ?? servers()).filter((each) => compileWhere({ label }, () => true, labelsOf)({ key: each, attributes: {} }));
  return { hosts, servers: labelled ?? server, attributes };
}

function empty({ key, attributes, unit, type }: Pick<KeptSeries, 'key' | 'attributes' | 'unit' | 'type'>, count: number): KeptSeries {
  const nothing = () => new Float64Array(count).fill(Number.NaN);
  return { key, attributes, unit, type, mean: nothing(), low: nothing(), high: nothing() };
}

/** Fills the steps of which nothing is known yet with what is remembered: from a step on, or those before it. */
function recall(
  course: KeptSeries,
  series: Series | undefined,
  { from, to, step }: Span,
  border: (series: Series) => number,
  side: 'from' | 'until',
): void {
  if (!series) return;
  const { oldest, newest } = series;
  const held = Math.max(0, Math.floor((oldest * 1000 - from) / step));
  const [first, end] =
    side === 'from' ? [Math.max(held, border(series)), (to - from) / step] : [held, Math.min(border(series), (to - from) / step)];
  for (let at = first; at < end; at++) {
    const begin = (from + at * step) / 1000;
    if (begin > newest) break;
    if (!Number.isNaN(course.mean[at])) continue;
    let [sum, values, low, high] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let second = Math.max(begin, oldest), last = Math.min(begin + step / 1000, newest + 1); second < last; second++) {
      const value = valueAt(series, second);
      if (Number.isNaN(value)) continue;
      sum += value;
      values += 1;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (values === 0) continue;
    course.mean[at] = sum / values;
    course.low[at] = low;
    course.high[at] = high;
  }
}

/** Several as one, step by step; a value stands until the next of its series is overdue, as it does in a watch. */
export function foldSteps(members: readonly KeptSeries[], fold: Fold, step: number): KeptSeries | undefined {
  const [only] = members;
  if (!only) return undefined;
  const count = only.mean.length;
  const nothing = () => new Float64Array(count).fill(Number.NaN);
  const whole = { key: only.key, attributes: {} as Attributes, type: only.type, mean: nothing(), low: nothing(), high: nothing() };
  const standing = new Uint32Array(count);
  const measured = new Uint8Array(count);
  for (const { mean, low, high } of members) {
    const reach = reachOf(mean, step);
    let last = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < count; at++) {
      if (!Number.isNaN(mean[at])) {
        last = at;
        measured[at] = 1;
      }
      if (at - last >= reach) continue;
      const [value, lowest, highest] = [mean[last] ?? 0, low[last] ?? 0, high[last] ?? 0];
      const isFirst = standing[at] === 0;
      standing[at] = (standing[at] ?? 0) + 1;
      whole.mean[at] = isFirst ? value : folds[fold](whole.mean[at] ?? 0, value);
      whole.low[at] = isFirst ? lowest : Math.min(whole.low[at] ?? 0, lowest);
      whole.high[at] = isFirst ? highest : Math.max(whole.high[at] ?? 0, highest);
    }
  }
  for (let at = 0; at < count; at++) {
    if (measured[at] === 0) whole.mean[at] = Number.NaN;
    else if (fold === 'mean') whole.mean[at] = (whole.mean[at] ?? 0) / (standing[at] ?? 1);
    // What single ones came to says nothing of their sum.
    if (measured[at] === 0 || fold === 'sum') [whole.low[at], whole.high[at]] = [Number.NaN, Number.NaN];
  }
  return whole;
}

/** Steps that a value stands for: what is usual between two of them, and half as much again. Of longer steps than it takes to measure, one. */
function reachOf(mean: Float64Array, step: number): number {
  const gaps: number[] = [];
  let last = -1;
  for (let at = 0; at < mean.length; at++) {
    if (Number.isNaN(mean[at])) continue;
    if (last >= 0) gaps.push(at - last);
    last = at;
  }
  const usual = gaps.sort((one, other) => one - other)[gaps.length >> 1] ?? 1;
  return usual > 1 ? Math.ceil(usual * 1.5) : Math.max(1, Math.ceil(3000 / step));
}

function sizeOf(mean: Float64Array): number {
  let [sum, count] = [0, 0];
  for (const value of mean) {
    if (Number.isNaN(value)) continue;
    sum += Math.abs(value);
    count += 1;
  }
  return count > 0 ? sum / count : 0;
}

const numbers = (values: Float64Array): (number | null)[] => Array.from(values, (value) => (Number.isNaN(value) ? null : roundTo(value)));

function spell(named: Named, { mean, low, high }: KeptSeries): PastSeries {
  // Where each step has one value, its ends say nothing more.
  const differs = low.some((value, at) => value !== mean[at] && !Number.isNaN(value));
  return { ...named, values: numbers(mean), ...(differs && { low: numbers(low), high: numbers(high) }) };
}

/** What is remembered is known second by second. */
function joined(kept: readonly Coverage[], memory: SeriesMemory, { from, to }: Span): Coverage[] {
  const [low, high] = [Math.max(from, memory.completeSince * 1000), Math.min(to, (memory.second + 1) * 1000)];
  if (memory.size === 0 || low >= high) return [...kept];
  const before = kept.flatMap((span) => (span.from >= low ? [] : [{ ...span, to: Math.min(span.to, low) }]));
  const last = before.at(-1);
  // Of a few seconds that are on their way to the store nobody needs to hear.
  if (last?.resolution === 'raw' && low - last.to <= 10_000) return [...before.slice(0, -1), { ...last, to: high }];
  return [...before, { from: low, to: high, resolution: 'raw' }];
}
