/**
 * Writes batches: one transaction for a batch's events, points, new series, and a note of which numbers it took. The runtime
 * commits its watermark after a write returned, so of each run of the process only the last batch can come again, in
 * whichever pieces: the notes say which events those are, and they are left out.
 */
import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Event, Point } from 'sluice';
import { rowsOf } from './database.ts';
import { dictionary } from './dictionary.ts';
import { sourceOf } from './files.ts';
import { inTransaction, type Segments } from './segments.ts';
import { isCounted, isRowsAlone, restOf, type Series, wordsOf } from './tables.ts';

export interface Writer {
  /** @param received the receiving clock, in milliseconds. */
  write(events: readonly Event[], received: number): Promise<void>;
  /** Removes series that no point is left of. Not while it writes. */
  forget(gone: readonly number[]): Promise<void>;
  /** How many events and points the open segment has. */
  readonly rows: number;
  /** A new segment begins. */
  rolled(): void;
}

/** How many runs back an event may come again: each leaves at most its last batch behind. */
const runsBack = 16;
/** DuckDB takes rows in chunks of this many. */
const chunkRows = 2048;

type Columns = DuckDBValue[][];

export async function openWriter(folder: string, connection: DuckDBConnection, segments: Segments): Promise<Writer> {
  const series = dictionary(await writtenSeries(connection));
  let next = await firstNumber(folder, connection, segments);
  const run = Math.max(0, ...(await numbers(connection, 'SELECT max(run) + 1 FROM kept.runs')));
  const again = await lastBatches(folder, connection, segments, run);
  let noted = false;
  let rows = (await numbers(connection, `SELECT count(*) FROM kept.points_${segments.open}`))[0] ?? 0;

  const note = (first: number, last: number): string =>
    noted
      ? `UPDATE kept.runs SET first = ${first}, last = ${last} WHERE run = ${run}`
      : `INSERT INTO kept.runs VALUES (${run}, ${first}, ${last}); DELETE FROM kept.runs WHERE run < ${run - runsBack}`;

  return {
    get rows() {
      return rows;
    },
    rolled() {
      rows = 0;
    },
    async forget(gone) {
      await connection.run(`DELETE FROM kept.series WHERE series IN (${gone.join(', ')})`);
      series.forget(new Set(gone));
    },
    async write(batch, at) {
      const events = again.size === 0 ? batch : batch.filter((event) => !again.has(nameOf(event)));
      if (events.length === 0) return;
      const received = instant(at);
      const first = next;
      const eventRows: Columns = Array.from({ length: 11 }, () => []);
      const pointRows: Columns = Array.from({ length: 6 }, () => []);
      for (const [index, event] of events.entries()) {
        const number = BigInt(first + index);
        const time = instant(event.time);
        let isWhole = true;
        if (event.kind === 'metric') {
          const { points } = event.data;
          const known = series.numbersOf(event.key, points);
          isWhole = !isRowsAlone(points, known);
          pushPoints(pointRows, points, known, { number, time, received });
        }
        push(
          eventRows,
          number,
          received,
          event.kind,
          event.key,
          event.id,
          event.source,
          time,
          event.bootid ?? null,
          isCounted(event) ? BigInt(event.sequence ?? 0) : null,
          restOf(event),
          isWhole ? JSON.stringify(event.data) : null,
        );
      }
      const seriesRows: Columns = Array.from({ length: 11 }, () => []);
      for (const [number, { key, name, type, unit, attributes }] of series.fresh)
        push(seriesRows, number, key, ...wordsOf(key), name, type, unit, attributes);
      await inTransaction(connection, async () => {
        await append(connection, 'series', seriesRows);
        await append(connection, `events_${segments.open}`, eventRows);
        await append(connection, `points_${segments.open}`, pointRows);
        await connection.run(note(first, first + events.length - 1));
      });
      noted = true;
      next += events.length;
      series.keep();
      rows += (pointRows[0]?.length ?? 0) + events.length;
    },
  };
}

/** CloudEvents: source and id together name an event. */
const nameOf = ({ source, id }: Event): string => `${source} ${id}`;

const instant = (ms: number): DuckDBTimestampValue => new DuckDBTimestampValue(BigInt(Math.round(ms)) * 1000n);

function push(columns: Columns, ...row: DuckDBValue[]): void {
  for (let column = 0; column < row.length; column++) columns[column]?.push(row[column] ?? null);
}

/** The rows of one event's points. This is what a store does most: a column at a time, without a row in between. */
function pushPoints(
  [series, times, values, events, receipts, places]: Columns,
  points: readonly Point[],
  numbers: readonly number[],
  { number, time, received }: { number: bigint; time: DuckDBTimestampValue; received: DuckDBTimestampValue },
): void {
  for (let place = 0; place < points.length; place++) {
    const point = points[place];
    if (point === undefined) continue;
    series?.push(numbers[place] ?? null);
    times?.push(point.time === undefined ? time : instant(Date.parse(point.time)));
    values?.push(point.value);
    events?.push(number);
    receipts?.push(received);
    places?.push(place);
  }
}

async function append(connection: DuckDBConnection, table: string, columns: Columns): Promise<void> {
  const count = columns[0]?.length ?? 0;
  if (count === 0) return;
  const appender = await connection.createAppender(table, 'kept');
  const types = typesOf(appender);
  for (let from = 0; from < count; from += chunkRows) {
    const chunk = DuckDBDataChunk.create(types, Math.min(chunkRows, count - from));
    chunk.setColumns(columns.map((column) => (count <= chunkRows ? column : column.slice(from, from + chunkRows))));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

const typesOf = (appender: DuckDBAppender): DuckDBType[] =>
  Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));

async function numbers(connection: DuckDBConnection, sql: string): Promise<number[]> {
  return (await rowsOf(connection, sql)).flat().map((value) => Number(value ?? 0));
}

async function writtenSeries(connection: DuckDBConnection): Promise<[number: number, series: Series][]> {
  const rows = await rowsOf(connection, 'SELECT series, key, name, type, unit, attributes FROM kept.series');
  return rows.map(([number, ...words]) => {
    const [key = '', name = '', type = '', unit = '', attributes = ''] = words.map(String);
    return [Number(number), { key, name, type, unit, attributes }];
  });
}

async function firstNumber(folder: string, connection: DuckDBConnection, segments: Segments): Promise<number> {
  const closed = segments.all.map(({ last }) => last + 1);
  const open = segments.all.filter((one) => !one.closed);
  const rows = await Promise.all(open.map((one) => numbers(connection, `SELECT max(number) + 1 FROM ${sourceOf(folder, 'events', one)}`)));
  const runs = await numbers(connection, 'SELECT max(last) + 1 FROM kept.runs');
  return Math.max(1, ...closed, ...rows.flat(), ...runs);
}

/** The names of the events that may be delivered again. */
async function lastBatches(folder: string, connection: DuckDBConnection, segments: Segments, run: number): Promise<Set<string>> {
  const names = new Set<string>();
  for (const [first, last] of await rowsOf(connection, `SELECT first, last FROM kept.runs WHERE run >= ${run - runsBack}`)) {
    for (const segment of segments.all) {
      if (segment.closed && segment.last < Number(first)) continue;
      const found = await rowsOf(
        connection,
        `SELECT source || ' ' || id FROM ${sourceOf(folder, 'events', segment)} WHERE number BETWEEN ${first} AND ${last}`,
      );
      for (const [name] of found) names.add(String(name));
    }
  }
  return names;
}
