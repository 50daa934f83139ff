/**
 * Segments: the history in pieces, each a stretch of events in the order received. The last is open, two tables in DuckDB;
 * the others are closed, two Parquet files each, and the table `segments` is their manifest. Files are written and safe
 * before the transaction that drops the tables for them; whatever is interrupted is done again under the same names.
 *
 * A file that is damaged or gone is left out and said; one that nobody here wrote is left alone.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from 'sluice';
import { type Database, rowsOf } from './database.ts';
import { eventColumns, pointColumns } from './tables.ts';

export interface Segment {
  readonly segment: number;
  readonly closed: boolean;
  /** When its first and last events were received, in milliseconds; of an open one, not known yet. */
  readonly low: number;
  readonly high: number;
  /** The number of its last event. */
  readonly last: number;
  readonly eventBytes: number;
  readonly pointBytes: number;
}

export interface Keep {
  /** Milliseconds, and bytes of closed files. */
  readonly age: number;
  readonly bytes: number;
}

export interface Segments {
  /** In order; without those that are damaged. */
  readonly all: readonly Segment[];
  /** Counts up at each change of them. */
  readonly epoch: number;
  readonly open: number;
  /** Begins a new segment. Not while a transaction is open on the connection. */
  roll(connection: DuckDBConnection): Promise<void>;
  /** Closes all but the open one, one after the other. */
  close(): Promise<void>;
  /** Deletes what is older than its age, then the oldest until the rest fits. */
  retain(keep: Keep, now: number): Promise<void>;
  /** Resolves when no segment is between open and closed. */
  settled(): Promise<void>;
  /** Leaves out what cannot be read. Resolves with whether that changed anything. */
  check(depth: 'outside' | 'whole'): Promise<boolean>;
}

export const eventsFile = (segment: number): string => `events-${String(segment).padStart(6, '0')}.parquet`;
export const pointsFile = (segment: number): string => `points-${String(segment).padStart(6, '0')}.parquet`;
const quoted = (path: string): string => `'${path.replaceAll("'", "''")}'`;

/** Where to read a segment's rows in SQL. */
export function sourceOf(folder: string, what: 'events' | 'points', { segment, closed }: Segment): string {
  const file = what === 'events' ? eventsFile(segment) : pointsFile(segment);
  return closed ? `read_parquet(${quoted(join(resolve(folder), file))})` : `kept.${what}_${segment}`;
}

