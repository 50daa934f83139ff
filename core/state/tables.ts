/**
 * A filter's tables in memory, with the means to undo one input or a whole batch, and to say what must be written down.
 * Being bounded, a table is held whole: reads cost a map lookup, and only what changed goes to disk.
 */
import type { z } from 'zod';
import { Reject } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Table, TableShape, TableShapes, Tables } from '../node.ts';

/** What lmdb's own limit leaves for a key, beside the names of node and table. */
const maxTableKeyBytes = 1024;

/** An entry as it is kept: when it was last written, for its time to live, and its rank in the order of writing. */
export interface Entry {
  readonly value: Json;
  readonly at: number;
  readonly order: number;
}

/** One entry's present value, or undefined where it is gone. */
export interface Change {
  readonly table: string;
  readonly key: string;
  readonly entry: Entry | undefined;
}

export interface TableMemory<Shapes extends TableShapes = TableShapes> {
  readonly tables: Tables<Shapes>;
  /** Sets the receiving clock for what follows, and forgets what has outlived its time. */
  at(now: number): void;
  /** Keeps what was written since the last keep or undo, as part of the batch. */
  keep(): void;
  /** Undoes what was written since the last keep. */
  undo(): void;
  /** What the batch changed, to be written in one transaction. Followed by `committed` or `revert`. */
  changes(): Change[];
  committed(): void;
  /** The transaction failed: back to what was last committed. */
  revert(): void;
}

/** Makes the tables that the shapes describe, holding what an earlier run wrote. */
export function tableMemory<Shapes extends TableShapes>(
  shapes: Shapes,
  saved: (table: string) => Iterable<readonly [key: string, entry: Entry]> = () => [],
): TableMemory<Shapes> {
  let now = 0;
  let order = 0;
  // What stood there before, so that it can be put back: first within the input, then within the batch.
  let input: { table: string; key: string; before: Entry | undefined }[] = [];
  const batch = new Map<string, Map<string, Entry | undefined>>();
  const stores = new Map<string, Map<string, Entry>>();
  // Tables whose entries die of age, and before when none of them does.
  const mortal = Object.entries(shapes).flatMap(([name, { ttl }]) => (ttl === undefined ? [] : [{ name, ttl, next: 0 }]));

  const put = (name: string, key: string, entry: Entry | undefined): void => {
    const store = stores.get(name) ?? new Map<string, Entry>();
    input.push({ table: name, key, before: store.get(key) });
    store.delete(key);
    if (entry) store.set(key, entry);
  };
  /** Puts entries back where they stood in the order of writing. */
  const restore = (name: string, changed: Iterable<readonly [string, Entry | undefined]>): void => {
    const store = stores.get(name);
    if (!store) return;
    for (const table of mortal) table.next = 0;
    let disordered = false;
    for (const [key, before] of changed) {
      store.delete(key);
      if (!before) continue;
      store.set(key, before);
      disordered = true;
    }
    if (!disordered) return;
    const sorted = [...store].sort(([, a], [, b]) => a.order - b.order);
    store.clear();
    for (const [key, entry] of sorted) store.set(key, entry);
  };

  const view = (name: string, shape: TableShape): Table<unknown> => {
    const store = new Map<string, Entry>();
    const forgotten: [string, undefined][] = [];
    stores.set(name, store);
    for (const [key, entry] of [...saved(name)].sort(([, a], [, b]) => a.order - b.order)) {
      order = Math.max(order, entry.order + 1);
      // An earlier version of the filter may have written what this one cannot read: it is forgotten, here and on disk.
      const checked = shape.schema.safeParse(entry.value);
      if (checked.success) store.set(key, { ...entry, value: checked.data as Json });
      else forgotten.push([key, undefined]);
    }
    if (forgotten.length > 0) batch.set(name, new Map(forgotten));
    return {
      get: (key) => store.get(key)?.value,
      set(key, value) {
        if (Buffer.byteLength(key) > maxTableKeyBytes)
          throw new Reject(`table ${name}: a key is longer than ${maxTableKeyBytes} bytes; shorten or hash it`);
        const checked = shape.schema.safeParse(value);
        if (!checked.success) throw new Reject(`table ${name}: ${key}: ${checked.error.issues[0]?.message ?? 'does not fit its schema'}`);
        put(name, key, { value: checked.data as Json, at: now, order: order++ });
        // To ask a Map for its first key is dear once many were deleted, so only when it is needed.
        while (store.size > shape.bound) {
          const oldest = store.keys().next();
          if (!oldest.done) put(name, oldest.value, undefined);
        }
      },
      delete(key) {
        if (store.has(key)) put(name, key, undefined);
      },
      *entries() {
        // What is written from here on stands behind this mark: a loop that writes what it reads comes to an end.
        const mark = order;
        for (const [key, entry] of store) {
          if (entry.order >= mark) return;
          yield [key, entry.value];
        }
      },
      get size() {
        return store.size;
      },
    };
  };
  const tables = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, view(name, shape)])) as {
    [Name in keyof Shapes]: Table<z.output<Shapes[Name]['schema']>>;
  };

  const memory: TableMemory<Shapes> = {
    tables,
    at(time) {
      // A clock that was set back writes entries that die before those that stand there.
      if (time < now) for (const table of mortal) table.next = 0;
      now = time;
      for (const table of mortal) {
        if (now < table.next) continue;
        table.next = now + table.ttl;
        // In the order of writing, so the first that is young enough ends the search.
        for (const [key, entry] of stores.get(table.name) ?? []) {
          table.next = entry.at + table.ttl;
          if (table.next > now) break;
          put(table.name, key, undefined);
        }
      }
      memory.keep();
    },
    keep() {
      if (input.length === 0) return;
      for (const { table, key, before } of input) {
        const changed = batch.get(table) ?? new Map<string, Entry | undefined>();
        batch.set(table, changed);
        if (!changed.has(key)) changed.set(key, before);
      }
      input = [];
    },
    undo() {
      const first = new Map<string, Map<string, Entry | undefined>>();
      for (const { table, key, before } of input) {
        const changed = first.get(table) ?? new Map<string, Entry | undefined>();
        first.set(table, changed);
        if (!changed.has(key)) changed.set(key, before);
      }
      input = [];
      for (const [table, changed] of first) restore(table, changed);
    },
    changes() {
      memory.keep();
      return [...batch].flatMap(([table, changed]) =>
        [...changed.keys()].map((key) => ({ table, key, entry: stores.get(table)?.get(key) })),
      );
    },
    committed() {
      batch.clear();
    },
    revert() {
      memory.undo();
      for (const [table, changed] of batch) restore(table, changed);
      batch.clear();
    },
  };
  return memory;
}
