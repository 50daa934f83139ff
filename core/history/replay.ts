/**
 * Plays the past to filters: stored events in the order received, on the recorded receiving clock, with the ticks between
 * them, through the very driver that runs filters live; to nowhere but the caller.
 *
 * stored events → what the filters make of them. What these filters made at the time is left out: they make it anew, and
 * read it from one another. Ticks pass while the past is known; over a hole in it, as over a pause of the process, only the
 * latest is made up. The filters begin with empty tables, and with a pipe that is whole.
 */
import { SluiceError } from '../errors.ts';
import { type Event, type Topic, topic } from '../event.ts';
import type { Coverage, History, Received } from '../history.ts';
import { type About, type Matcher, matcher, unescapeWord } from '../key.ts';
import type { Kind } from '../kinds.ts';
import type { PlacedFilter } from '../node.ts';
import { author } from '../runtime/author.ts';
import { lineageOf } from '../runtime/context.ts';
import { type FilterRun, filterRun, type Outcome } from '../runtime/filtering.ts';
import { topicsOf } from '../runtime/graph.ts';
import { metricsOf } from './coarse.ts';
import { mergeReceived } from './merge.ts';

/** Filters to try, and the host on which they would stand. */
export interface Trial {
  readonly filters: readonly PlacedFilter[];
  readonly about: Omit<About, 'resource'>;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface Replayed {
  /** How many stored events it read. */
  readonly events: number;
  /** How many inputs a filter refused, and why the first. */
  readonly refused: number;
  readonly reason: string | undefined;
}

/** How many events one stored event may lead to, through filters that read one another. */
const mostFromOne = 10_000;
const eventsPerBatch = 1024;

/** @param coverage what is known of the span: `history.coverage(from, to)` */
export async function replay(
  history: Pick<History, 'read'>,
  trial: Trial,
  coverage: readonly Coverage[],
  { from, to }: Span,
  take: (event: Event, at: number) => void,
): Promise<Replayed> {
  const runs = trial.filters.map((filter) => startRun(filter, trial.about));
  const names = new Set(trial.filters.map(({ name }) => name));
  const holes = holesOf(coverage);
  let [events, refused] = [0, 0];
  let reason: string | undefined;

  const handOn = (first: readonly Outcome[], by: Run, at: number): void => {
    if (first.length === 0) return;
    const queue = [{ outcomes: first, by }];
    for (let index = 0; index < queue.length; index++) {
      if (index > mostFromOne)
        throw new SluiceError(`${by.name}: one event led to more than ${mostFromOne} others; see which filters read what they write`);
      for (const outcome of queue[index]?.outcomes ?? []) {
        if (outcome.dead !== undefined) {
          refused += 1;
          reason ??= outcome.dead.message;
          continue;
        }
        for (const derived of outcome.derived) {
          const made = (queue[index]?.by ?? by).finish(derived);
          take(made, at);
          for (const run of runs) if (run.wants(made)) queue.push({ outcomes: run.driver.event(made, at), by: run });
        }
      }
    }
  };
  /** All ticks that fall due before `at`, of all filters in their order. */
  const tickUntil = (at: number): void => {
    for (;;) {
      let next: Run | undefined;
      let due = at;
      for (const run of runs) {
        const when = run.driver.nextTick;
        if (when !== undefined && when < due) [next, due] = [run, when];
      }
      if (!next) return;
      const hole = holes.find((one) => one.from <= due && due < one.to);
      if (hole && hole.to >= at) return;
      handOn(next.driver.tick(hole?.to ?? due), next, due);
    }
  };
  const begin = (at: number): void => {
    for (const run of runs) handOn([...run.driver.pipe({ connected: true, caughtUp: true }, at), ...run.driver.tick(at)], run, at);
  };

  for await (const { event, received } of mergeReceived(streamsOf(history, trial, coverage, { from, to }))) {
    if (event.causationid !== undefined && names.has(nodeOf(event.source))) continue;
    if (events === 0) begin(received);
    events += 1;
    tickUntil(received);
    for (const run of runs) if (run.wants(event)) handOn(run.driver.event(event, received), run, received);
    if (events % eventsPerBatch === 0) for (const { driver } of runs) driver.memory.committed();
  }
  const end = coverage.at(-1)?.to;
  if (events > 0 && end !== undefined) tickUntil(Math.min(end, to));
  return { events, refused, reason };
}

interface Run {
  readonly name: string;
  readonly driver: FilterRun;
  wants(event: Event): boolean;
  finish(derived: Extract<Outcome, { dead?: undefined }>['derived'][number]): Event;
}

function startRun(tried: PlacedFilter, about: Trial['about']): Run {
  const { name, node, config, reads } = tried;
  const writer = author({ place: about, host: about.host, bootid: 'replay' }, name);
  const lineage = lineageOf(tried);
  const matchers = new Map<Kind, Matcher[]>();
  for (const { kind, pattern } of topicsOf(reads)) matchers.set(kind, [...(matchers.get(kind) ?? []), matcher(pattern)]);
  return {
    name,
    driver: filterRun(node, config, { name, about }),
    wants: ({ kind, key }) => matchers.get(kind)?.some((matches) => matches(key)) ?? false,
    finish: ({ index: _, ...derived }) => writer.stamp({ ...derived, ...lineage } as Event),
  };
}

/** A stream for each kind that any of the filters reads. */
function streamsOf(
  history: Pick<History, 'read'>,
  { filters }: Trial,
  coverage: readonly Coverage[],
  { from, to }: Span,
): AsyncIterable<Received>[] {
  const patterns = new Map<Kind, Set<string>>();
  for (const { kind, pattern } of filters.flatMap(({ reads }) => topicsOf(reads)))
    patterns.set(kind, (patterns.get(kind) ?? new Set()).add(pattern));
  return [...patterns].map(([kind, asked]) => {
    // Several patterns may match one event, which is to come once.
    const [only = '#'] = asked;
    const wanted: Topic = topic(kind, asked.size === 1 ? only : '#');
    return kind === 'metric' ? metricsOf(history, coverage, wanted) : history.read(wanted, from, to);
  });
}

/** What nothing is known of, between what is. */
function holesOf(coverage: readonly Coverage[]): Span[] {
  return coverage.slice(1).flatMap(({ from }, index) => {
    const before = coverage[index]?.to ?? from;
    return from > before ? [{ from: before, to: from }] : [];
  });
}

/** The name of the node that wrote an event. */
export function nodeOf(source: string): string {
  const word = source.slice(source.lastIndexOf('/') + 1);
  try {
    return unescapeWord(word);
  } catch {
    return word;
  }
}
