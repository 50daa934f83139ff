/**
 * What a partition remembers, and the records of it in its changelog: each step of its owner (a batch of input, a tick) and, now
 * and then, all of it in one. A record is a line of JSON that says whose it is and which, and a body of JSON.
 *
 *     {"take":"b","from":"a"}   from here on the partition is b's, if up to here it was a's
 *     {"by":"b","n":1,…} body   b's first step
 *
 * Reading them in order gives what the partition remembers: {@link replay}. A record counts only when it is the owner's next. So a
 * former owner that wakes up writes in vain, and what stands there twice counts once, however late the second comes.
 */
import { z } from 'zod';
import type { Json } from '../../json.ts';
import { jsonValue } from '../../json.ts';
import type { Data } from '../../kinds.ts';
import type { Entry } from '../../state/tables.ts';
import type { Watermark } from '../../state/watermark.ts';

/** An event's wire form. */
export type Wire = Readonly<Record<string, unknown>>;

/** Rows of what is remembered: what a step changed, or a part of all of it. */
export interface Rows {
  /** Time on the partition's clock, in milliseconds. */
  readonly at: number;
  readonly tables: readonly (readonly [table: string, key: string, entry: Entry | null])[];
  readonly marks: readonly (readonly [stream: string, at: number, mark: Watermark])[];
  readonly ids: readonly (readonly [id: string, at: number])[];
  /** Since when the reader is there for each of its topics, where that is new. */
  readonly reading?: Readonly<Record<string, number>> | undefined;
  /** What the step led to. */
  readonly events: readonly Wire[];
  /** The present value of each state that is still true. Only in a summary: a step's are among its events. */
  readonly states: readonly (readonly [key: string, data: Json])[];
  /** The events of earlier steps, by their places, that may not have been sent yet. Only in a summary. */
  readonly unsent: readonly (readonly [place: number, events: readonly Wire[]])[];
}

export const noRows: Rows = { at: 0, tables: [], marks: [], ids: [], events: [], states: [], unsent: [] };

const takes = z.object({ take: z.string().min(1).max(200), from: z.string().max(200).nullable() });
const writes = z.object({
  by: z.string().min(1).max(200),
  /** Counts its owner's records, from 1. */
  n: z.int().min(1),
  /** All events of steps up to this place were sent. */
  sent: z.int(),
  /** Where the latest whole summary begins. */
  base: z.int().optional(),
  /** Of a summary: which part of it, from 0, and whether it is the last. */
  part: z.int().optional(),
  last: z.boolean().optional(),
});
export type Writes = z.output<typeof writes>;
type Header = z.output<typeof takes> | Writes;

const number = z.number();
const entry = z.object({ value: jsonValue, at: number, order: number });
const watermark = z.object({ high: number, start: number, holes: z.array(number), given: number, repeats: number });
const wire = z.record(z.string(), z.unknown());
const rows = z.object({
  at: number,
  tables: z.array(z.tuple([z.string(), z.string(), entry.nullable()])),
  marks: z.array(z.tuple([z.string(), number, watermark])),
  reading: z.record(z.string(), number).optional(),
  ids: z.array(z.tuple([z.string(), number])),
  events: z.array(wire),
  states: z.array(z.tuple([z.string(), jsonValue])),
  unsent: z.array(z.tuple([number, z.array(wire)])),
});

export const encodeTake = (take: string, from: string | undefined): Buffer => Buffer.from(JSON.stringify({ take, from: from ?? null }));
export const encodeRows = (header: Writes, body: Rows): Buffer => Buffer.from(`${JSON.stringify(header)}\n${JSON.stringify(body)}`);

/** The first line, or undefined where it is none of ours. */
export function headerOf(record: Buffer): Header | undefined {
  const end = record.indexOf(10);
  const parsed = parse(record.toString('utf8', 0, end < 0 ? record.length : end));
  const [take, write] = [takes.safeParse(parsed), writes.safeParse(parsed)];
  return take.success ? take.data : write.success ? write.data : undefined;
}

