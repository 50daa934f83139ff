/**
 * Segments: the history in pieces, each a stretch of events in the order received. The last is open, two tables in DuckDB;
 * the others are closed, two Parquet files each, and the table `segments` is their manifest. Once a day is over its segments
 * are made one; once they are old they are thinned (tiers.ts). Files are written and safe before the transaction that puts them
 * in the place of what they were made from; whatever is interrupted is done again under the same names.
 *
 * A file that is damaged or gone is left out and said; one that nobody here wrote is left alone.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { messageOf } from 'sluice';
import { type Database, rowsOf } from './database.ts';
import { filesOf, flawOf, sourceOf, spanOf } from './files.ts';
import { writePart } from './part.ts';
import { eventColumns, pointColumns } from './tables.ts';
import { type Keep, type Rewrite, rewritesDue, type Tier, tierOf } from './tiers.ts';

export interface Segment {
  readonly segment: number;
  /** The first of those that it was made from; itself where it was not. */
  readonly first: number;
  readonly closed: boolean;
  readonly tier: Tier;
  /** When its first and last events were received, in milliseconds; of an open one, not known yet. */
  readonly low: number;
  readonly high: number;
  /** From when to when metrics are known as finely as its tier says: of a thinned one, where it has rollups. */
  readonly known: readonly Extent[];
  /** The number of its last event. */
  readonly last: number;
  /** Events and points. */
  readonly rows: number;
  readonly eventBytes: number;
  readonly pointBytes: number;
}

/** Milliseconds, both ends within it. */
export interface Extent {
  readonly low: number;
  readonly high: number;
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
  /** Deletes what is older than its age, then the oldest until the rest fits. Resolves with whether points went. */
  retain(keep: Keep, now: number): Promise<boolean>;
  /** Makes one of a day's, and thins what is old. Resolves with whether points went. */
  tidy(keep: Keep, now: number): Promise<boolean>;
  /** Resolves when no segment is between open and closed. */
  settled(): Promise<void>;
  /** Leaves out what cannot be read. Resolves with whether that changed anything. */
  check(depth: 'outside' | 'whole'): Promise<boolean>;
}

const manifest = `SELECT segment, coalesce(first, segment), closed, tier, epoch_ms(low), epoch_ms(high), known,
    last, rows, event_bytes, point_bytes
  FROM kept.segments ORDER BY segment`;

export async function openSegments(folder: string, database: Database, say: (text: string) => void): Promise<Segments> {
  const connection = await database.connect();
  let known: Segment[] = (await rowsOf(connection, manifest)).map(segmentOf);
  const damaged = new Set<number>();
  let epoch = 0;
  let closing: Promise<void> = Promise.resolve();
  const change = (to: Segment[]): void => {
    known = to;
    epoch += 1;
  };
  const unlink = (segment: Segment): void => {
    for (const file of filesOf(segment)) rmSync(join(folder, file), { force: true });
  };

  const closeOne = async (open: Segment): Promise<void> => {
    const { segment } = open;
    const tables = { events: `kept.events_${segment}`, points: `kept.points_${segment}` };
    let now: Segment | undefined;
    await inTransaction(connection, async () => {
      const part = { ...open, closed: true, known: [{ low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }] };
      now = await writePart(connection, folder, part, tables, 'points');
      await connection.run(replace(open, now));
      await connection.run(`DROP TABLE ${tables.events}; DROP TABLE ${tables.points}`);
    });
    change(known.flatMap((each) => (each.segment === segment ? (now ?? []) : each)));
  };

  const rewrite = async ({ members, tier }: Rewrite): Promise<void> => {
    const [oldest, latest] = [members[0], members.at(-1)];
    if (!oldest || !latest) return;
    const from = { events: sourceOf(folder, 'events', ...members), points: sourceOf(folder, 'points', ...members) };
    const part = { ...latest, first: oldest.first, tier, known: members.flatMap(({ known }) => known) };
    const now = await writePart(connection, folder, part, from, 'points of a day');
    await inTransaction(connection, async () => void (await connection.run(replace(part, now))));
    change(known.flatMap((each) => (each === latest ? (now ?? []) : members.includes(each) ? [] : each)));
    for (const member of members) unlink(member);
  };

  const drop = async (old: Segment): Promise<void> => {
    await connection.run(replace(old, undefined));
    damaged.delete(old.segment);
    change(known.filter((each) => each !== old));
    unlink(old);
  };

  const isWhole = async (segment: Segment): Promise<boolean> => {
    for (const what of segment.tier === 'raw' ? (['events', 'points'] as const) : (['events'] as const)) {
      await connection.run(`SELECT bit_xor(hash(COLUMNS(*))) FROM ${sourceOf(folder, what, segment)}`);
    }
    return true;
  };
  const flawsOf = (segment: Segment): string | undefined => {
    const bytes = [segment.eventBytes, segment.pointBytes];
    return filesOf(segment).reduce<string | undefined>(
      (flaw, file, index) => flaw ?? flawOf(join(folder, file), bytes[index] ?? 0),
      undefined,
    );
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
      // A number of files that nothing is known of any more is not given again: they would be overwritten.
      const next = Math.max(segments.open, ...readdirSync(folder).map((file) => spanOf(file)?.segment ?? 0)) + 1;
      const before = known.at(-1)?.last ?? 0;
      await inTransaction(writer, async () => {
        await writer.run(`CREATE TABLE kept.events_${next} (${eventColumns}); CREATE TABLE kept.points_${next} (${pointColumns});`);
        await writer.run(`INSERT INTO kept.segments (segment, closed) VALUES (${next}, false)`);
      });
      change([...known, { ...segmentOf([next, next, false]), last: before }]);
    },
    async close() {
      for (const one of known) {
        if (one.closed || one.segment === segments.open) continue;
        const done = closeOne(one);
        closing = done.catch(() => {});
        await done;
      }
    },
    async retain(keep, now) {
      let total = known.reduce((sum, one) => sum + one.eventBytes + one.pointBytes, 0);
      let went = false;
      for (const one of known) {
        if (!one.closed || (tierOf(one, keep, now) !== undefined && total <= keep.bytes)) continue;
        total -= one.eventBytes + one.pointBytes;
        await drop(one);
        went ||= one.tier === 'raw';
      }
      return went;
    },
    async tidy(keep, now) {
      const closed = segments.all.filter((one) => one.closed);
      let went = false;
      for (const due of rewritesDue(closed, keep, now)) {
        await rewrite(due);
        went ||= due.tier !== 'raw';
      }
      return went;
    },
    settled: () => closing,
    async check(depth) {
      const before = damaged.size;
      for (const one of known) {
        if (!one.closed || damaged.has(one.segment)) continue;
        const flaw = flawsOf(one) ?? (depth === 'whole' ? await isWhole(one).then(() => undefined, messageOf) : undefined);
        if (flaw === undefined) continue;
        damaged.add(one.segment);
        say(`${flaw.split('\n')[0]}; this stretch of history is left out, restore its files to have it again`);
      }
      if (damaged.size > before) epoch += 1;
      return damaged.size > before;
    },
  };
  await segments.check('outside');
  clear(folder, known, damaged, say);
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

