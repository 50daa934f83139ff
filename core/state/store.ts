/**
 * What a process remembers, in one lmdb environment: the filters' tables, watermarks of what was handled, monitors'
 * positions, announced states, and the spool. One transaction covers a batch of inputs, so a kill at any moment leaves
 * either all of what a batch led to, or nothing of it.
 *
 * Transactions are synchronous, and wait for the disk: what is committed survives the death of the machine too. So the
 * runtime makes few of them, each as large as what is ready by then.
 */
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Database, open } from 'lmdb';
import { ConfigError, messageOf } from '../errors.ts';
import type { Json } from '../json.ts';
import { createGround } from './ground.ts';
import { keyOf, renewKeys, under } from './keys.ts';
import { lock } from './lock.ts';
import { maxDbs, mend } from './mend.ts';
import type { Change, Entry } from './tables.ts';
import { fromStored, type Stored, toStored, type Watermark } from './watermark.ts';

/** What is decided and not yet confirmed by the bus: an event, or several of one kind that were decided together. */
export interface Spooled {
  readonly order: number;
  readonly kind: string;
  /** The keys of its events, all different. */
  readonly keys: readonly string[];
  /** Milliseconds since 1970 after which it need not be sent. Only of one event alone. */
  readonly expires: number | undefined;
  /** How many events it has. */
  readonly count: number;
  /** Their wire forms, with commas in between; or a whole message, compressed. */
  readonly body: string | Buffer;
}

/** What an entry counts for against the spool's bounds, in bytes. */
export const sizeOf = ({ body, keys }: Spooled): number => keys.reduce((sum, key) => sum + key.length, body.length + 64);

/** Events that must never be lost have room of their own, so that telemetry that gives way never takes them along. */
export type Lane = 'durable' | 'telemetry';

export interface Announced {
  readonly node: string;
  readonly key: string;
  readonly data: Json;
}

/** What a reader knows of a stream that did not come whole, or came twice. */
export interface Uneven {
  readonly lost: number;
  readonly repeats: number;
}

/** What may be written, inside one transaction. */
export interface Transaction {
  tables(node: string, changes: readonly Change[]): void;
  mark(reader: string, stream: string, mark: Watermark, at: number): void;
  seen(reader: string, id: string, at: number): void;
  /** Keeps account of a stream that has lost events or repeats, until its watermark is forgotten. */
  uneven(reader: string, stream: string, account: Uneven): void;
  /** Since when a reader has been there for each of its topics. */
  reading(reader: string, since: Readonly<Record<string, number>>): void;
  position(node: string, position: Json): void;
  /** Keeps the present value of a state, or forgets it where `data` is undefined. */
  announce(node: string, key: string, data: Json | undefined): void;
  spool(lane: Lane, entry: Spooled): void;
  unspool(lane: Lane, kind: string, orders: Iterable<number>): void;
}

export interface Store {
  /** What a person should know about the file that was found, if it was damaged. */
  readonly damage: string | undefined;
  /** Runs the work in one transaction. Throws where there is no room, or what lmdb throws: then nothing of it is written. */
  write(work: (transaction: Transaction) => void): void;
  /** The same of work that makes room, on a disk that has none. */
  relieve(work: (transaction: Transaction) => void): void;
  table(node: string, name: string): Iterable<readonly [key: string, entry: Entry]>;
  /** How far a reader has handled a stream. */
  marked(reader: string, stream: string): Watermark | undefined;
  wasSeen(reader: string, id: string): boolean;
  /** When a reader's watermark of a stream last moved. */
  movedAt(reader: string, stream: string): number | undefined;
  /** A reader's streams that have lost events or repeats. */
  uneven(reader: string): Iterable<readonly [stream: string, account: Uneven]>;
  /** All watermarks of a reader. */
  marks(reader: string): Iterable<readonly [stream: string, mark: Watermark]>;
  readingSince(reader: string): Readonly<Record<string, number>> | undefined;
  position(node: string): Json | undefined;
  announced(): Iterable<Announced>;
  /** What waits of a kind from an order on, oldest first, up to a number of bytes. */
  waiting(lane: Lane, kind: string, from: number, bytes: number): Spooled[];
  /** How much waits of each kind, how many events, and the last order; and the order after the last of all. */
  extent(): { kinds: Map<string, { bytes: number; count: number; last: number }>; next: number };
  /** Forgets watermarks not moved, and ids seen, before a time: at most `most` of each, so that it never takes long. */
  forget(before: number, most: number): void;
  close(): Promise<void>;
}

