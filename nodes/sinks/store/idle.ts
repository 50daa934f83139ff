/**
 * Series of which no point is left. Hosts, disks and containers come and go: once the last point of a series has passed its age,
 * its name goes too, or the dictionary would grow for ever.
 *
 * Found beside the writing, which takes a look at all points' series; forgotten between two writes, by the writer, since it has
 * the dictionary in memory. What was written of them in between is looked for once more, in the few segments where it can be.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Database, rowsOf } from './database.ts';
import type { Segment, Segments } from './segments.ts';
import { allOf } from './views.ts';

/** What is above it waits for the next round. */
const mostAtOnce = 100_000;

/** Those that no point was left of when it looked. */
export interface Idle {
  readonly series: readonly number[];
  /** The segment that was open then. */
  readonly open: number;
}

export async function findIdle(folder: string, database: Database, segments: Segments): Promise<Idle> {
  const connection = await database.connect();
  try {
    const { open, all } = segments;
    const sql = `SELECT series FROM kept.series ANTI JOIN (${allOf(folder, 'points', all)}) USING (series) LIMIT ${mostAtOnce}`;
    return { series: await numbersOf(connection, sql), open };
  } finally {
    database.release(connection);
  }
}

/** Of those, the ones that are idle still. To be asked while nothing is written. */
export async function stillIdle(folder: string, connection: DuckDBConnection, segments: readonly Segment[], idle: Idle): Promise<number[]> {
  const since = segments.filter(({ segment }) => segment >= idle.open);
  const sql = `SELECT DISTINCT series FROM (${allOf(folder, 'points', since)}) WHERE series IN (${idle.series.join(', ')})`;
  const used = new Set(await numbersOf(connection, sql));
  return idle.series.filter((series) => !used.has(series));
}

const numbersOf = async (connection: DuckDBConnection, sql: string): Promise<number[]> =>
  (await rowsOf(connection, sql)).map(([series]) => Number(series));
