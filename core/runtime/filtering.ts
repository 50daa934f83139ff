/**
 * Drives one filter over its tables: what the runtime and the testing kit share, so that an example and a live pipe run
 * the very same code. Synchronous and pure but for the tables; publishing, committing and acknowledging are the caller's.
 *
 * Order: the tick that is due comes before an event, at the multiples of `tickEvery`; after a pause only the latest is made
 * up. News of the pipe comes before that tick: a filter that was deaf must not judge first. A throw undoes what its input
 * wrote, and the filter is made anew from its tables, since what it remembered beside them may be out of step.
 */
import { messageOf, Reject } from '../errors.ts';
import { derivedId, type Event, identityId } from '../event.ts';
import { type About, key, parse } from '../key.ts';
import { type Data, type Kind, kinds } from '../kinds.ts';
import type { AnyFilter, Draft, Filtering, Pipe } from '../node.ts';
import { type Change, type Entry, type TableMemory, tableMemory } from '../state/tables.ts';

/** Where a filter runs: its name there, and the server whose place completes keys that are given as words. */
export interface FilterHost {
  readonly name: string;
  readonly about: Omit<About, 'resource'>;
  /** Which of its partitions: each has ticks of its own, and news of a pipe of its own. */
  readonly part?: number | undefined;
}

/** An event that a filter made, before the runtime says who wrote it, in which run, with which version and config. */
export type Derived<K extends Kind = Kind> = {
  [Each in K]: {
    readonly id: string;
    readonly kind: Each;
    readonly key: string;
    /** The trigger's event time, or the tick's own; never now. */
    readonly time: number;
    readonly data: Data<Each>;
    /** The input's id: an event's, `tick/<node>/<at>` or `pipe/<node>/<at>/…`. */
    readonly causationid: string;
    readonly causes?: readonly string[];
    readonly partitionkey?: string;
    readonly expirytime?: number;
    /** Its place among its input's drafts. */
    readonly index: number;
  };
}[K];

/** What one input led to: events, or its own end. */
export type Outcome =
  | { readonly trigger: string; readonly derived: readonly Derived[]; readonly dead?: undefined }
  | { readonly trigger: string; readonly dead: Reject; readonly event?: Event };

export interface FilterRun {
  /** Runs the tick that is due, then the event. Inputs that led to nothing are left out; there are seldom any others. */
  event(event: Event, at: number): readonly Outcome[];
  tick(at: number): readonly Outcome[];
  pipe(pipe: Pipe, at: number): readonly Outcome[];
  /** To be committed or reverted after each batch. Its changes hold the last tick too. */
  readonly memory: TableMemory;
  /** When a tick is due: at once when there was none yet; undefined when the filter has none. */
  readonly nextTick: number | undefined;
  /** The latest tick that was run, also by an earlier run over the same tables. */
  readonly lastTick: number | undefined;
}

/** Partitions have different inputs: what two of them say of themselves, at one moment or under one identity, are two things. */
const selfOf = ({ name, part }: FilterHost): string => (part === undefined ? name : `${name}~${part}`);

/** Beside a filter's own tables: the last tick. No filter can name it so. */
export const tickTable = '$tick';
const nothing: readonly Outcome[] = Object.freeze([]);