function rowsOf(record: Buffer): Rows | undefined {
  const checked = rows.safeParse(parse(record.toString('utf8', record.indexOf(10) + 1)));
  return checked.success ? (checked.data as Rows) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a partition remembers. */
export interface Kept {
  readonly tables: Map<string, Map<string, Entry>>;
  readonly marks: Map<string, { readonly mark: Watermark; readonly at: number }>;
  readonly ids: Map<string, number>;
  readonly states: Map<string, Data<'state'>>;
  readonly unsent: Map<number, readonly Wire[]>;
  reading: Readonly<Record<string, number>> | undefined;
  /** The latest time that it was told. */
  at: number;
}

const nothing = (): Kept => ({
  tables: new Map(),
  marks: new Map(),
  ids: new Map(),
  states: new Map(),
  unsent: new Map(),
  reading: undefined,
  at: 0,
});

/** Ids are the second line: nearly all repeats are known by watermarks. Past this many the oldest go. */
const maxIds = 50_000;
/** After this long without a word, a stream's watermark is let go, and an id: as in a process's own state, and sooner. */
const markMs = 7 * 86_400_000;
const idMs = 86_400_000;

function fold(kept: Kept, { at, tables, marks, ids, reading, events, states, unsent }: Rows, place: number): void {
  kept.at = Math.max(kept.at, at);
  for (const [name, key, row] of tables) {
    const table = kept.tables.get(name) ?? new Map<string, Entry>();
    kept.tables.set(name, table);
    if (row) table.set(key, row);
    else table.delete(key);
  }
  for (const [stream, markedAt, mark] of marks) kept.marks.set(stream, { mark, at: markedAt });
  kept.reading = reading ?? kept.reading;
  for (const [id, seenAt] of ids) {
    kept.ids.set(id, seenAt);
    if (kept.ids.size > maxIds) for (const oldest of kept.ids.keys()) if (kept.ids.delete(oldest)) break;
  }
  for (const event of events) {
    if (event.type !== 'sluice.state.v1' || typeof event.subject !== 'string') continue;
    const data = event.data as Data<'state'>;
    if (data.value === null) kept.states.delete(event.subject);
    else kept.states.set(event.subject, data);
  }
  if (events.length > 0) kept.unsent.set(place, events);
  for (const [key, data] of states) kept.states.set(key, data as unknown as Data<'state'>);
  for (const [from, wires] of unsent) kept.unsent.set(from, wires);
}

/** All that is remembered, without what is too old to matter, in parts of about so many bytes. */
export function* summary(kept: Kept, bytes: number): Generator<Rows> {
  const { at, reading } = kept;
  const empty = () => ({ at, reading, tables: [], marks: [], ids: [], events: [], states: [], unsent: [] });
  let part: Record<RowName, unknown[]> & { at: number } = empty();
  let size = 0;
  for (const [name, row] of rowsOfAll(kept)) {
    part[name].push(row);
    size += JSON.stringify(row).length;
    if (size < bytes) continue;
    yield part as unknown as Rows;
    part = empty();
    size = 0;
  }
  yield part as unknown as Rows;
}

type RowName = 'tables' | 'marks' | 'ids' | 'states' | 'unsent';

function* rowsOfAll({ tables, marks, ids, states, unsent, at }: Kept): Generator<[RowName, unknown]> {
  for (const [name, table] of tables) for (const [key, row] of table) yield ['tables', [name, key, row]];
  for (const [stream, { mark, at: markedAt }] of marks) if (at - markedAt < markMs) yield ['marks', [stream, markedAt, mark]];
  for (const [id, seenAt] of ids) if (at - seenAt < idMs) yield ['ids', [id, seenAt]];
  for (const row of states) yield ['states', row];
  for (const row of unsent) yield ['unsent', row];
}

/** A record that counts. */
export type Counted = z.output<typeof takes> | (Writes & { readonly rows: Rows });

export interface Replay {
  readonly kept: Kept;
  /** False for a changelog that has lost its beginning, until a summary comes. */
  readonly begun: boolean;
  /** Who has it. */
  readonly owner: string | undefined;
  /** Where the latest whole summary begins. */
  readonly base: number | undefined;
  /**
   * The next record in order; undefined where it does not count. `known` has the rows of records of one's own, which need not be
   * read again.
   */
  feed(place: number, record: Buffer, known?: (header: Writes) => Rows | undefined): Counted | undefined;
}

/**
 * Reads records in order from the first, or from where a whole summary begins: then whoever wrote that was the owner. Of a
 * changelog that has lost its beginning, what is before the first summary means nothing.
 */
export function replay(): Replay {
  let kept = nothing();
  let owner: string | undefined;
  let last = 0;
  let base: number | undefined;
  let begun = false;
  let summing: { kept: Kept; readonly begin: number; next: number } | undefined;

  return {
    get kept() {
      return kept;
    },
    get begun() {
      return begun;
    },
    get owner() {
      return owner;
    },
    get base() {
      return base;
    },
    feed(place, record, known) {
      const header = headerOf(record);
      if (!header) return undefined;
      begun ||= place === 0;
      if ('take' in header) {
        if (!begun || header.from !== (owner ?? null)) return undefined;
        owner = header.take;
        last = 0;
        summing = undefined;
        return header;
      }
      const { by, n, sent, part, last: whole } = header;
      if (!begun && part === 0) {
        begun = true;
        owner = by;
        last = n - 1;
      }
      if (!begun || by !== owner || n !== last + 1) return undefined;
      const read = known?.(header) ?? rowsOf(record);
      if (!read) return undefined;
      last = n;
      if (part === undefined) {
        summing = undefined;
        fold(kept, read, place);
      } else {
        if (part === 0) summing = { kept: nothing(), begin: place, next: 0 };
        if (summing?.next === part) {
          summing.next += 1;
          fold(summing.kept, read, place);
          if (whole) {
            kept = summing.kept;
            base = summing.begin;
            summing = undefined;
          }
        }
      }
      for (const from of kept.unsent.keys()) if (from <= sent) kept.unsent.delete(from);
      return { ...header, rows: read };
    },
  };
}
