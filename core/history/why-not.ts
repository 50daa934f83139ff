/**
 * Why no alert came: recorded inputs around a moment, looked at anew by each filter that can explain itself.
 *
 * history, filters, what and when → which rules looked at it, how near each came, and what was missing. The filters explain with
 * the config that they are given, which may not be the one of that time; and it knows nothing of silences.
 */
import { formatDuration } from '../clock.ts';
import type { Event } from '../event.ts';
import type { Coverage, History, Received } from '../history.ts';
import { inert } from '../inert.ts';
import { matcher } from '../key.ts';
import type { Kind } from '../kinds.ts';
import type { Given, Nearness, PlacedFilter } from '../node.ts';
import { topicsOf } from '../runtime/graph.ts';
import { metricsOf } from './coarse.ts';
import { mergeReceived } from './merge.ts';
import type { Span } from './replay.ts';
import { alertsOf, isOf, type Target, targetText } from './target.ts';
import { counted, instant, shortCommit } from './words.ts';

export interface WhyNot {
  readonly at: number;
  /** What was looked at: long enough on both sides for the rule whose condition must hold longest. */
  readonly span: Span;
  readonly coverage: readonly Coverage[];
  readonly inputs: number;
  /** There were more than may be looked at: those that came last were left out. */
  readonly cut: boolean;
  /** The nearest first. */
  readonly rules: readonly (Nearness & { readonly filter: string; readonly confighash: string })[];
  /** Alerts that did come in that span. */
  readonly alerts: readonly { readonly id: string; readonly rule: string; readonly at: number; readonly status: string }[];
  /** For a person, a line each. Safe to print. */
  readonly sentences: readonly string[];
}

const leastMs = 15 * 60_000;
/** How many events are looked at, since they are held: half a day of one host at its default monitors. */
const mostInputs = 200_000;
const shown = 12;

export async function whyNot(history: History, filters: readonly PlacedFilter[], target: Target, at: number): Promise<WhyNot> {
  const able = filters.filter(({ node }) => node.explains !== undefined);
  const reaches = able.map(({ node, config }) => Math.max(leastMs, ...(node.explains?.rules(config) ?? []).map((rule) => 1.5 * rule.for)));
  const widest = Math.max(leastMs, ...reaches);
  const span = { from: at - widest, to: at + widest };
  const coverage = await history.coverage(span.from, span.to);
  let [count, cut] = [0, false];
  const rules: (Nearness & { filter: string; confighash: string })[] = [];
  for (const [index, { name, node, config, reads, confighash }] of able.entries()) {
    const { explains } = node;
    const reach = reaches[index] ?? leastMs;
    const since = at - reach;
    const asked = { from: since - (explains?.memory ?? 0), to: at + reach };
    const known = await history.coverage(asked.from, asked.to);
    const inputs = await inputsOf(history, reads, target, known, asked, (event) => explains?.concerns?.(event) ?? true);
    count += inputs.filter(({ at: received }) => received >= since).length;
    cut ||= inputs.length === mostInputs;
    for (const near of explains?.nearness(config, inputs as Given<Kind>[], since) ?? [])
      if (isOf(target, near.key, near.rule)) rules.push({ ...near, filter: name, confighash });
  }
  rules.sort((one, other) => distance(one) - distance(other));
  const alerts = (await alertsOf(history, target, span.from, span.to)).map(({ id, time, data }: Event<'alert'>) => ({
    id,
    rule: data.rule,
    at: time,
    status: data.status,
  }));
  const answer = { at, span, coverage, inputs: count, cut, rules, alerts };
  return { ...answer, sentences: sentencesOf(answer, able, target).map((line) => inert(line)) };
}

/** What a filter was given about the target's host in that time, as far as it concerns it. */
async function inputsOf(
  history: History,
  reads: PlacedFilter['reads'],
  { ofHost }: Target,
  coverage: readonly Coverage[],
  { from, to }: Span,
  concerns: (event: Event) => boolean,
) {
  const byKind = new Map<Kind, ReturnType<typeof matcher>[]>();
  for (const { kind, pattern } of topicsOf(reads)) byKind.set(kind, [...(byKind.get(kind) ?? []), matcher(pattern)]);
  const streams = [...byKind.keys()].map((kind): AsyncIterable<Received> => {
    const wanted = { kind, pattern: ofHost };
    return kind === 'metric' ? metricsOf(history, coverage, wanted) : history.read(wanted, from, to);
  });
  const inputs: Given[] = [];
  for await (const { event, received } of mergeReceived(streams)) {
    if (byKind.get(event.kind)?.some((matches) => matches(event.key)) && concerns(event)) inputs.push({ event, at: received });
    if (inputs.length === mostInputs) break;
  }
  return inputs;
}