/**
 * Opens the state in a directory, which it makes. Of a damaged one it keeps what is whole, and says so in `damage`. @throws ConfigError when it cannot be used, or another process does. */
export function openStore(directory: string): Store {
  const unlock = lock(directory);
  try {
    const damage = mend(join(directory, 'state.mdb'), isSane);
    return { ...openEnvironment(directory, unlock), damage };
  } catch (thrown) {
    unlock();
    throw new ConfigError(`state: ${directory} cannot be used: ${messageOf(thrown)}; make room, or choose another with --state`, {
      cause: thrown,
    });
  }
}

function openEnvironment(directory: string, unlock: () => void): Omit<Store, 'damage'> {
  const path = join(directory, 'state.mdb');
  const environment = open({ path, noSubdir: true, maxDbs, commitDelay: 0 });
  const ground = createGround(path);
  const json = <V>(name: string) => environment.openDB<V, string>({ name, encoding: 'json' });
  const tables = json<Entry>('tables');
  const marks = json<Stored>('marks');
  const ids = json<number>('ids');
  const unevens = json<[lost: number, repeats: number]>('uneven');
  const readings = json<Record<string, number>>('readings');
  const idTimes = environment.openDB<string, [at: number, id: string]>({ name: 'idtimes', encoding: 'string' });
  const positions = json<Json>('positions');
  const states = json<Announced>('states');
  const lane = (name: Lane) => environment.openDB<Buffer, SpoolKey>({ name: `spool.${name}`, encoding: 'binary' });
  const lanes: Record<Lane, Database<Buffer, SpoolKey>> = { durable: lane('durable'), telemetry: lane('telemetry') };
  // Watermarks are asked for with every event: the ones in use stay in memory.
  const recent = new Map<string, Watermark>();

  const transaction: Transaction = {
    tables(node, changes) {
      for (const { table, key, entry } of changes) {
        if (entry) tables.putSync(keyOf(node, table, key), entry);
        else tables.removeSync(keyOf(node, table, key));
      }
    },
    mark(reader, stream, mark, at) {
      const key = keyOf(reader, stream);
      marks.putSync(key, toStored(mark, at));
      recent.delete(key);
      recent.set(key, mark);
      if (recent.size > 100_000) for (const [oldest] of recent) return void recent.delete(oldest);
    },
    seen(reader, id, at) {
      ids.putSync(keyOf(reader, id), at);
      idTimes.putSync([at, keyOf(reader, id)], '');
    },
    uneven(reader, stream, { lost, repeats }) {
      if (lost === 0 && repeats === 0) unevens.removeSync(keyOf(reader, stream));
      else unevens.putSync(keyOf(reader, stream), [lost, repeats]);
    },
    reading: (reader, since) => void readings.putSync(reader, { ...since }),
    position: (node, position) => void positions.putSync(node, position),
    announce(node, key, data) {
      if (data === undefined) states.removeSync(keyOf(node, key));
      else states.putSync(keyOf(node, key), { node, key, data });
    },
    spool: (lane, entry) => void lanes[lane].putSync([entry.kind, entry.order], bytesOf(entry)),
    unspool(lane, kind, orders) {
      for (const order of orders) lanes[lane].removeSync([kind, order]);
    },
  };

  renewKeys(environment, [tables, marks, states] as Database<unknown, string>[], ids, idTimes);

  const firm = (): void => {
    const { lastPageNumber, pageSize } = environment.getStats() as { lastPageNumber: number; pageSize: number };
    ground.hold((lastPageNumber + 1) * pageSize);
  };
  let closing: Promise<void> | undefined;
  let sweep: string | undefined;
  return {
    write(work) {
      firm();
      environment.transactionSync(() => work(transaction));
    },
    relieve(work) {
      environment.transactionSync(() => work(transaction));
    },
    *table(node, name) {
      yield* under(tables, node, name);
    },
    marked(reader, stream) {
      const key = keyOf(reader, stream);
      const inUse = recent.get(key);
      if (inUse) return inUse;
      const stored = marks.get(key);
      return stored && fromStored(stored);
    },
    wasSeen: (reader, id) => ids.get(keyOf(reader, id)) !== undefined,
    movedAt: (reader, stream) => marks.get(keyOf(reader, stream))?.[0],
    *uneven(reader) {
      for (const [stream, [lost, repeats]] of under(unevens, reader)) yield [stream, { lost, repeats }] as const;
    },
    *marks(reader) {
      for (const [stream, stored] of under(marks, reader)) yield [stream, fromStored(stored)] as const;
    },
    readingSince: (reader) => readings.get(reader),
    position: (node) => positions.get(node),
    *announced() {
      for (const { value } of states.getRange()) yield value;
    },
    waiting(lane, kind, from, bytes) {
      const found: Spooled[] = [];
      let size = 0;
      for (const { key, value } of lanes[lane].getRange({ start: [kind, from], end: [kind, Number.MAX_SAFE_INTEGER] })) {
        const entry = spooled(key[1], value);
        if (entry) found.push(entry);
        size += value.length;
        if (size >= bytes) break;
      }
      return found;
    },
    extent() {
      const found = new Map<string, { bytes: number; count: number; last: number }>();
      let next = 1;
      for (const database of Object.values(lanes)) {
        renew(database);
        for (const { key, value } of database.getRange()) {
          const entry = spooled(key[1], value);
          next = Math.max(next, key[1] + 1);
          if (!entry) continue;
          const { bytes, count } = found.get(key[0]) ?? { bytes: 0, count: 0 };
          found.set(key[0], { bytes: bytes + sizeOf(entry), count: count + entry.count, last: key[1] });
        }
      }
      return { kinds: found, next };
    },
    forget(before, most) {
      const oldIds = [...idTimes.getKeys({ end: [before, ''], limit: most })];
      // Watermarks are read through a slice at a time, from where the last slice ended.
      const slice = [...marks.getRange({ ...(sweep !== undefined && { start: sweep }), limit: most })];
      sweep = slice.length < most ? undefined : slice.at(-1)?.key;
      const oldMarks = slice.filter(({ value }) => value[0] < before).map(({ key }) => key);
      if (oldIds.length === 0 && oldMarks.length === 0) return;
      try {
        firm();
      } catch {
        // When there is room.
        return;
      }
      environment.transactionSync(() => {
        for (const [at, id] of oldIds) {
          idTimes.removeSync([at, id]);
          if (ids.get(id) === at) ids.removeSync(id);
        }
        for (const key of oldMarks) {
          marks.removeSync(key);
          unevens.removeSync(key);
          recent.delete(key);
        }
      });
    },
    close() {
      closing ??= environment.close().finally(() => {
        ground.close();
        unlock();
      });
      return closing;
    },
  };
}

