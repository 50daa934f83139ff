/**
 * The store put together, on one folder: database, segments, writer and history. Loaded when the sink starts, since DuckDB
 * comes with it.
 *
 * A new segment begins with each hour, and where one has grown large; what is before it is closed beside the writing. After
 * a write that failed (a full disk) everything is opened anew before the next, so that what counts is what is on the disk.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Event, type History, messageOf, SluiceError } from 'sluice';
import { clearStages, stageBackup } from './backup.ts';
import { type Database, LetGo, openDatabase } from './database.ts';
import { createHistory } from './history.ts';
import { findIdle, stillIdle } from './idle.ts';
import { isDamage, rescue, writeCatalogue } from './rescue.ts';
import { takePlace } from './restore.ts';
import { openSegments, type Segments } from './segments.ts';
import { type Keep, keepAll } from './tiers.ts';
import { createTrust } from './trust.ts';
import { openWriter, type Writer } from './writer.ts';

export interface Archive {
  readonly history: Required<History>;
  /** Resolves once the events are safe. */
  write(events: readonly Event[]): Promise<void>;
  /** Has all that was written until now, consistent, in a new folder inside the store's; whose it is then is the caller's. */
  backup(): Promise<string>;
  /** Goes on with the store that was built beside this one (restore.ts). Resolves with where what was kept until now is. */
  restore(): Promise<string>;
  /** Ends what is open, also a closing that is under way: it is done again at the next start. Safe twice. */
  close(): Promise<void>;
}

export interface ArchiveOptions {
  readonly folder: string;
  readonly keep: Keep;
  readonly say: (text: string) => void;
  /** Wall time in milliseconds: what events are marked with as received, and what retention counts from. May jump. */
  readonly now: () => number;
  /** How many rows a segment may have before the next begins. */
  readonly segmentRows?: number;
}

/** DuckDB says it in words only. */
const isOfRoom = (thrown: unknown): boolean => /no space left|ENOSPC|quota exceeded/i.test(messageOf(thrown));

const hour = 3_600_000;
const careEvery = 30_000;
/** What sorts within the memory that DuckDB may take. */
const defaultRows = 8_000_000;

interface Opened {
  readonly database: Database;
  readonly connection: DuckDBConnection;
  readonly segments: Segments;
  /** Not there while the disk is full: what is kept can still be asked. */
  writer?: Writer;
  readonly history: Required<History>;
}

