/**
 * The Parquet files of closed segments: their names, how they are read in SQL and written, and what can be wrong with one.
 *
 *     events-000007.parquet                  one closed stretch
 *     points-000001-000024.parquet           several of them, made one: of a day that is over
 *     events-000001-000024-minute.parquet    what is kept of them once the points themselves are too old
 */
import { closeSync, fsyncSync, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from 'sluice';
import type { Segment } from './segments.ts';

export type Content = 'events' | 'points';
type Named = Pick<Segment, 'first' | 'segment' | 'tier'>;

const pattern = /^(?:events|points)-(\d{6,})(?:-(\d{6,})(?:-(?:minute|hour))?)?\.parquet$/;
const padded = (segment: number): string => String(segment).padStart(6, '0');
export const quoted = (path: string): string => `'${path.replaceAll("'", "''")}'`;

export function fileOf(what: Content, { first, segment, tier }: Named): string {
  const span = first === segment && tier === 'raw' ? padded(segment) : `${padded(first)}-${padded(segment)}`;
  return `${what}-${span}${tier === 'raw' ? '' : `-${tier}`}.parquet`;
}

/** Points are kept only as long as they are raw. */
export const filesOf = (segment: Named): string[] =>
  (segment.tier === 'raw' ? (['events', 'points'] as const) : (['events'] as const)).map((what) => fileOf(what, segment));

/** The segments that a file of ours is of; undefined for a stranger's. */
export function spanOf(file: string): { readonly first: number; readonly segment: number } | undefined {
  const [, first, last = first] = pattern.exec(file) ?? [];
  return first === undefined ? undefined : { first: Number(first), segment: Number(last) };
}

/** Where to read the rows of one segment, or of several closed ones, in SQL. */
export function sourceOf(folder: string, what: Content, ...segments: readonly Segment[]): string {
  const [one] = segments;
  if (one && !one.closed) return `kept.${what}_${one.segment}`;
  return `read_parquet([${segments.map((each) => quoted(join(resolve(folder), fileOf(what, each)))).join(', ')}])`;
}

/**
 * How a file is laid out. Events: ids go through a dictionary, since only then DuckDB writes a Bloom filter with which a search for
 * one skips nearly all row groups. Points of one closed stretch: small row groups, of which a series is in one. Points of a day: a
 * series fills a good part of a row group, and each that is skipped costs time too (measured: 9 ms of 1M rows, 17 ms of 120k).
 */
const layouts = {
  events: 'DICTIONARY_SIZE_LIMIT 122880, STRING_DICTIONARY_PAGE_SIZE_LIMIT 67108864',
  points: 'ROW_GROUP_SIZE 122880',
  'points of a day': 'ROW_GROUP_SIZE 983040',
};

/** Writes a Parquet file that is on the disk when this resolves, with its bytes. A kill leaves half of it under its own name, to be written again. */
export async function copy(connection: DuckDBConnection, rows: string, file: string, layout: keyof typeof layouts): Promise<number> {
  const options = `FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, USE_TMP_FILE false, ${layouts[layout]}`;
  await connection.run(`COPY (${rows}) TO ${quoted(resolve(file))} (${options})`);
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return statSync(file).size;
}

/** What is wrong with a file, as far as its length and its ends tell. */
export function flawOf(file: string, bytes: number): string | undefined {
  try {
    if (statSync(file).size !== bytes) return `${file} is damaged: it has not the length that was written`;
    const descriptor = openSync(file, 'r');
    const ends = Buffer.alloc(8);
    readSync(descriptor, ends, 0, 4, 0);
    readSync(descriptor, ends, 4, 4, bytes - 4);
    closeSync(descriptor);
    return ends.toString('latin1') === 'PAR1PAR1' ? undefined : `${file} is damaged: it is no Parquet file any more`;
  } catch (thrown) {
    return `${file} cannot be read: ${messageOf(thrown)}`;
  }
}
