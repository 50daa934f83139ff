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
import type { Given, Nearness } from '../node.ts';
import { topicsOf } from '../runtime/graph.ts';
import { metricsOf } from './coarse.ts';
import { mergeReceived } from './merge.ts';
import type { Span, Tried } from './replay.ts';
import { alertsOf, isOf, type Target, targetText } from './target.ts';
import { counted, instant } from './words.ts';

export interface WhyNot {
  readonly at: number;
  /** What was looked at: long enough on both sides for the rule that needs longest. */
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

export async function whyNot(history: History, filters: readonly Tried[], target: Target, at: number): Promise<WhyNot> {
  const able = filters.filter(({ node }) => node.explains !== undefined);
  const needs = able.flatMap(({ node, config }) => node.explains?.rules(config).map((rule) => rule.for) ?? []);
  const reach = Math.max(leastMs, ...needs.map((ms) => 1.5 * ms));
  const span = { from: at - reach, to: at + reach };
  const coverage = await history.coverage(span.from, span.to);
  let [count, cut] = [0, false];
  const rules: (Nearness & { filter: string; confighash: string })[] = [];
  for (const { name, node, config, reads, confighash } of able) {
    const inputs = await inputsOf(history, reads, target, coverage, span);
    count += inputs.length;
    cut ||= inputs.length === mostInputs;
    for (const near of node.explains?.nearness(config, inputs as Given<Kind>[]) ?? [])
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

/** What a filter was given about the target's host in that time. */
async function inputsOf(history: History, reads: Tried['reads'], { ofHost }: Target, coverage: readonly Coverage[], { from, to }: Span) {
  const byKind = new Map<Kind, ReturnType<typeof matcher>[]>();
  for (const { kind, pattern } of topicsOf(reads)) byKind.set(kind, [...(byKind.get(kind) ?? []), matcher(pattern)]);
  const streams = [...byKind.keys()].map((kind): AsyncIterable<Received> => {
    const wanted = { kind, pattern: ofHost };
    return kind === 'metric' ? metricsOf(history, coverage, wanted) : history.read(wanted, from, to);
  });
  const inputs: Given[] = [];
  for await (const { event, received } of mergeReceived(streams)) {
    if (byKind.get(event.kind)?.some((matches) => matches(event.key))) inputs.push({ event, at: received });
    if (inputs.length === mostInputs) break;
  }
  return inputs;
}

/** How far a rule was from firing: below 0 it did, below 1 time alone was missing. */
function distance({ verdict, held, nearest, for: needs }: Nearness): number {
  if (verdict === 'fired') return -1;
  if (held && needs > 0) return 1 - (held.to - held.from) / needs;
  return 1 + Math.abs(nearest.value - nearest.limit) / Math.max(Math.abs(nearest.limit), Number.EPSILON);
}

type Answer = Omit<WhyNot, 'sentences'>;

function sentencesOf({ span, coverage, inputs, cut, rules, alerts }: Answer, able: readonly Tried[], target: Target): string[] {
  const time = `from ${instant(span.from)} to ${instant(span.to)} UTC`;
  if (able.length === 0) return ['No filter of this config can say why it stayed quiet; threshold can, name a config that runs it.'];
  if (coverage.length === 0) return [`Nothing is known of the time ${time}: it is before what is kept, or nothing was stored then.`];
  if (inputs === 0) return [`Nothing was kept of ${target.host} ${time}: see sluice servers for how it is written.`];
  const what = target.resource === '' ? target.host : `${target.host}/${target.resource}`;
  if (rules.length === 0) {
    const filters = able.map(({ name }) => name).join(', ');
    return [`No rule of ${filters} looks at ${what}: ${counted(inputs, 'event')} of ${target.host} came ${time}, and none of that sort.`];
  }
  const coarse = coverage.filter(({ resolution }) => resolution !== 'raw').map(({ resolution }) => `by the ${resolution}`);
  return [
    ...alerts.map(({ id, rule, at, status }) => `An alert did come: ${rule} ${status} at ${instant(at)} UTC; see sluice why ${id}`),
    ...(coarse.length > 0 ? [`Of that time the values are known ${[...new Set(coarse)].join(' and ')} alone.`] : []),
    ...rules.slice(0, shown).map(ruleSentence),
    ...(rules.length > shown ? [`And ${counted(rules.length - shown, 'rule')} further from it; --json has them all.`] : []),
    cut
      ? `Looked at the first ${inputs} events ${time} alone, for there were more; name a config without the rules that need longest.`
      : `Looked at ${counted(inputs, 'event')} ${time}, with the config as it is now.`,
  ];
}

function ruleSentence({ rule, severity, key, text, filter, confighash, verdict, for: needs, held }: Answer['rules'][number]): string {
  const missing = verdict === 'too short' && held ? ` (${formatDuration(needs - (held.to - held.from))} more)` : '';
  return `${targetText(key)}: ${text}${missing}. Rule ${rule}, ${severity}, of ${filter}@${confighash}`;
}