/** Whether an entry can be what was once written: JSON everywhere, but for the spool's entries and what is only a key. */
function isSane(database: string, value: Buffer): boolean {
  try {
    if (database.startsWith('spool.')) return isWhole(value);
    return value.length === 0 || JSON.parse(value.toString()) !== undefined;
  } catch {
    return false;
  }
}

/** Whether a spooled entry's body ends as it began: pages that went missing are zeros, and what is compressed bears a checksum. */
function isWhole(value: Buffer): boolean {
  const entry = spooled(1, value);
  if (!entry || !(entry.count > 0)) return false;
  if (typeof entry.body !== 'string') return gunzipSync(entry.body).length > 0;
  return entry.body.startsWith('{') && entry.body.endsWith('}') && !value.includes(0);
}

/** Kind and order: what waits of a kind lies together, in order. */
type SpoolKey = [kind: string, order: number];

function bytesOf({ kind, keys: [key, ...others], expires, count, body }: Spooled): Buffer {
  const head = `${[kind, key, expires ?? '', count, ...others].join(' ')}\n`;
  return typeof body === 'string' ? Buffer.from(head + body) : Buffer.concat([Buffer.from(head), body]);
}

function spooled(order: number, value: Buffer): Spooled | undefined {
  const end = value.indexOf('\n');
  const [kind, key, expires, count, ...others] = value.toString('utf8', 0, end).split(' ');
  if (end < 0 || !kind || key === undefined) return undefined;
  const keys = [key, ...others];
  // JSON begins with a brace, and what is compressed with the mark of gzip.
  const body = value[end + 1] === 0x1f ? Buffer.from(value.subarray(end + 1)) : value.toString('utf8', end + 1);
  // An earlier version wrote one event in an entry, and no count.
  return { order, kind, keys, expires: expires ? Number(expires) : undefined, count: Number(count ?? 1), body };
}

/** An earlier version kept all kinds of a lane in one order. */
function renew(database: Database<Buffer, SpoolKey>): void {
  const old: { key: unknown; value: Buffer }[] = [...database.getRange({ end: [''] as unknown as SpoolKey })];
  if (old.length === 0) return;
  database.transactionSync(() => {
    for (const { key, value } of old) {
      const entry = typeof key === 'number' ? spooled(key, value) : undefined;
      if (entry) database.putSync([entry.kind, entry.order], value);
      database.removeSync(key as SpoolKey);
    }
  });
}
