/**
 * What can be judged of a past that is known in part by the minute or hour alone: a level that needs less time than that
 * cannot. Leaving out what it tells is not enough, since a worse level speaks for the milder ones of its rule: the filter
 * is tried there without it.
 *
 *     coverage   ├──── by minute ────┼──── raw ────┤
 *     levels     warning (for: 2m)    warning, critical (for: 30s)
 */
import type { Event } from '../event.ts';
import type { Coverage } from '../history.ts';
import type { Severity } from '../kinds.ts';
import type { AnyFilter, Filtering, PlacedFilter, RuleInfo } from '../node.ts';
import { resolutionMs } from './coarse.ts';
import { badness } from './episode.ts';
import { nodeOf, type Span, type Trial } from './replay.ts';

export interface Unjudged extends RuleInfo, Span {
  readonly filter: string;
  readonly resolution: Coverage['resolution'];
}

export function unjudgedOf({ filters }: Trial, coverage: readonly Coverage[]): Unjudged[] {
  return filters.flatMap(({ name, node, config }) => {
    const rules: readonly RuleInfo[] = node.explains?.rules(config) ?? [];
    return coverage.flatMap(({ from, to, resolution }) =>
      rules
        .filter((rule) => rule.for < resolutionMs[resolution])
        .map((rule): Unjudged => ({ ...rule, filter: name, from, to, resolution })),
    );
  });
}

/** The trial with each filter under the config of what can be judged at the time. Its lineage stays that of its own config. */
export const judging = (trial: Trial, coverage: readonly Coverage[], unjudged: readonly Unjudged[]): Trial => ({
  ...trial,
  filters: trial.filters.map((tried) => ({ ...tried, node: judgingNode(tried, coverage, unjudged) })),
});

function judgingNode({ name, node, config }: PlacedFilter, coverage: readonly Coverage[], unjudged: readonly Unjudged[]): AnyFilter {
  const { explains } = node;
  const without = explains?.without;
  const left = unjudged.filter(({ filter }) => filter === name);
  if (!without || left.length === 0) return node;
  const byResolution = new Map<Coverage['resolution'], unknown>();
  for (const { resolution } of coverage) {
    const levels = left.filter((one) => one.resolution === resolution);
    if (!byResolution.has(resolution)) byResolution.set(resolution, levels.length === 0 ? config : without(config, levels));
  }
  // From the beginning of each span to that of the next: what a hole between them begins with goes on through it.
  const changes = coverage.filter(({ resolution }, index) => index > 0 && resolution !== coverage[index - 1]?.resolution);
  const configAt = (at: number): unknown =>
    byResolution.get((changes.findLast(({ from }) => from <= at) ?? coverage[0])?.resolution ?? 'raw') ?? config;
  return underConfigs(node, configAt);
}

/** A filter whose config changes with the receiving clock, as it does live: it is made again over the same tables. */
function underConfigs(node: AnyFilter, configAt: (at: number) => unknown): AnyFilter {
  return {
    ...node,
    create(first, tables, here) {
      let config: unknown = first;
      let working: Filtering = node.create(config, tables, here);
      const now = (at: number): Filtering => {
        const next = configAt(at);
        if (next !== config) [config, working] = [next, node.create(next, tables, here)];
        return working;
      };
      return {
        event: (event, at) => now(at).event(event, at),
        ...(working.tick && { tick: (at: number) => now(at).tick?.(at) ?? [] }),
        pipe: (pipe, at) => now(at).pipe?.(pipe, at) ?? [],
      };
    },
  };
}

/**
 * A recorded alert as far as it can be compared: one of a level that is not judged counts as the worst milder level of its
 * rule that is, from when that would have held for its time; as nothing where there is none. An end belongs to whatever it ends.
 */
export function comparable(alert: Event<'alert'>, { filters }: Trial, unjudged: readonly Unjudged[]): Event<'alert'> | undefined {
  const { data, source } = alert;
  const filter = nodeOf(source);
  const isLeftOut = (severity: Severity): boolean =>
    unjudged.some((one) => one.filter === filter && one.rule === data.rule && one.severity === severity && isWithin(alert.time, one));
  if (data.status !== 'firing' || !isLeftOut(data.severity)) return alert;
  const tried = filters.find(({ name }) => name === filter);
  const levels: readonly RuleInfo[] = tried?.node.explains?.rules(tried.config) ?? [];
  const milder = levels
    .filter(({ rule, severity }) => rule === data.rule && badness[severity] < badness[data.severity] && !isLeftOut(severity))
    .sort((one, other) => badness[other.severity] - badness[one.severity])[0];
  if (!milder) return undefined;
  const time = Math.max(alert.time, Date.parse(data.since) + milder.for);
  return { ...alert, time, data: { ...data, severity: milder.severity } };
}

const isWithin = (time: number, { from, to }: Span): boolean => time >= from && time < to;
