/**
 * What keeps closed hours readable when the DuckDB file is damaged: beside it lies a catalogue, a copy of the tables that say what
 * the Parquet files hold, written again whenever those change. A damaged file is set aside, never deleted, and a new one is made
 * of the catalogue; what only the damaged one had, the last hour, is in it for whoever can mend it.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from 'sluice';
import { fillTables, keptTables, writeTables } from './backup.ts';
import { sync } from './bundle.ts';
import { fileName, openDatabase } from './database.ts';
import type { Segment } from './segments.ts';

const fileOf = (table: string): string => `catalogue.${table}`;
const unfinished = (table: string): string => `catalogue.${table}.new`;
/** What DuckDB says of a file whose bytes are not what it wrote; not of one that another process holds, or a newer version made. */
export const isDamage = (thrown: unknown): boolean =>
  /not a valid DuckDB database|could not read enough bytes|corrupt (database|WAL) file|failure while replaying WAL/i.test(
    messageOf(thrown),
  );

/** @param segments those that are whole and closed. */
export async function writeCatalogue(folder: string, connection: DuckDBConnection, segments: readonly Segment[]): Promise<void> {
  await writeTables(folder, unfinished, connection, segments);
  for (const table of keptTables) {
    sync(join(folder, unfinished(table)));
    renameSync(join(folder, unfinished(table)), join(folder, fileOf(table)));
  }
}

/** Makes a new DuckDB file in the place of a damaged one. @param now milliseconds. */
export async function rescue(folder: string, damage: unknown, now: number, say: (text: string) => void): Promise<void> {
  const aside = `recent.duckdb.damaged-${new Date(now).toISOString().replace(/[:.]/g, '-')}`;
  for (const end of ['', '.wal'])
    if (existsSync(join(folder, fileName + end))) renameSync(join(folder, fileName + end), join(folder, aside + end));
  const isListed = keptTables.every((table) => existsSync(join(folder, fileOf(table))));
  const database = await openDatabase(folder);
  try {
    if (isListed) await fillTables(folder, fileOf, await database.connect());
  } catch (thrown) {
    await database.close();
    for (const end of ['', '.wal']) rmSync(join(folder, fileName + end), { force: true });
    throw thrown;
  }
  await database.close();
  const kept = isListed ? 'the hours that were closed are kept, the last one is missing' : 'no hour had been closed; it begins anew';
  const why = messageOf(damage).match(/\(([^)]*)/)?.[1] ?? messageOf(damage).split('\n')[0];
  say(
    `${join(folder, fileName)} is damaged (${why}) and set aside as ${aside}; ${kept}. Check this disk, and restore a backup if you need that hour`,
  );
}