export async function openArchive({ folder, keep, say, now, segmentRows = defaultRows }: ArchiveOptions): Promise<Archive> {
  let opened: Opened | undefined;
  /** The hour of the last write. */
  let current = 0;
  let closed = false;
  let caring: Promise<void> = Promise.resolve();
  let complained = '';
  let isFull = false;
  /** Points went, since it was last looked which series have none. */
  let mayBeIdle = false;
  /** The epoch of the segments that the catalogue has. */
  let catalogued = -1;

  const believes = createTrust(say);

  const open = async (): Promise<Opened> => {
    try {
      return await openOnce();
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      await rescue(folder, thrown, now(), say);
      return await openOnce();
    }
  };
  const openOnce = async (): Promise<Opened> => {
    const database = await openDatabase(folder);
    try {
      const connection = await database.connect();
      const segments = await openSegments(folder, database, say);
      catalogued = -1;
      const made: Opened = { database, connection, segments, history: createHistory(folder, database, segments) };
      await begin(made).catch((thrown: unknown) => {
        if (!isOfRoom(thrown)) throw thrown;
      });
      return made;
    } catch (thrown) {
      await database.close();
      throw thrown;
    }
  };
  /** What an earlier run wrote is closed: its hour may be long ago. */
  const begin = async (at: Opened): Promise<Writer> => {
    await at.segments.roll(at.connection);
    at.writer = await openWriter(folder, at.connection, at.segments);
    current = 0;
    return at.writer;
  };
  /** Settles once nothing is open. */
  let free: Promise<unknown> = Promise.resolve();
  /** Closes it all, and does what can only be done then. */
  const letGo = <Result>(work: () => Result): Promise<Result> => {
    const { database } = opened ?? {};
    opened = undefined;
    const left = Promise.resolve(database?.close()).then(work);
    free = left.catch(() => {});
    return left;
  };

  /** Writes take turns: what changes the open segment does so between two of them. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  };

  /** Series of which the last point went are forgotten. */
  const forgetIdle = async (at: Opened): Promise<void> => {
    const idle = await at.database.during(findIdle(folder, at.database, at.segments));
    if (idle.series.length > 0)
      await inTurn(async () => {
        if (opened !== at || !at.writer) return;
        const gone = await at.database.during(stillIdle(folder, at.connection, at.segments.all, idle));
        if (gone.length > 0) await at.writer.forget(gone);
      });
    mayBeIdle = false;
  };

  /** Closes and deletes what is due, one round after the other; a failure waits for the next round. */
  const care = (): void => {
    caring = caring.then(async () => {
      if (!opened) return;
      const { database, segments } = opened;
      try {
        const at = now();
        const ages = believes(at) ? keep : { ...keepAll, bytes: keep.bytes };
        try {
          await database.during(segments.close());
        } finally {
          // Also when there is no room to close anything: this makes some.
          if (await database.during(segments.retain(ages, at))) mayBeIdle = true;
        }
        if (await database.during(segments.tidy(ages, at))) mayBeIdle = true;
        if (mayBeIdle) await forgetIdle(opened);
        await catalogue(opened);
        complained = '';
      } catch (thrown) {
        const why = messageOf(thrown).split('\n')[0] ?? '';
        if (opened && !closed && why !== complained && !(thrown instanceof LetGo))
          say(`${why}; closed hours wait, and this is tried again every 30 s`);
        complained = why;
      }
    });
  };

  /** Work while nothing is closed or deleted but by itself: what a round still deletes would be a restored store's. */
  const betweenCare = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const done = caring.then(work);
    caring = done.then(
      () => {},
      () => {},
    );
    return done;
  };

  const catalogue = async ({ database, segments }: Opened): Promise<void> => {
    const { epoch } = segments;
    if (epoch === catalogued) return;
    const connection = await database.connect();
    try {
      await database.during(
        writeCatalogue(
          folder,
          connection,
          segments.all.filter((one) => one.closed),
        ),
      );
      catalogued = epoch;
    } finally {
      database.release(connection);
    }
  };

  const rollWhenDue = async ({ connection, segments }: Opened, writer: Writer, received: number): Promise<void> => {
    const at = Math.floor(received / hour);
    const due = (current !== 0 && at !== current && writer.rows > 0) || writer.rows >= segmentRows;
    current = at;
    if (!due) return;
    await segments.roll(connection);
    writer.rolled();
    care();
  };

  let opening: Promise<Opened> | undefined;
  const need = async (): Promise<Opened> => {
    if (closed) throw new SluiceError('store: is stopped; ask again once it runs');
    if (opened) return opened;
    opening ??= free.then(open).finally(() => {
      opening = undefined;
    });
    opened = await opening;
    return opened;
  };
  const { segments } = await need();
  clearStages(folder);
  const newest = segments.all.reduce((most, { high }) => Math.max(most, high), 0);
  if (newest > 0) believes(newest);
  care();
  const timer = setInterval(care, careEvery);
  timer.unref();

  /** Asks again where a write that failed had everything opened anew meanwhile. */
  const ask = async <Result>(question: (history: Required<History>) => Promise<Result>): Promise<Result> => {
    for (let tries = 0; ; tries++) {
      const { history } = await need();
      try {
        return await question(history);
      } catch (thrown) {
        if (closed || tries === 9 || !(thrown instanceof LetGo)) throw thrown;
        await turn;
      }
    }
  };
  const history: Required<History> = {
    async *read(topic, from, to) {
      yield* (await need()).history.read(topic, from, to);
    },
    byId: (id) => ask((opened) => opened.byId(id)),
    query: (sql, limits) => ask((opened) => opened.query(sql, limits)),
    coverage: (from, to) => ask((opened) => opened.coverage(from, to)),
    series: (request) => ask((opened) => opened.series(request)),
  };

  return {
    history,
    write: (events) =>
      inTurn(async () => {
        const at = await need();
        const received = now();
        believes(received);
        try {
          const writer = at.writer ?? (await begin(at));
          await rollWhenDue(at, writer, received);
          await writer.write(events, received);
        } catch (thrown) {
          // A writer that failed has said more than is written.
          if (at.writer) await letGo(() => {});
          if (!isOfRoom(thrown)) throw thrown;
          isFull = true;
          throw new SluiceError(`store: no room is left on the disk of ${folder}; make room there, or keep less (keep: in the config)`, {
            cause: thrown,
          });
        }
        if (isFull) say(`there is room again on the disk of ${folder}; going on`);
        isFull = false;
      }),
    async backup() {
      await inTurn(async () => {
        const { connection, segments, writer } = await need();
        if (!writer || writer.rows === 0) return;
        await segments.roll(connection);
        writer.rolled();
      });
      return betweenCare(async () => {
        const { database, segments } = await need();
        await database.during(segments.close());
        const connection = await database.connect();
        try {
          return await database.during(
            stageBackup(
              folder,
              connection,
              segments.all.filter((one) => one.closed),
            ),
          );
        } finally {
          database.release(connection);
        }
      });
    },
    restore: () =>
      betweenCare(() =>
        inTurn(async () => {
          await need();
          const aside = await letGo(() => takePlace(folder, now()));
          await need();
          return aside ?? '';
        }),
      ),
    async close() {
      closed = true;
      clearInterval(timer);
      await letGo(() => {});
    },
  };
}
