/**
 * The DuckDB file of recent events, opened so that nothing that is asked of it reaches beyond its own folder: no other
 * files, no network, no extensions, bounded memory and scratch space, and none of it to be changed again.
 *
 * A folder → connections. One process at a time; DuckDB itself sees to that.
 */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { ConfigError, messageOf, SluiceError } from 'sluice';

export interface Database {
  connect(): Promise<DuckDBConnection>;
  /** Lets go of a connection that does nothing. */
  release(connection: DuckDBConnection): void;
  /**
   * Work that is under way on some connection, and has to end before the file is let go. @throws LetGo when that happened
   * meanwhile: an interrupted answer may look like a whole one.
   */
  during<Result>(work: Promise<Result>): Promise<Result>;
  /** Interrupts whatever is asked of it, and lets go of the file. Safe twice. */
  close(): Promise<void>;
}

/** The file was let go while it was asked. */
export class LetGo extends SluiceError {
  constructor(options?: ErrorOptions) {
    super('store: is stopped; ask again once it runs', options);
  }
}

const interruptEvery = 50;
export const fileName = 'recent.duckdb';
/** What all of it may take in memory, and on disk for sorting what does not fit there. */
const settings = [
  `SET memory_limit = '1GB'`,
  `SET max_temp_directory_size = '8GB'`,
  'SET threads = 2',
  `SET TimeZone = 'UTC'`,
  // A checkpoint writes what the log has; in between, a start has this much to read again.
  `SET checkpoint_threshold = '64MB'`,
  'SET parquet_metadata_cache = true',
  'SET autoinstall_known_extensions = false',
  'SET autoload_known_extensions = false',
];

const schema = `
  CREATE SCHEMA IF NOT EXISTS kept;
  CREATE TABLE IF NOT EXISTS kept.series (series INTEGER, key VARCHAR, company VARCHAR, system VARCHAR, environment VARCHAR,
    host VARCHAR, resource VARCHAR, name VARCHAR, type VARCHAR, unit VARCHAR, attributes VARCHAR);
  CREATE TABLE IF NOT EXISTS kept.segments (segment INTEGER, closed BOOLEAN, low TIMESTAMP, high TIMESTAMP, last BIGINT,
    event_bytes BIGINT, point_bytes BIGINT);
  ALTER TABLE kept.segments ADD COLUMN IF NOT EXISTS first INTEGER;
  ALTER TABLE kept.segments ADD COLUMN IF NOT EXISTS tier VARCHAR;
  ALTER TABLE kept.segments ADD COLUMN IF NOT EXISTS known VARCHAR;
  ALTER TABLE kept.segments ADD COLUMN IF NOT EXISTS rows BIGINT;
  CREATE TABLE IF NOT EXISTS kept.runs (run INTEGER, first BIGINT, last BIGINT);`;

/** @throws ConfigError when the folder cannot be had, is another process's, or its file is damaged. */
export async function openDatabase(folder: string): Promise<Database> {
  const path = resolve(folder);
  try {
    accessSync(dirname(path), constants.W_OK);
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new ConfigError(`store: ${path} cannot be made (${messageOf(cause)}); make the directory that it is in, or name another`, {
      cause,
    });
  }
  const instance = await DuckDBInstance.create(join(path, fileName)).catch((cause: unknown) => {
    const [why = ''] = messageOf(cause).split('\n');
    const what = /could not set lock/i.test(why)
      ? 'another process holds it; stop that one, or ask it'
      : `it cannot be opened (${why.slice(0, 300)}); restore it, or move it away to begin anew`;
    throw new ConfigError(`store: ${join(path, fileName)}: ${what}`, { cause });
  });
  const connections = new Set<DuckDBConnection>();
  const works = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    const interrupt = (): void => {
      for (const connection of connections) connection.interrupt();
    };
    interrupt();
    // An interruption ends one statement; what has several may be between two of them.
    const again = setInterval(interrupt, interruptEvery);
    await Promise.allSettled(works);
    clearInterval(again);
    for (const connection of connections) database.release(connection);
    instance.closeSync();
  };
  const database: Database = {
    async connect() {
      if (closed) throw new LetGo();
      const connection = await instance.connect();
      connections.add(connection);
      return connection;
    },
    release(connection) {
      if (connections.delete(connection)) connection.closeSync();
    },
    async during(work) {
      works.add(work);
      try {
        const result = await work;
        if (closed) throw new LetGo();
        return result;
      } catch (thrown) {
        throw closed ? new LetGo({ cause: thrown }) : thrown;
      } finally {
        works.delete(work);
      }
    },
    close() {
      closed ??= end();
      return closed;
    },
  };
  const connection = await database.connect();
  for (const setting of settings) await connection.run(setting);
  await connection.run(`SET allowed_directories = ['${path.replaceAll("'", "''")}']`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
  await connection.run(schema);
  database.release(connection);
  return database;
}

/** Rows of an internal question, as plain values. */
export async function rowsOf(connection: DuckDBConnection, sql: string, values?: Parameters<DuckDBConnection['runAndReadAll']>[1]) {
  return (await connection.runAndReadAll(sql, values)).getRowsJS();
}
