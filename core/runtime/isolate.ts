/**
 * Puts a node into a thread of its own, in the shape that the runtime knows: a monitor that calls it, a sink that calls
 * it, an engine for a filter.
 */
import type { Clock } from '../clock.ts';
import { messageOf, Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import type { About } from '../key.ts';
import type { AnyFilter, AnyMonitor, AnySink, Level, Pipe } from '../node.ts';
import type { Store } from '../state/store.ts';
import type { Change } from '../state/tables.ts';
import { filterRun, type Outcome, tickTable } from './filtering.ts';
import { type FilterReply, startThread, type Thread, type Threaded } from './thread.ts';

export interface Isolation {
  readonly clock: Clock;
  /** How long a thread may not answer before it is ended. */
  readonly limitMs: number;
  /** Tells a person what a node in a thread has to say. */
  readonly report: (level: Level, text: string) => void;
}

/** What a thread makes its node of. */
type Made = Pick<Threaded, 'name' | 'use' | 'config'>;

/** Only data travels to a thread. */
const onlyMade = ({ name, use, config }: Made): Made => ({ name, use, config });

/** A monitor whose work is done in a thread. Its thread begins with `start` and ends with `stop`. */
export function isolateMonitor(node: AnyMonitor, made: Made, isolation: Isolation): AnyMonitor {
  return {
    ...node,
    create(config, saved) {
      // Pure by contract: made here only to know which of the two it is.
      const samples = 'sample' in node.create(config, saved);
      let thread: Thread | undefined;
      let heard: AbortSignal | undefined;
      const lifecycle = {
        start() {
          thread = startThread({ ...onlyMade(made), saved }, isolation);
          return thread.call<void>('start');
        },
        async stop() {
          const ending = thread;
          thread = undefined;
          await ending?.call('stop').catch(() => {});
          await ending?.end();
        },
      };
      const call = <T>(method: string, signal: AbortSignal): Promise<T> => {
        if (!thread) return Promise.reject(new Error('it is not started'));
        if (signal !== heard) signal.addEventListener('abort', () => thread?.abort(), { once: true });
        heard = signal;
        return thread.call<T>(method);
      };
      if (samples) return { ...lifecycle, sample: (signal: AbortSignal) => call('sample', signal) };
      return {
        ...lifecycle,
        async *events(signal: AbortSignal) {
          for (;;) {
            const step = await call<IteratorResult<never>>('next', signal);
            if (step.done) return;
            yield step.value;
          }
        },
      };
    },
  };
}

/**
 * A sink whose work is done in a thread, which a failure replaces: the sink's events are tried again in a new one. Events over
 * which two threads in a row were lost are refused, so that they are parted until the one that does it stands alone.
 */
export function isolateSink(node: AnySink, made: Made, isolation: Isolation): AnySink {
  return {
    ...node,
    create() {
      let thread: Thread | undefined;
      let lostOver: string | undefined;
      const start = async (): Promise<Thread> => {
        thread = startThread(onlyMade(made), isolation);
        await thread.call('start');
        return thread;
      };
      return {
        start: async () => void (await start()),
        async write(events) {
          const writing = thread ?? (await start());
          try {
            await writing.call('write', events);
          } catch (thrown) {
            if (thrown instanceof Reject) throw thrown;
            const again = writing.ended() && lostOver === `${events.length} ${events[0]?.id}`;
            lostOver = writing.ended() ? `${events.length} ${events[0]?.id}` : undefined;
            thread = undefined;
            await writing.end();
            if (again) throw new Reject(`${made.name}: ${messageOf(thrown)}`);
            throw thrown;
          }
        },
        async stop() {
          const ending = thread;
          thread = undefined;
          await ending?.call('stop').catch(() => {});
          await ending?.end();
        },
      };
    },
  };
}

/** A filter at work, here or in a thread. What it returns is to be committed, and then told. */
export interface Engine {
  events(events: readonly Event[], at: number): Handled | Promise<Handled>;
  tick(at: number): Handled | Promise<Handled>;
  pipe(pipe: Pipe, at: number): Handled | Promise<Handled>;
  committed(): void;
  stop(): Promise<void>;
  readonly ticks: boolean;
}

export interface Handled {
  readonly outcomes: readonly Outcome[];
  /** What is to be written of its tables. */
  readonly changes: readonly Change[];
}

export interface EngineOptions extends Made {
  readonly node: AnyFilter;
  readonly about: Omit<About, 'resource'>;
  readonly store: Pick<Store, 'table'>;
  /** Which of its partitions it is, where it has several homes. */
  readonly part?: number;
  /** Told of each event before it is handled in this thread. */
  at?(event: string): void;
}

/** A filter in this thread. */
export function localEngine({ node, name, config, about, store, part, at: mark = () => {} }: EngineOptions): Engine {
  const run = filterRun(node, config, { name, about, part }, (table) => store.table(name, table));
  const handled = (outcomes: readonly Outcome[]): Handled => ({ outcomes, changes: run.memory.changes() });
  return {
    events: (events, at) =>
      handled(
        events.flatMap((event) => {
          mark(event.id);
          return run.event(event, at);
        }),
      ),
    tick: (at) => handled(run.tick(at)),
    pipe: (pipe, at) => handled(run.pipe(pipe, at)),
    committed: () => run.memory.committed(),
    stop: () => Promise.resolve(),
    ticks: run.nextTick !== undefined,
  };
}

/**
 * A filter in a thread of its own. When the thread hangs or dies over an event, that one is dead-lettered; when it is not known
 * over which, its batch is tried again event by event. The thread is made anew from what was committed.
 */
export function isolatedEngine({ node, name, use, config, about, store, part }: EngineOptions, isolation: Isolation): Engine {
  let thread: Thread | undefined;
  const poison = new Map<string, Reject>();
  const current = (): Thread => {
    if (thread) return thread;
    const tables = Object.fromEntries([...Object.keys(node.tables), tickTable].map((table) => [table, [...store.table(name, table)]]));
    thread = startThread({ name, use, config, about, part, tables }, isolation);
    return thread;
  };
  const lose = async (): Promise<void> => {
    const lost = thread;
    thread = undefined;
    await lost?.end();
  };
  const read = ({ outcomes, changes }: FilterReply): Handled => ({
    changes,
    outcomes: outcomes.map((outcome): Outcome => (outcome.dead === undefined ? outcome : { ...outcome, dead: new Reject(outcome.dead) })),
  });
  const poisoned = (events: readonly Event[]): Outcome[] =>
    events.flatMap((event) => {
      const dead = poison.get(event.id);
      return dead ? [{ trigger: event.id, dead, event }] : [];
    });

  const oneByOne = async (events: readonly Event[], at: number): Promise<Handled> => {
    const outcomes: Outcome[] = poisoned(events);
    let changes: readonly Change[] = [];
    for (const event of events) {
      if (poison.has(event.id)) continue;
      try {
        const handled = read(await current().call<FilterReply>('events', [event], at));
        outcomes.push(...handled.outcomes);
        // Each reply has all that changed since the last commit.
        changes = handled.changes;
      } catch (thrown) {
        poison.set(event.id, new Reject(`${name}: ${messageOf(thrown)}`));
        await lose();
        return oneByOne(events, at);
      }
    }
    return { outcomes, changes };
  };
  const simple = async (method: 'tick' | 'pipe', ...args: unknown[]): Promise<Handled> => {
    try {
      return read(await current().call<FilterReply>(method, ...args));
    } catch (thrown) {
      await lose();
      return { outcomes: [{ trigger: method, dead: new Reject(`${name}: ${method}: ${messageOf(thrown)}`) }], changes: [] };
    }
  };
  return {
    async events(events, at) {
      poison.clear();
      for (;;) {
        const rest = events.filter(({ id }) => !poison.has(id));
        try {
          const { outcomes, changes } = read(await current().call<FilterReply>('events', rest, at));
          return { outcomes: [...poisoned(events), ...outcomes], changes };
        } catch (thrown) {
          const culprit = thread?.at();
          await lose();
          if (!rest.some(({ id }) => id === culprit)) return oneByOne(events, at);
          poison.set(culprit as string, new Reject(`${name}: ${messageOf(thrown)}`));
        }
      }
    },
    tick: (at) => simple('tick', at),
    pipe: (pipe, at) => simple('pipe', pipe, at),
    committed: () => void thread?.call('committed').catch(() => {}),
    stop: lose,
    ticks: node.tickEvery !== undefined,
  };
}
