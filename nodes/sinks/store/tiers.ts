/**
 * What becomes of closed segments as they age. Which are to be made one, thinned or deleted, decided from their manifest alone.
 *
 *     age      0 ······ a day is over ······ raw ················ minute ············· hour
 *     kept     hours    one part per day     no points, logs or   of stats: only       nothing
 *              as closed                     heartbeats; stats    those of an hour
 *
 * Alerts, incidents, commands, outcomes, policy and audit stay to the end: they are few, and are what people ask for later.
 */
import type { Coverage } from 'sluice';
import type { Segment } from './segments.ts';

export type Tier = Coverage['resolution'];

export interface Keep {
  /** Milliseconds: how long every event is kept, then stats of a minute and more, then those of an hour with all that is not telemetry. */
  readonly raw: number;
  readonly minute: number;
  readonly hour: number;
  /** The most bytes of closed files. */
  readonly bytes: number;
}

/** For those who only look, or write a past that is to stay. */
export const keepAll: Keep = {
  raw: Number.POSITIVE_INFINITY,
  minute: Number.POSITIVE_INFINITY,
  hour: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};

export interface Rewrite {
  /** One after the other; to become one. */
  readonly members: readonly Segment[];
  readonly tier: Tier;
}

const day = 86_400_000;
/** What one part spans at most: hours of rollups are few. */
const periods: Readonly<Record<Tier, number>> = { raw: day, minute: day, hour: 30 * day };
/** What sorts within the scratch space that DuckDB may take. */
const mostRows = 128_000_000;

/** What is to be kept of a segment now; undefined for nothing. A tier never comes back. */
export function tierOf({ high, tier }: Segment, { raw, minute, hour }: Keep, now: number): Tier | undefined {
  if (high >= now - raw && tier === 'raw') return 'raw';
  if (high >= now - minute && tier !== 'hour') return 'minute';
  return high >= now - Math.max(raw, minute, hour) ? 'hour' : undefined;
}

/** What to rewrite now, oldest first. @param segments all closed ones in order. */
export function rewritesDue(segments: readonly Segment[], keep: Keep, now: number): Rewrite[] {
  const groups: { members: Segment[]; tier: Tier; period: number; rows: number }[] = [];
  for (const one of segments) {
    const tier = tierOf(one, keep, now);
    if (tier === undefined) continue;
    const period = Math.floor(one.low / periods[tier]);
    const last = groups.at(-1);
    const isNext = last?.members.at(-1)?.segment === one.first - 1;
    if (last && isNext && last.tier === tier && last.period === period && last.rows + one.rows <= mostRows) {
      last.members.push(one);
      last.rows += one.rows;
    } else groups.push({ members: [one], tier, period, rows: one.rows });
  }
  const over: Readonly<Record<Tier, number>> = { raw: now, minute: now - keep.raw, hour: now - Math.max(keep.raw, keep.minute) };
  return groups.flatMap(({ members, tier, period }): Rewrite[] => {
    const isOver = (period + 1) * periods[tier] <= over[tier];
    if (isOver && members.length > 1) return [{ members, tier }];
    return members.filter((one) => one.tier !== tier).map((one) => ({ members: [one], tier }));
  });
}

const lasting = ['alert', 'incident', 'command', 'outcome', 'policy', 'audit'];
const spanOf = `epoch_ms((data->>'$.to')::TIMESTAMPTZ) - epoch_ms((data->>'$.from')::TIMESTAMPTZ)`;

/** Which events of a tier are kept, as a condition of SQL. */
export const keptIn: Readonly<Record<Tier, string>> = {
  raw: 'true',
  minute: `kind IN ('stat', ${lasting.map((kind) => `'${kind}'`).join(', ')})`,
  hour: `kind IN (${lasting.map((kind) => `'${kind}'`).join(', ')}) OR (kind = 'stat' AND ${spanOf} >= 3600000)`,
};

/** The events from which metrics of a tier are known. */
export const knownBy: Readonly<Record<Tier, string>> = {
  raw: 'true',
  minute: `kind = 'stat' AND ${spanOf} = 60000`,
  hour: `kind = 'stat' AND ${spanOf} = 3600000`,
};
