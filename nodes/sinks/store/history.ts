/** The past as the port has it: read again in the order received, found by id, asked in SQL. Slices keep what is in memory small. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Coverage, type History, type Json, matcher, type Received } from 'sluice';
import { type Database, rowsOf } from './database.ts';
import { createQuery } from './query.ts';
import { type Segment, type Segments, sourceOf } from './segments.ts';
import { type EventRow, eventOf, pointOf, type Series } from './tables.ts';

const sliceRows = 20_000;
/** Spans that are further apart than this have a hole between them, in milliseconds. */
const hole = 300_000;

const columns = 'number, epoch_ms(received), kind, key, id, source, epoch_ms(time), bootid, sequence, rest, data';

export function createHistory(folder: string, database: Database, segments: Segments): History {
  const dictionary = new Map<number, Series>();

  /** Works on a connection of its own; once more where the segments changed meanwhile. */
  const ask = async <Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> => {
    for (let tries = 0; ; tries++) {
      const { epoch } = segments;
      const connection = await database.connect();
      try {
        return await database.during(work(connection));
      } catch (thrown) {
        await segments.settled();
        if (tries === 3 || (segments.epoch === epoch && !(await segments.check('whole')))) throw thrown;
      } finally {
        database.release(connection);
      }
    }
  };

  const learn = async (connection: DuckDBConnection): Promise<void> => {
    const rows = await rowsOf(
      connection,
      `SELECT series, key, name, type, unit, attributes FROM kept.series WHERE series >= ${dictionary.size}`,
    );
    for (const [series, key, name, type, unit, attributes] of rows) {
      const words = { key: String(key), name: String(name), type: String(type), unit: String(unit), attributes: String(attributes) };
      dictionary.set(Number(series), words);
    }
  };

  /** The events of the rows; points of metrics come with one more question. */
  const spell = async (connection: DuckDBConnection, segment: Segment, rows: readonly EventRow[]): Promise<Received[]> => {
    const bare = rows.filter(({ data }) => data === null).map(({ number }) => number);
    const points = new Map<number, Json[]>();
    const [first = 0, last = 0] = [bare[0], bare.at(-1)];
    // A few of many are named; most of them are read in one sweep.
    const named = last - first > 2 * bare.length ? `AND event IN (${bare.join(',')})` : '';
    if (bare.length > 0) {
      const found = await rowsOf(
        connection,
        `SELECT event, series, value FROM ${sourceOf(folder, 'points', segment)}
          WHERE event BETWEEN ${first} AND ${last} ${named} ORDER BY event, place`,
      );
      if (found.some(([, series]) => !dictionary.has(Number(series)))) await learn(connection);
      for (const [event, series, value] of found) {
        const words = dictionary.get(Number(series));
        if (!words) continue;
        const list = points.get(Number(event)) ?? [];
        list.push(pointOf(words, Number(value)));
        points.set(Number(event), list);
      }
    }
    return rows.map((row) => ({ event: eventOf(row, () => points.get(row.number) ?? []), received: row.received }));
  };

  const select = (segment: Segment, where: string): string =>
    `SELECT ${columns} FROM ${sourceOf(folder, 'events', segment)} WHERE ${where} ORDER BY number LIMIT ${sliceRows}`;

  return {
    query: createQuery(folder, database, segments),
    async *read({ kind, pattern }, from, to) {
      const matches = matcher(pattern);
      for (let after = 0; ; ) {
        // Looked up anew for each slice: the one that was open may be closed by now.
        const slice = await ask(async (connection) => {
          for (const segment of segments.all) {
            if (segment.closed && (segment.last <= after || segment.high < from || segment.low >= to)) continue;
            const where = `number > ${after} AND kind = '${kind}' AND received >= make_timestamp_ms(${ms(from)}) AND received < make_timestamp_ms(${ms(to)})`;
            const rows = (await rowsOf(connection, select(segment, where))).map(rowOf);
            const last = rows.at(-1)?.number;
            if (last === undefined) continue;
            return {
              last,
              events: await spell(
                connection,
                segment,
                rows.filter(({ key }) => matches(key)),
              ),
            };
          }
          return undefined;
        });
        if (!slice) return;
        yield* slice.events;
        after = slice.last;
      }
    },
    byId: (id) =>
      ask(async (connection) => {
        for (const segment of segments.all.toReversed()) {
          const found = await rowsOf(connection, `SELECT ${columns} FROM ${sourceOf(folder, 'events', segment)} WHERE id = $1 LIMIT 1`, [
            id,
          ]);
          const [received] = await spell(connection, segment, found.map(rowOf));
          if (received) return received;
        }
        return undefined;
      }),
    coverage: (from, to) =>
      ask(async (connection) => {
        const spans: { from: number; to: number; resolution: 'raw' }[] = [];
        const extents: { low: number; high: number }[] = [];
        for (const segment of segments.all) {
          const extent = segment.closed ? segment : await extentOf(connection, folder, segment);
          if (extent) extents.push(extent);
        }
        // A clock that was set back makes a later segment an earlier span.
        for (const span of extents.sort((one, other) => one.low - other.low)) {
          if (span.high < from || span.low >= to) continue;
          const [low, high] = [Math.max(from, span.low), Math.min(to, span.high + 1)];
          const before = spans.at(-1);
          if (before && low - before.to < hole) before.to = Math.max(before.to, high);
          else spans.push({ from: low, to: high, resolution: 'raw' });
        }
        return spans satisfies Coverage[];
      }),
  };
}

async function extentOf(
  connection: DuckDBConnection,
  folder: string,
  segment: Segment,
): Promise<{ low: number; high: number } | undefined> {
  const sql = `SELECT epoch_ms(min(received)), epoch_ms(max(received)) FROM ${sourceOf(folder, 'events', segment)}`;
  const [[low, high] = []] = await rowsOf(connection, sql);
  return low === null || low === undefined ? undefined : { low: Number(low), high: Number(high) };
}

/** An instant that DuckDB has, whatever was asked for. */
const ms = (instant: number): number => Math.round(Math.min(8.64e15, Math.max(-8.64e15, instant)));

function rowOf(row: readonly unknown[]): EventRow {
  const [number, received, kind, key, id, source, time, bootid, sequence, rest, data] = row;
  const textOf = (value: unknown): string | null => (value === null ? null : String(value));
  return {
    number: Number(number),
    received: Number(received),
    kind: kind as EventRow['kind'],
    key: String(key),
    id: String(id),
    source: String(source),
    time: Number(time),
    bootid: textOf(bootid),
    sequence: sequence === null ? null : Number(sequence),
    rest: textOf(rest),
    data: textOf(data),
  };
}