/** What is at its limit for good, as a service that is up is, counts as no nearer than this share of the limit. */
const leastGap = 0.05;

/** How far a rule was from firing: below 0 it did, below 1 time alone was missing. */
function distance({ verdict, held, nearest, for: needs }: Nearness): number {
  if (verdict === 'fired') return -1;
  if (held && needs > 0) return 1 - (held.to - held.from) / needs;
  const gap = Math.abs(nearest.value - nearest.limit) / Math.max(Math.abs(nearest.limit), Number.EPSILON);
  return 1 + Math.max(gap, leastGap);
}

type Answer = Omit<WhyNot, 'sentences'>;

function sentencesOf({ span, coverage, inputs, cut, rules, alerts }: Answer, able: readonly PlacedFilter[], target: Target): string[] {
  const [first, last] = [coverage[0], coverage.at(-1)];
  if (able.length === 0)
    return ['No filter of this config can say why it stayed quiet; threshold, forecast and anomaly can: name a config that runs one.'];
  if (!first || !last)
    return [`Nothing is known of the time ${during(span)}: it is before what is kept, or after, or nothing was stored then.`];
  // What has not come yet, and what is no longer kept, was not looked at.
  const time = during({ from: Math.max(span.from, first.from), to: Math.min(span.to, last.to) });
  const what = target.resource === '' ? target.host : `${target.host}/${target.resource}`;
  const coarse = coverage.filter(({ resolution }) => resolution !== 'raw').map(({ resolution }) => `by the ${resolution}`);
  const wouldFire = rules.some(({ verdict }) => verdict === 'fired') ? '; with the rules as they are now, one would have' : '';
  const came =
    alerts.length === 0
      ? [`No alert about ${what} came ${time}${wouldFire}.`]
      : alerts.map(({ id, rule, at, status }) => `An alert did come: ${rule} ${status} at ${instant(at)} UTC; see sluice why ${id}`);
  if (inputs === 0) return [...came, `Nothing else was kept of ${target.host} then: see sluice servers for how it is written.`];
  const makers = able.map((one) => makerOf(one)).join('; ');
  if (rules.length === 0)
    return [
      ...came,
      `No rule looks at ${what}: ${counted(inputs, 'event')} of ${target.host} came, and none of that sort. Asked ${makers}.`,
    ];
  const told = withoutWorse(rules);
  return [
    ...came,
    ...(coarse.length > 0 ? [`Of that time the values are known ${[...new Set(coarse)].join(' and ')} alone.`] : []),
    ...told.slice(0, shown).map(ruleSentence),
    ...(told.length > shown ? [`And ${counted(told.length - shown, 'rule')} further from it; --json has them all.`] : []),
    cut
      ? `Looked at the first ${inputs} events alone, for there were more; name a config without the rules that need longest.`
      : `Looked at ${counted(inputs, 'event')} of ${target.host}, with the rules as they are now: ${makers}.`,
  ];
}

const during = ({ from, to }: Span): string => `from ${instant(from)} to ${instant(to)} UTC`;

const makerOf = ({ name, confighash, policycommit }: PlacedFilter): string =>
  `${name}@${confighash}${policycommit === undefined ? '' : `, policy ${shortCommit(policycommit)}`}`;

/** Where a rule never held at all, its mildest level says so for those that are further away. */
function withoutWorse(rules: Answer['rules']): Answer['rules'] {
  const said = new Set<string>();
  return rules.filter(({ rule, key, filter, verdict, nearest }) => {
    const same = `${filter}\n${rule}\n${key}\n${nearest.value}`;
    if (verdict !== 'within') return true;
    const isNew = !said.has(same);
    said.add(same);
    return isNew;
  });
}

function ruleSentence({ rule, severity, key, text, verdict, for: needs, held }: Answer['rules'][number]): string {
  const missing = verdict === 'too short' && held ? ` (${formatDuration(needs - (held.to - held.from))} more)` : '';
  return `  ${targetText(key)}: ${text}${missing}. Rule ${rule}, ${severity}`;
}
