/** Writes the files of a closed segment, from the tables it was in or from the files that it is made of. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { rowsOf } from './database.ts';
import { copy, fileOf } from './files.ts';
import type { Extent, Segment } from './segments.ts';
import { keptIn, knownBy } from './tiers.ts';

/**
 * @param part what it is to be; what its rows tell of it is put in, and `known` cut to it.
 * @param from its rows in SQL.
 * @returns undefined where its tier keeps none of them; then nothing is written.
 */
export async function writePart(
  connection: DuckDBConnection,
  folder: string,
  part: Segment,
  from: { readonly events: string; readonly points: string },
  layout: 'points' | 'points of a day',
): Promise<Segment | undefined> {
  const { tier } = part;
  const events = `FROM ${from.events} WHERE ${keptIn[tier]}`;
  const known = `FILTER (${knownBy[tier]})`;
  const [[count, low, high, last, knownLow, knownHigh] = []] = await rowsOf(
    connection,
    `SELECT count(*), epoch_ms(min(received)), epoch_ms(max(received)), max(number),
      epoch_ms(min(received) ${known}), epoch_ms(max(received) ${known}) ${events}`,
  );
  if (Number(count) === 0) return undefined;
  const [[points] = [0]] = tier === 'raw' ? await rowsOf(connection, `SELECT count(*) FROM ${from.points}`) : [];
  return {
    ...part,
    low: Number(low),
    high: Number(high),
    known: knownLow === null ? [] : within(part.known, { low: Number(knownLow), high: Number(knownHigh) }),
    last: Math.max(part.last, Number(last)),
    rows: Number(count) + Number(points),
    eventBytes: await copy(connection, `${events} ORDER BY number`, join(folder, fileOf('events', part)), 'events'),
    pointBytes:
      tier === 'raw'
        ? await copy(connection, `FROM ${from.points} ORDER BY series, time, event`, join(folder, fileOf('points', part)), layout)
        : 0,
  };
}

const within = (extents: readonly Extent[], { low, high }: Extent): Extent[] =>
  extents.map((each) => ({ low: Math.max(low, each.low), high: Math.min(high, each.high) })).filter((each) => each.low <= each.high);
