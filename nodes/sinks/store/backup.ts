/**
 * The store's part of a backup: a folder inside its own with all that was written until now, made in a moment. Files of closed
 * hours are never written again, so that links to them will do; what DuckDB has besides comes as Parquet.
 *
 *     events-000001.parquet points-000001.parquet …   as the store has them
 *     series.parquet segments.parquet runs.parquet    the tables, of which the first says what the points are of
 *
 * Whoever asked for it moves it away (bundle.ts). What was left behind is deleted when the store is next opened.
 */
import { linkSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { filesOf, quoted } from './files.ts';
import { inTransaction, type Segment } from './segments.ts';

const prefix = 'backup-';
/** The tables that a backup has. */
export const keptTables = ['series', 'segments', 'runs'] as const;
type KeptTable = (typeof keptTables)[number];
export const tableFile = (table: KeptTable): string => `${table}.parquet`;
export const isStage = (name: string): boolean => name.startsWith(prefix);

/** @param segments whole and closed, with nothing between that closes or deletes any. @returns the new folder. */
export async function stageBackup(folder: string, connection: DuckDBConnection, segments: readonly Segment[]): Promise<string> {
  const stage = mkdtempSync(join(resolve(folder), prefix));
  try {
    await writeTables(stage, tableFile, connection, segments);
    for (const file of segments.flatMap(filesOf)) linkSync(join(folder, file), join(stage, file));
    return stage;
  } catch (thrown) {
    rmSync(stage, { recursive: true, force: true });
    throw thrown;
  }
}

/** Writes the tables as they are at one moment; of segments those that are given. */
export async function writeTables(
  folder: string,
  name: (table: KeptTable) => string,
  connection: DuckDBConnection,
  segments: readonly Segment[],
): Promise<void> {
  const numbers = segments.map(({ segment }) => segment);
  await inTransaction(connection, async () => {
    for (const table of keptTables) {
      const some = table === 'segments' ? `WHERE segment IN (${[-1, ...numbers].join(', ')})` : '';
      const file = quoted(resolve(folder, name(table)));
      await connection.run(`COPY (SELECT * FROM kept.${table} ${some}) TO ${file} (FORMAT parquet, COMPRESSION zstd)`);
    }
  });
}

/** Puts tables that were written into a new database, and all of it on the disk. */
export async function fillTables(folder: string, name: (table: KeptTable) => string, connection: DuckDBConnection): Promise<void> {
  for (const table of keptTables) {
    const file = quoted(resolve(folder, name(table)));
    await connection.run(`INSERT INTO kept.${table} BY NAME SELECT * FROM read_parquet(${file})`);
  }
  await connection.run('CHECKPOINT');
}

/** Deletes what backups left behind that did not end. */
export function clearStages(folder: string): void {
  for (const name of readdirSync(folder).filter(isStage)) rmSync(join(folder, name), { recursive: true, force: true });
}