/** Starts a filter over what an earlier run committed. @throws what its `create` throws. */
export function filterRun(
  filter: AnyFilter,
  config: unknown,
  host: FilterHost,
  saved: (table: string) => Iterable<readonly [key: string, entry: Entry]> = () => [],
): FilterRun {
  const memory = tableMemory(filter.tables, saved);
  const self = selfOf(host);
  let working: Filtering | undefined = filter.create(config, memory.tables, host.about);
  const every = working.tick === undefined ? undefined : filter.tickEvery;
  const ticks = tickMemory(memory, saved, () => {
    working = undefined;
  });

  /** One input, all or nothing. */
  const handle = (
    trigger: string,
    time: number,
    at: number,
    call: (working: Filtering) => readonly Draft[] | undefined,
    event?: Event,
  ): Outcome | undefined => {
    memory.at(at);
    try {
      working ??= filter.create(config, memory.tables, host.about) as Filtering;
      const drafts = call(working);
      const derived = drafts === undefined || drafts.length === 0 ? undefined : deriveAll(filter, host, drafts, trigger, time);
      memory.keep();
      if (derived === undefined) return undefined;
      ticks.told();
      return { trigger, derived };
    } catch (thrown) {
      memory.undo();
      working = undefined;
      const dead = thrown instanceof Reject ? thrown : new Reject(`${host.name}: threw: ${messageOf(thrown)}`, { cause: thrown });
      return { trigger, dead, ...(event !== undefined && { event }) };
    }
  };

  const due = (at: number): Outcome | undefined => {
    if (every === undefined) return undefined;
    const latest = Math.floor(at / every) * every;
    // Behind by more than a tick, the clock was set back: ticks go on from there. By less, it is a timer's jitter.
    if (ticks.last !== undefined && latest <= ticks.last && latest >= ticks.last - every) return undefined;
    ticks.last = latest;
    return handle(`tick/${self}/${latest}`, latest, latest, (filtering) => filtering.tick?.(latest));
  };
  const list = (first: Outcome | undefined, second: Outcome | undefined): readonly Outcome[] =>
    first === undefined ? (second === undefined ? nothing : [second]) : second === undefined ? [first] : [first, second];

  return {
    event: (event, at) =>
      list(
        due(at),
        handle(event.id, event.time, at, (filtering) => filtering.event(event, at), event),
      ),
    tick: (at) => list(due(at), undefined),
    pipe: (pipe, at) => {
      const health = `${pipe.connected ? 'connected' : 'cut-off'}-${pipe.caughtUp ? 'caught-up' : 'behind'}`;
      return list(
        handle(`pipe/${self}/${at}/${health}`, at, at, (filtering) => filtering.pipe?.(pipe, at)),
        undefined,
      );
    },
    memory: ticks.memory,
    get nextTick() {
      return every === undefined ? undefined : ticks.last === undefined ? 0 : ticks.last + every;
    },
    get lastTick() {
      return ticks.last;
    },
  };
}

/**
 * The memory with the last tick in its changes. A tick that did nothing is written down only together with something else:
 * running it again over the same tables does nothing again, and an idle filter costs no transactions.
 */
function tickMemory(memory: TableMemory, saved: (table: string) => Iterable<readonly [string, Entry]>, reverted: () => void) {
  let committed: number | undefined;
  for (const [, entry] of saved(tickTable)) committed = Number(entry.value);
  let written = committed;
  let derived = false;
  const ticks = {
    last: committed,
    /** An input led to events. */
    told() {
      derived = true;
    },
    memory: {
      ...memory,
      changes(): Change[] {
        const changes = memory.changes();
        if (ticks.last === undefined || ticks.last === committed || (changes.length === 0 && !derived)) return changes;
        written = ticks.last;
        return [...changes, { table: tickTable, key: 'last', entry: { value: written, at: written, order: 0 } }];
      },
      committed() {
        committed = written;
        derived = false;
        memory.committed();
      },
      revert() {
        memory.revert();
        ticks.last = written = committed;
        derived = false;
        reverted();
      },
    } satisfies TableMemory,
  };
  return ticks;
}

function deriveAll(filter: AnyFilter, host: FilterHost, drafts: readonly Draft[], trigger: string, time: number): Derived[] {
  return drafts.map((draft, index) => {
    try {
      return derive(filter, host, draft, trigger, time, index);
    } catch (thrown) {
      throw new Reject(`${host.name}: its draft ${index + 1}, ${String(draft.kind)}: ${messageOf(thrown).replace(/^sluice: /, '')}`, {
        cause: thrown,
      });
    }
  });
}

function derive(filter: AnyFilter, host: FilterHost, draft: Draft, trigger: string, inputTime: number, index: number): Derived {
  if (!filter.out.includes(draft.kind)) throw new Reject(`not among what the filter writes; add "${draft.kind}" to its out`);
  const checked = kinds[draft.kind].schema.safeParse(draft.data);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new Reject(`data${issue?.path.map((step) => `.${String(step)}`).join('') ?? ''}: ${issue?.message ?? 'does not fit'}`);
  }
  const time = draft.time ?? inputTime;
  if (!(Math.abs(time) <= 8.64e15)) throw new Reject(`time ${time} is none; give milliseconds since 1970`);
  if (draft.causes?.some((cause) => !/^\S{1,512}$/.test(cause))) throw new Reject('a cause is no id; give the ids of events');
  return {
    id: draft.identity === undefined ? derivedId(host.name, trigger, index) : identityId(selfOf(host), draft.kind, draft.identity),
    kind: draft.kind,
    key: keyOf(draft.key, host),
    time,
    data: checked.data,
    causationid: trigger,
    ...(draft.causes !== undefined && draft.causes.length > 0 && { causes: draft.causes }),
    ...(draft.partitionkey !== undefined && { partitionkey: draft.partitionkey }),
    ...(draft.ttl !== undefined && { expirytime: time + draft.ttl }),
    index,
  } as Derived;
}

function keyOf(given: string | readonly string[], host: FilterHost): string {
  if (typeof given !== 'string') return key({ ...host.about, resource: given });
  parse(given);
  return given;
}