/** A row of the manifest. What an open segment does not know yet is 0. */
function segmentOf(row: readonly unknown[]): Segment {
  const [segment, first, closed, tier, low, high, extents, last, rows, eventBytes, pointBytes] = row;
  return {
    segment: Number(segment),
    first: Number(first),
    closed: closed === true,
    tier: tier === 'minute' || tier === 'hour' ? tier : 'raw',
    low: Number(low ?? 0),
    high: Number(high ?? 0),
    known: typeof extents === 'string' ? (JSON.parse(extents) as Extent[]) : [],
    last: Number(last ?? 0),
    rows: Number(rows ?? 0),
    eventBytes: Number(eventBytes ?? 0),
    pointBytes: Number(pointBytes ?? 0),
  };
}

/** In the manifest: one in the place of all of its span, or nothing. */
function replace({ first, segment }: Pick<Segment, 'first' | 'segment'>, now: Segment | undefined): string {
  const erase = `DELETE FROM kept.segments WHERE segment BETWEEN ${first} AND ${segment}`;
  if (!now) return erase;
  return `${erase}; INSERT INTO kept.segments (segment, first, closed, tier, low, high, known, last, rows, event_bytes, point_bytes)
    VALUES (${segment}, ${first}, true, '${now.tier}', make_timestamp_ms(${now.low}), make_timestamp_ms(${now.high}),
      '${JSON.stringify(now.known)}', ${now.last}, ${now.rows}, ${now.eventBytes}, ${now.pointBytes})`;
}

/** What is not the store's is said; what is left of an interrupted change, and is held by whole files, goes. */
function clear(folder: string, known: readonly Segment[], damaged: ReadonlySet<number>, say: (text: string) => void): void {
  const ours = new Set(known.flatMap(filesOf));
  const held = (file: string): boolean => {
    const span = spanOf(file);
    if (span === undefined) return false;
    const over = known.filter(({ first, segment }) => first <= span.segment && segment >= span.first);
    const whole = over.every(({ segment, closed }) => closed && !damaged.has(segment));
    return whole && (over[0]?.first ?? Infinity) <= span.first && (over.at(-1)?.segment ?? 0) >= span.segment;
  };
  const others = readdirSync(folder).filter((name) => !ours.has(name) && !/^(recent\.duckdb|backup-|catalogue\.)/.test(name));
  for (const file of others.filter(held)) rmSync(join(folder, file), { force: true });
  const foreign = others.filter((file) => !held(file));
  if (foreign.length > 0) say(`${folder} holds what is not the store's: ${foreign.slice(0, 5).join(', ')}; it is left alone`);
}
