/**
 * Tries filters on the past: what they would have told, beside what was told, or beside what other filters would have.
 *
 * history, a trial, another trial or none → episodes that are the same, new and gone; and what could not be judged, since the
 * past is known there by the minute or hour alone and the rule needs less. Two limits: the filters begin without memory, so
 * what lasted long before the span begins late; and what fired more than 30 days before it, and all through it, counts as new.
 */
import type { Event } from '../event.ts';
import { topic } from '../event.ts';
import type { Coverage, History } from '../history.ts';
import { type Compared, compare, type Episode, episodesOf } from './episode.ts';
import { comparable, judging, type Unjudged, unjudgedOf } from './judged.ts';
import { nodeOf, replay, type Span, type Trial } from './replay.ts';

export interface Backtest {
  /** From when on it was asked about, which may be long before anything is known. */
  readonly asked: number;
  readonly span: Span;
  readonly coverage: readonly Coverage[];
  /** What would have been told. */
  readonly would: readonly Episode[];
  /** What was told by filters of the same names; or by the other trial. */
  readonly did: readonly Episode[];
  readonly compared: Compared;
  /** Rules that need a shorter time than the past is known by, in a part of the span. */
  readonly unjudged: readonly Unjudged[];
  /** Filters that do not say how long their rules need: all that they told of a rolled-up past is counted. */
  readonly unsaid: readonly string[];
  readonly events: number;
  readonly refused: number;
  readonly reason: string | undefined;
}

const lookBackMs = 30 * 86_400_000;

/** @param asked may be endless: it is cut to what is known. */
export async function backtest(history: History, trial: Trial, asked: Span, against?: Trial): Promise<Backtest> {
  const coverage = await history.coverage(asked.from, asked.to);
  const span = { from: Math.max(asked.from, coverage[0]?.from ?? asked.from), to: Math.min(asked.to, coverage.at(-1)?.to ?? asked.to) };
  const unjudged = [trial, ...(against ? [against] : [])].flatMap((each) => unjudgedOf(each, coverage));
  /** What was over before the span, or before it counts, is left out. */
  const judged = (trial: Trial, alerts: readonly Event<'alert'>[]): Episode[] =>
    episodesOf(alerts.flatMap((alert) => comparable(alert, trial, unjudged) ?? [])).filter(
      ({ from, to }) => to === undefined || to >= Math.max(from, span.from),
    );

  const replayed = await alertsOf(history, judging(trial, coverage, unjudged), coverage, span);
  const other = against && (await alertsOf(history, judging(against, coverage, unjudged), coverage, span));
  const would = judged(trial, replayed.alerts);
  const did = against && other ? judged(against, other.alerts) : judged(trial, await recorded(history, trial, span));
  const coarse = coverage.some(({ resolution }) => resolution !== 'raw');
  const silent = trial.filters.filter(({ node }) => node.explains === undefined && node.out.includes('alert'));
  return {
    asked: asked.from,
    span,
    coverage,
    would,
    did,
    compared: compare(would, did),
    unjudged: unjudged.filter((one, index) => unjudged.findIndex((two) => isSame(one, two)) === index),
    unsaid: coarse ? silent.map(({ name }) => name) : [],
    events: replayed.events,
    refused: replayed.refused + (other?.refused ?? 0),
    reason: replayed.reason ?? other?.reason,
  };
}

async function alertsOf(history: History, trial: Trial, coverage: readonly Coverage[], span: Span) {
  const alerts: Event<'alert'>[] = [];
  const replayed = await replay(history, trial, coverage, span, (event) => {
    if (event.kind === 'alert') alerts.push(event);
  });
  return { ...replayed, alerts };
}

/** The alerts that filters of these names told at the time. */
async function recorded(history: History, { filters }: Trial, { from, to }: Span): Promise<Event<'alert'>[]> {
  const names = new Set(filters.map(({ name }) => name));
  const alerts: Event<'alert'>[] = [];
  for await (const { event } of history.read(topic('alert'), from - lookBackMs, to))
    if (event.kind === 'alert' && names.has(nodeOf(event.source))) alerts.push(event);
  return alerts;
}

const isSame = (one: Unjudged, two: Unjudged): boolean =>
  one.filter === two.filter && one.rule === two.rule && one.severity === two.severity && one.from === two.from && one.for === two.for;