export async function openSegments(folder: string, database: Database, say: (text: string) => void): Promise<Segments> {
  const connection = await database.connect();
  let known: Segment[] = [];
  const damaged = new Set<number>();
  let epoch = 0;
  let closing: Promise<void> = Promise.resolve();
  const change = (to: Segment[]): void => {
    known = to;
    epoch += 1;
  };
  const load = async (): Promise<void> => {
    const rows = await rowsOf(
      connection,
      'SELECT segment, closed, epoch_ms(low), epoch_ms(high), last, event_bytes, point_bytes FROM kept.segments ORDER BY segment',
    );
    change(
      rows.map(([segment, closed, low, high, last, eventBytes, pointBytes]) => ({
        segment: Number(segment),
        closed: closed === true,
        low: Number(low ?? 0),
        high: Number(high ?? 0),
        last: Number(last ?? 0),
        eventBytes: Number(eventBytes ?? 0),
        pointBytes: Number(pointBytes ?? 0),
      })),
    );
  };

  const closeOne = async ({ segment }: Segment): Promise<void> => {
    const [events, points] = [`kept.events_${segment}`, `kept.points_${segment}`];
    let now: Segment | undefined;
    await inTransaction(connection, async () => {
      const [[count, low, high, last] = []] = await rowsOf(
        connection,
        `SELECT count(*), epoch_ms(min(received)), epoch_ms(max(received)), max(number) FROM ${events}`,
      );
      if (Number(count) === 0) await connection.run(`DELETE FROM kept.segments WHERE segment = ${segment}`);
      else {
        const [eventBytes, pointBytes] = [
          await copy(connection, `SELECT * FROM ${events} ORDER BY number`, join(folder, eventsFile(segment))),
          await copy(connection, `SELECT * FROM ${points} ORDER BY series, time, event`, join(folder, pointsFile(segment))),
        ];
        await connection.run(
          `UPDATE kept.segments SET closed = true, low = make_timestamp_ms(${low}), high = make_timestamp_ms(${high}),
            last = ${last}, event_bytes = ${eventBytes}, point_bytes = ${pointBytes} WHERE segment = ${segment}`,
        );
        now = { segment, closed: true, low: Number(low), high: Number(high), last: Number(last), eventBytes, pointBytes };
      }
      await connection.run(`DROP TABLE ${events}; DROP TABLE ${points}`);
    });
    change(known.flatMap((each) => (each.segment === segment ? (now ?? []) : each)));
  };

  const drop = async (segment: number): Promise<void> => {
    await connection.run(`DELETE FROM kept.segments WHERE segment = ${segment}`);
    damaged.delete(segment);
    change(known.filter((each) => each.segment !== segment));
    for (const file of [eventsFile(segment), pointsFile(segment)]) rmSync(join(folder, file), { force: true });
  };

  const isWhole = async (segment: Segment): Promise<boolean> => {
    for (const what of ['events', 'points'] as const) {
      await connection.run(`SELECT bit_xor(hash(COLUMNS(*))) FROM ${sourceOf(folder, what, segment)}`);
    }
    return true;
  };

  const segments: Segments = {
    get all() {
      return known.filter(({ segment }) => !damaged.has(segment));
    },
    get epoch() {
      return epoch;
    },
    get open() {
      return known.at(-1)?.segment ?? 0;
    },
    async roll(writer) {
      const next = segments.open + 1;
      await inTransaction(writer, async () => {
        await writer.run(`CREATE TABLE kept.events_${next} (${eventColumns}); CREATE TABLE kept.points_${next} (${pointColumns});`);
        await writer.run(`INSERT INTO kept.segments VALUES (${next}, false, NULL, NULL, NULL, 0, 0)`);
      });
      const before = known.at(-1);
      change([...known, { segment: next, closed: false, low: 0, high: 0, last: before?.last ?? 0, eventBytes: 0, pointBytes: 0 }]);
    },
    async close() {
      for (const one of known) {
        if (one.closed || one.segment === segments.open) continue;
        const done = closeOne(one);
        closing = done.catch(() => {});
        await done;
      }
    },
    async retain({ age, bytes }, now) {
      let total = known.reduce((sum, one) => sum + one.eventBytes + one.pointBytes, 0);
      for (const one of known) {
        if (!one.closed || (one.high >= now - age && total <= bytes)) continue;
        total -= one.eventBytes + one.pointBytes;
        await drop(one.segment);
      }
    },
    settled: () => closing,
    async check(depth) {
      const before = damaged.size;
      for (const one of known) {
        if (!one.closed || damaged.has(one.segment)) continue;
        const flaw =
          flawOf(join(folder, eventsFile(one.segment)), one.eventBytes) ??
          flawOf(join(folder, pointsFile(one.segment)), one.pointBytes) ??
          (depth === 'whole' ? await isWhole(one).then(() => undefined, messageOf) : undefined);
        if (flaw === undefined) continue;
        damaged.add(one.segment);
        say(`${flaw.split('\n')[0]}; this stretch of history is left out, restore its two files to have it again`);
      }
      if (damaged.size > before) epoch += 1;
      return damaged.size > before;
    },
  };
  await load();
  await segments.check('outside');
  sayForeign(folder, known, say);
  return segments;
}

export async function inTransaction(connection: DuckDBConnection, work: () => Promise<void>): Promise<void> {
  await connection.run('BEGIN');
  try {
    await work();
    await connection.run('COMMIT');
  } catch (thrown) {
    await connection.run('ROLLBACK').catch(() => {});
    throw thrown;
  }
}

/** Writes a Parquet file that is on the disk when this resolves, with its bytes. A kill leaves half of it under its own name, to be written again. */
async function copy(connection: DuckDBConnection, rows: string, file: string): Promise<number> {
  await connection.run(
    `COPY (${rows}) TO ${quoted(resolve(file))} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, USE_TMP_FILE false)`,
  );
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return statSync(file).size;
}

/** What is wrong with a file, as far as its length and its ends tell. */
function flawOf(file: string, bytes: number): string | undefined {
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

function sayForeign(folder: string, known: readonly Segment[], say: (text: string) => void): void {
  const ours = new Set(known.flatMap(({ segment }) => [eventsFile(segment), pointsFile(segment)]));
  const foreign = readdirSync(folder).filter((name) => !ours.has(name) && !/^(recent\.duckdb|backup-)/.test(name));
  if (foreign.length > 0) say(`${folder} holds what is not the store's: ${foreign.slice(0, 5).join(', ')}; it is left alone`);
}
