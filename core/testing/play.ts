/**
 * Plays steps to a filter as the runtime would, on a time of its own that starts at 0 s (with a fixture, on the recorded one): all ticks on the way, the pipe
 * healthy from the start unless the first step says otherwise. What it was given is frozen: events are facts.
 */
import type { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { Data, Kind } from '../kinds.ts';
import type { Filter, Recording, Step, TableShapes } from '../node.ts';
import { type FilterHost, type FilterRun, filterRun, type Outcome } from '../runtime/filtering.ts';
import { encodeRows, encodeTake, noRows, type Replay, type Rows, replay, summary, type Writes } from '../runtime/partition/records.ts';
import type { Entry } from '../state/tables.ts';
import { examplePlace } from './build.ts';
import { scheduleOf } from './steps.ts';

/** What came out, and when, in milliseconds of the play. A dead-lettered input comes as an event of kind `dead`. */
export type Came = {
  [Each in Kind]: {
    readonly at: number;
    readonly kind: Each;
    readonly key: string;
    readonly data: Data<Each>;
    readonly id: string;
    /** Milliseconds since 1970, as everywhere in events. */
    readonly time: number;
    readonly causationid: string;
    readonly causes?: readonly string[];
    readonly partitionkey?: string;
    readonly expirytime?: number;
  };
}[Kind];

export interface PlayOptions {
  /** Makes the filter anew from its tables after each input, as a crash would. */
  readonly restart?: 'never' | 'after each input';
  /** After each input it goes on in another process, which knows of it what stands in its partition's changelog. */
  readonly move?: 'never' | 'after each input';
  /** What the tables held before, as an earlier play left them. */
  readonly saved?: Saved;
}

/** What stands on disk: a table's rows as JSON text. */
export type Saved = ReadonlyMap<string, ReadonlyMap<string, string>>;

export interface Played {
  readonly came: readonly Came[];
  /** The tables at the end, as they were written down. */
  readonly saved: Saved;
}

/** Where a played filter stands: keys that it gives as words are of this host. */
const host = (name: string): FilterHost => ({ name, about: { ...examplePlace, host: 'hub-1' } });

/** Plays the steps. @throws ConfigError when the config or a step is not what it should be. */
export function play<Config extends z.ZodType, Shapes extends TableShapes, In extends Kind, Out extends Kind>(
  filter: Filter<Config, In, Out, Shapes>,
  config: z.input<Config>,
  steps: readonly (Step | Recording)[],
  options: PlayOptions = {},
): Played {
  const checked = filter.config.safeParse(config ?? {});
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new ConfigError(`${filter.name}: config: ${[...(issue?.path ?? []), issue?.message].join(': ')}`);
  }
  const rows = options.move === 'after each input' ? changelog(disk(options.saved)) : disk(options.saved);
  const { start, moments } = scheduleOf(filter, steps);
  const create = () => filterRun(filter, checked.data, host(filter.name), rows.saved);
  const came: Came[] = [];
  let run = create();
  /** What one input led to, written down; perhaps the process ends here. */
  const settle = (outcomes: readonly Outcome[], at: number) => {
    for (const outcome of outcomes) came.push(...told(outcome, filter.name, at, start));
    rows.commit(run);
    if (options.restart === 'after each input' || options.move === 'after each input') run = create();
  };

  const every = run.nextTick === undefined ? undefined : filter.tickEvery;
  let nextTick = start;
  for (const { at, event, pipe } of moments) {
    // The pipe's news of that moment goes before its tick, as in the runtime.
    const last = pipe ? at - 1 : at;
    for (; every !== undefined && nextTick <= last; nextTick += every) settle(run.tick(nextTick), nextTick);
    if (event) settle(run.event(event, at), at);
    else if (pipe) settle(run.pipe(pipe, at), at);
  }
  return { came, saved: rows.all };
}

function told(outcome: Outcome, node: string, at: number, start: number): Came[] {
  if (outcome.dead === undefined) return outcome.derived.map(({ index: _, ...derived }) => ({ at: at - start, ...derived }) as Came);
  const { trigger, dead, event } = outcome;
  const data: Data<'dead'> = {
    reason: dead.message.slice(0, 2048),
    node,
    kind: event?.kind ?? 'tick',
    event: event === undefined ? '' : JSON.stringify(event.data).slice(0, 65_536),
    ...(event && { key: event.key, id: event.id }),
  };
  return [{ at: at - start, kind: 'dead', key: event?.key ?? node, id: trigger, time: at, causationid: trigger, data }];
}

/** Rows as JSON text: what a filter holds by reference, and did not write, does not survive it. */
function disk(before: Saved = new Map()) {
  const all = new Map([...before].map(([table, rows]) => [table, new Map(rows)]));
  return {
    all,
    *saved(table: string): Iterable<readonly [string, Entry]> {
      for (const [key, text] of all.get(table) ?? []) yield [key, JSON.parse(text)];
    },
    commit(run: FilterRun) {
      for (const { table, key, entry } of run.memory.changes()) {
        const rows = all.get(table) ?? new Map<string, string>();
        all.set(table, rows);
        if (entry) rows.set(key, JSON.stringify(entry));
        else rows.delete(key);
      }
      run.memory.committed();
    },
  };
}

/** How many steps lie between two summaries of a play: few, so that moves come before, amid and after them. */
const summed = 4;

/** What a changelog keeps: after each step a new owner reads the records' bytes from the latest summary on. */
function changelog(before: ReturnType<typeof disk>) {
  const records: Buffer[] = [];
  /** What the one who writes knows. */
  const told = replay();
  /** What the one who comes next has read. */
  let heir: Replay | undefined;
  let [owner, n, steps] = [0, 0, 0];
  const add = (record: Buffer) => void told.feed(records.push(record) - 1, record);
  const write = (rows: Rows, more: Partial<Writes> = {}) => {
    const { base } = told;
    add(encodeRows({ by: `owner ${owner}`, n: ++n, sent: -1, ...(base !== undefined && { base }), ...more }, rows));
  };
  const take = () => {
    add(encodeTake(`owner ${++owner}`, told.owner));
    n = 0;
  };
  const read = (): Replay => {
    const history = replay();
    for (let place = told.base ?? 0; place < records.length; place++) history.feed(place, records[place] ?? Buffer.alloc(0));
    return history;
  };
  take();
  for (const [table, rows] of before.all)
    write({ ...noRows, tables: [...rows].map(([key, text]) => [table, key, JSON.parse(text)] as const) });
  return {
    all: before.all,
    saved(table: string): Iterable<readonly [string, Entry]> {
      heir ??= read();
      return heir.kept.tables.get(table) ?? [];
    },
    commit(run: FilterRun) {
      const changes = run.memory.changes();
      before.commit(run);
      // What changed nothing is not written down, live as here.
      if (changes.length === 0) return;
      write({ ...noRows, tables: changes.map(({ table, key, entry }) => [table, key, entry ?? null] as const) });
      if (++steps % summed === 0) {
        const parts = [...summary(told.kept, 200)];
        for (const [part, rows] of parts.entries()) write(rows, { part, ...(part === parts.length - 1 && { last: true }) });
      }
      take();
      heir = undefined;
    },
  };
}
