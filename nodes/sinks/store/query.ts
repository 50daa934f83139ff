/**
 * Answers SQL from strangers: parsed and judged first, then run in a read-only transaction on a connection that sees the
 * views, with an end to its time, its rows and its bytes. SQL → {@link Answer}, or a Reject that says what to do.
 */
import {
  type DuckDBConnection,
  type DuckDBResult,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';
import { type Answer, type Json, messageOf, type QueryLimits, Reject, SluiceError } from 'sluice';
import { type Database, LetGo, rowsOf } from './database.ts';
import { checkStatement } from './guard.ts';
import type { Segments } from './segments.ts';
import { createViews } from './views.ts';

const defaults: QueryLimits = { time: 10_000, rows: 10_000 };
const mostTime = 300_000;
const mostRows = 1_000_000;
const mostBytes = 64 * 1024 * 1024;
const mostSql = 65_536;
/** More at once would only wait for each other. */
const mostAtOnce = 4;

interface Taken {
  readonly epoch: number;
  readonly part: string;
  readonly connection: DuckDBConnection;
}

export function createQuery(folder: string, database: Database, segments: Segments) {
  /** Connections whose views are of this epoch, and of this part of the tree. */
  let idle: Taken[] = [];
  let running = 0;

  const take = async (part: string): Promise<Taken> => {
    for (const old of idle.filter(({ epoch }) => epoch !== segments.epoch)) database.release(old.connection);
    idle = idle.filter(({ epoch }) => epoch === segments.epoch);
    const ready = idle.findLast((one) => one.part === part);
    if (ready) {
      idle = idle.filter((one) => one !== ready);
      return ready;
    }
    // One that another part left idle gives way: there are never more than may be asked at once.
    const [other] = idle.length >= mostAtOnce ? idle.splice(0, 1) : [];
    if (other) database.release(other.connection);
    const made = { epoch: segments.epoch, part, connection: await database.connect() };
    try {
      await createViews(made.connection, folder, segments.all, part);
    } catch (thrown) {
      database.release(made.connection);
      throw thrown;
    }
    return made;
  };

  const run = async (sql: string, limits: QueryLimits): Promise<Answer> => {
    const taken = await take(limits.part ?? '');
    const { connection } = taken;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection.interrupt();
    }, limits.time);
    try {
      const [[parsed = ''] = []] = await rowsOf(connection, 'SELECT json_serialize_sql($1::VARCHAR)', [sql]);
      checkStatement(String(parsed));
      await connection.run('BEGIN TRANSACTION READ ONLY');
      const answer = await collect(await connection.stream(sql), limits.rows);
      // An interruption may end the rows without a word: they would look like all that there are.
      if (late) throw new SluiceError('query: interrupted');
      await connection.run('ROLLBACK');
      idle.push(taken);
      return answer;
    } catch (thrown) {
      database.release(connection);
      if (late)
        throw new Reject(`query: it took longer than ${limits.time / 1000} s and was ended; ask for a shorter time or fewer series`);
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  };

  return async (sql: string, limits: Partial<QueryLimits> = {}): Promise<Answer> => {
    const bounded = {
      time: Math.min(mostTime, Math.max(1, limits.time ?? defaults.time)),
      rows: Math.min(mostRows, Math.max(1, limits.rows ?? defaults.rows)),
      ...(limits.part !== undefined && { part: limits.part }),
    };
    if (sql.length > mostSql) throw new Reject(`query: ${sql.length} characters, the limit is ${mostSql}; shorten it`);
    if (running >= mostAtOnce) throw new Reject(`query: ${running} are running already; try again when one is done`);
    running += 1;
    try {
      for (;;) {
        const { epoch } = segments;
        try {
          return await database.during(run(sql, bounded));
        } catch (thrown) {
          if (thrown instanceof Reject || thrown instanceof LetGo) throw thrown;
          const why = messageOf(thrown);
          // A segment was closed meanwhile, or one of its files is damaged: without it the rest can still be told.
          await segments.settled();
          const elsewhere = segments.epoch !== epoch || (isOfFiles(why) && (await segments.check('whole')));
          if (!elsewhere) throw new Reject(`query: ${explain(why)}`, { cause: thrown });
        }
      }
    } finally {
      running -= 1;
    }
  };
}

const isOfFiles = (why: string): boolean => /parquet|^IO Error|No files found|thrift|zstd|corrupt/i.test(why);

/** DuckDB's words, without its advice on settings that are not for the asker to change. */
function explain(why: string): string {
  const [first = ''] = why.split('\n');
  if (/^out of memory/i.test(first)) return 'it needs more memory than it may have; ask for a shorter time, or for sums instead of rows';
  return `${first.slice(0, 500)}; see "sluice query --help" for the views`;
}

async function collect(result: DuckDBResult, most: number): Promise<Answer> {
  const types = result.columnTypes();
  const columns = result.columnNames().map((name, index) => ({ name, type: String(types[index]) }));
  const rows: Json[][] = [];
  let bytes = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return { columns, rows, cut: false };
    const values = columns.map((_, column) => chunk.convertColumnValues<Json>(column, toJson));
    for (let row = 0; row < chunk.rowCount; row++) {
      if (rows.length >= most || bytes > mostBytes) return { columns, rows, cut: true };
      const cells = values.map((column) => column[row] ?? null);
      for (const cell of cells) bytes += typeof cell === 'object' && cell !== null ? JSON.stringify(cell).length : String(cell).length;
      rows.push(cells);
    }
  }
}

/** Numbers as numbers wherever JSON holds them exactly, and instants in ISO 8601. */
function toJson(value: DuckDBValue, type: DuckDBType): Json {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (type.typeId === DuckDBTypeId.DECIMAL && value !== null) return Number(String(value));
  if (isInstant(value)) return isoOf(value.micros);
  return JsonDuckDBValueConverter(value, type, toJson as typeof JsonDuckDBValueConverter) as Json;
}

const isInstant = (value: DuckDBValue): value is DuckDBValue & { micros: bigint } =>
  typeof value === 'object' && value !== null && /^DuckDBTimestamp(TZ)?Value$/.test(value.constructor.name);

function isoOf(micros: bigint): string {
  const ms = Number(micros / 1000n);
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(micros);
}
