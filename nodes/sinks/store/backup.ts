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
import { filesOf } from './files.ts';
import { inTransaction, type Segment } from './segments.ts';

const prefix = 'backup-';
/** The tables that a backup has. */
export const keptTables = ['series', 'segments', 'runs'] as const;
export const tableFile = (table: (typeof keptTables)[number]): string => `${table}.parquet`;
export const isStage = (name: string): boolean => name.startsWith(prefix);

/** @param segments whole and closed, with nothing between that closes or deletes any. @returns the new folder. */
export async function stageBackup(folder: string, connection: DuckDBConnection, segments: readonly Segment[]): Promise<string> {
  const stage = mkdtempSync(join(resolve(folder), prefix));
  try {
    const numbers = segments.map(({ segment }) => segment);
    await inTransaction(connection, async () => {
      for (const table of keptTables) {
        const some = table === 'segments' ? `WHERE segment IN (${[-1, ...numbers].join(', ')})` : '';
        const file = join(stage, tableFile(table)).replaceAll("'", "''");
        await connection.run(`COPY (SELECT * FROM kept.${table} ${some}) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`);
      }
    });
    for (const file of segments.flatMap(filesOf)) linkSync(join(folder, file), join(stage, file));
    return stage;
  } catch (thrown) {
    rmSync(stage, { recursive: true, force: true });
    throw thrown;
  }
}

/** Deletes what backups left behind that did not end. */
export function clearStages(folder: string): void {
  for (const name of readdirSync(folder).filter(isStage)) rmSync(join(folder, name), { recursive: true, force: true });
}
