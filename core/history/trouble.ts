/**
 * What a rule should have told of: moments that a person marked, and alerts that lasted. How well episodes caught them.
 */
import { parse } from '../key.ts';
import type { Candidate } from './candidates.ts';
import type { Episode } from './episode.ts';
import type { Span } from './replay.ts';
import type { Group } from './tape.ts';

/** An alert that lasted was worth telling. */
const longMs = 10 * 60_000;
/** How far from a mark an alert still speaks of it. */
const slackMs = 15 * 60_000;

export interface Trouble extends Span {
  /** Undefined for a mark, which may be of any. */
  readonly host?: string;
}

/** What should be caught: marks, and alerts that lasted. What was told counts; without it, what today's rules would have. */
export function troublesOf(recorded: readonly Episode[], todays: readonly Episode[], marks: readonly number[]): Trouble[] {
  const lasted = (recorded.length > 0 ? recorded : todays).flatMap(({ key, from, to = Number.POSITIVE_INFINITY }): Trouble[] =>
    to - from >= longMs ? [{ from, to, host: parse(key).host }] : [],
  );
  return [...lasted, ...marks.map((at) => ({ from: at - slackMs, to: at + slackMs }))];
}

const isOf = ({ key, from, to = Number.POSITIVE_INFINITY }: Episode, trouble: Trouble): boolean =>
  from <= trouble.to && trouble.from <= to && (trouble.host === undefined || trouble.host === parse(key).host);

export interface Score {
  readonly caught: number;
  readonly others: number;
  /** Milliseconds from the begin of each trouble to its alert, together. */
  readonly late: number;
}

export function scoreOf(episodes: readonly Episode[], troubles: readonly Trouble[]): Score {
  const catches = troubles.flatMap((trouble) => {
    const first = episodes.find((episode) => isOf(episode, trouble));
    return first ? [first.from - trouble.from] : [];
  });
  const others = episodes.filter((episode) => !troubles.some((trouble) => isOf(episode, trouble))).length;
  return { caught: catches.length, others, late: catches.reduce((sum, late) => sum + late, 0) };
}

export type Scored = Score & { readonly level: Candidate };

/** Where nothing is known that should be caught, what is rare enough is worth telling, and the further out the more. */
export function better(one: Scored, other: Scored): number {
  if (one.caught !== other.caught) return other.caught - one.caught;
  if (one.caught === 0) return other.others - one.others || extreme(other) - extreme(one) || other.level.for - one.level.for;
  return one.others - other.others || one.late - other.late;
}

const extreme = ({ level }: Scored): number => level.sign * level.limit;

export function valuesDuring({ series, which, values, times, received }: Group, troubles: readonly Trouble[], until: number): number[] {
  const hosts = series.map(({ key }) => parse(key).host);
  return values.filter((_, at) => {
    const [time = 0, host] = [times[at], hosts[which[at] ?? 0]];
    return (
      (received[at] ?? 0) < until &&
      troubles.some(({ from, to, host: of }) => time >= from && time <= to && (of === undefined || of === host))
    );
  });
}
