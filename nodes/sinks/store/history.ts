/** The past as the port has it: read again in the order received, found by id, asked in SQL. Slices keep what is in memory small. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Coverage, type History, type Json, matcher, type Received } from 'sluice';
import { createCourse } from './course.ts';
import { type Database, LetGo, rowsOf } from './database.ts';
import { quoted, sourceOf } from './files.ts';
import { createQuery } from './query.ts';
import type { Extent, Segment, Segments } from './segments.ts';
import { type EventRow, eventOf, pointOf, type Series } from './tables.ts';

const sliceRows = 20_000;
/** Spans that are further apart than this have a hole between them, in milliseconds. */
const holes: Readonly<Record<Coverage['resolution'], number>> = { raw: 300_000, minute: 300_000, hour: 7_200_000 };

const columns = 'number, epoch_ms(received), kind, key, id, source, epoch_ms(time), bootid, sequence, rest, data';

export function createHistory(folder: string, database: Database, segments: Segments): Required<History> {
  const dictionary = new Map<number, Series>();
  /** The lowest and the highest number of a key's series. */
  const ofKey = new Map<string, { readonly from: number; readonly to: number }>();
  let newest = -1;

  /** Works on a connection of its own; once more where the segments changed meanwhile. */
  const ask = async <Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> => {
    for (let tries = 0; ; tries++) {
      const { epoch } = segments;
      const connection = await database.connect();
      try {
        return await database.during(work(connection));
      } catch (thrown) {
        if (thrown instanceof LetGo) throw thrown;
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
      `SELECT series, key, name, type, unit, attributes FROM kept.series WHERE series > ${newest} ORDER BY series`,
    );
    for (const [number, key, name, type, unit, attributes] of rows) {
      const words = { key: String(key), name: String(name), type: String(type), unit: String(unit), attributes: String(attributes) };
      newest = Number(number);
      dictionary.set(newest, words);
      const { from } = ofKey.get(words.key) ?? { from: newest };
      ofKey.set(words.key, { from, to: newest });
    }
  };

  /** The events of the rows; points of metrics come with one more question. */
  const spell = async (connection: DuckDBConnection, segment: Segment, rows: readonly EventRow[]): Promise<Received[]> => {
    const bare = rows.filter(({ data }) => data === null);
    const points = new Map<number, Json[]>();
    const [first = 0, last = 0] = [bare[0]?.number, bare.at(-1)?.number];
    // A few of many are named; most of them are read in one sweep.
    const named = last - first > 2 * bare.length ? `AND event IN (${bare.map(({ number }) => number).join(',')})` : '';
    if (bare.length > 0) {
      await learn(connection);
      // Points lie by series: what is of one host is in a small part of a file.
      let [lowest, highest] = [Number.MAX_SAFE_INTEGER, -1];
      for (const key of new Set(bare.map((row) => row.key))) {
        const series = ofKey.get(key);
        [lowest, highest] = [Math.min(lowest, series?.from ?? lowest), Math.max(highest, series?.to ?? highest)];
      }
      const found = await rowsOf(
        connection,
        `SELECT event, series, value FROM ${sourceOf(folder, 'points', segment)}
          WHERE series BETWEEN ${lowest} AND ${highest} AND event BETWEEN ${first} AND ${last} ${named} ORDER BY event, place`,
      );
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

  const coverage: History['coverage'] = (from, to) =>
    ask(async (connection) => {
      const spans: { from: number; to: number; readonly resolution: Coverage['resolution'] }[] = [];
      const extents: (Extent & Pick<Coverage, 'resolution'>)[] = [];
      for (const segment of segments.all) {
        const known = segment.closed ? segment.known : await extentOf(connection, folder, segment);
        extents.push(...known.map((extent) => ({ ...extent, resolution: segment.tier })));
      }
      // A clock that was set back makes a later segment an earlier span.
      for (const { low, high, resolution } of extents.sort((one, other) => one.low - other.low)) {
        if (high < from || low >= to) continue;
        const span = { from: Math.max(from, low), to: Math.min(to, high + 1), resolution };
        const before = spans.at(-1);
        if (before?.resolution === resolution && span.from - before.to < holes[resolution]) before.to = Math.max(before.to, span.to);
        else spans.push(span);
      }
      return spans;
    });
  return {
    query: createQuery(folder, database, segments),
    coverage,
    series: createCourse({ folder, segments: () => segments.all, ask, coverage }),
    async *read({ kind, pattern }, from, to) {
      const matches = matcher(pattern);
      const near = beginning(pattern);
      for (let after = 0; ; ) {
        // Looked up anew for each slice: the one that was open may be closed by now.
        const slice = await ask(async (connection) => {
          for (const segment of segments.all) {
            if (segment.closed && (segment.last <= after || segment.high < from || segment.low >= to)) continue;
            const where = `number > ${after} AND kind = '${kind}' AND ${near} AND received >= make_timestamp_ms(${ms(from)}) AND received < make_timestamp_ms(${ms(to)})`;
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
        const open = segments.all.filter((one) => !one.closed).map((one) => [one]);
        const closed = segments.all.filter((one) => one.closed);
        // All files at once: each has a filter that tells that most ids are not in it.
        for (const group of closed.length === 0 ? open : [...open, closed]) {
          const sql = `SELECT ${columns} FROM ${sourceOf(folder, 'events', ...group)} WHERE id = $1 LIMIT 1`;
          const [row] = (await rowsOf(connection, sql, [id])).map(rowOf);
          const segment = row && group.find((one) => !one.closed || one.last >= row.number);
          if (segment) return (await spell(connection, segment, [row]))[0];
        }
        return undefined;
      }),
  };
}

async function extentOf(connection: DuckDBConnection, folder: string, segment: Segment): Promise<Extent[]> {
  const sql = `SELECT epoch_ms(min(received)), epoch_ms(max(received)) FROM ${sourceOf(folder, 'events', segment)}`;
  const [[low, high] = []] = await rowsOf(connection, sql);
  return low === null || low === undefined ? [] : [{ low: Number(low), high: Number(high) }];
}

/** What the words before a pattern's first wildcard tell of a key, as a condition of SQL. */
function beginning(pattern: string): string {
  const [literal = ''] = pattern.split(/[*#]/);
  return literal === '' ? 'true' : `starts_with(key || '.', ${quoted(literal)})`;
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
