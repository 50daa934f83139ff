/**
 * A node in a thread of its own (`isolate: worker`): what hangs or crashes there is ended and started again, and the
 * process goes on. The node's code is the same; only the calls travel. Each side of them is in this file.
 */
import { readlinkSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { messageOf, Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import type { About } from '../key.ts';
import type { AnyFilter, AnyMonitor, AnySink, Level, Pipe, Services } from '../node.ts';
import type { Entry } from '../state/tables.ts';
import { busyLimitMs, computed } from './cpu.ts';
import { filterRun, type Outcome } from './filtering.ts';
import type { Isolation } from './isolate.ts';
import { loadNode } from './load.ts';
import { named } from './supervise.ts';

/** What a thread needs to know to make its node. */
export interface Threaded {
  readonly name: string;
  readonly use: string;
  readonly config: unknown;
  /** A monitor's last committed position. */
  readonly saved?: unknown;
  /** A filter's host, and its tables as they were committed. */
  readonly about?: Omit<About, 'resource'>;
  readonly part?: number | undefined;
  readonly tables?: Readonly<Record<string, readonly (readonly [string, Entry])[]>>;
}

export interface Thread {
  /** Calls the node. Rejects with what it threw, or when the thread hung or died. */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T>;
  /** The event that a filter in it is handling, or was when it ended. */
  at(): string | undefined;
  /** Whether it hung or died. */
  ended(): boolean;
  /** Tells the call in progress to give up. */
  abort(): void;
  end(): Promise<void>;
}

type Request = { readonly id: number; readonly method: string; readonly args: readonly unknown[] };
type Reply = { readonly id: number; readonly value?: unknown; readonly thrown?: { readonly message: string; readonly rejected: boolean } };

/** What a node in a thread has to say to a person. */
type Said = { readonly say: string; readonly level: Level };

/** What a thread says first: which of the kernel's it is. */
type Began = { readonly thread: number };

/** What the two sides share: the event that is being handled, its length first. */
interface Shared {
  readonly handling: SharedArrayBuffer;
}
const handlingBytes = 516;
/** How often a thread is asked whether it still turns, in milliseconds. */
const askEvery = 500;

/** Beyond its own heap a thread is nothing to the process: past this it alone ends. */
const heapMb = 256;
const ping = 'ping';

/** Starts the thread. */
export function startThread(threaded: Threaded, { clock, limitMs, report }: Isolation): Thread {
  const handling = new SharedArrayBuffer(handlingBytes);
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { ...threaded, handling } satisfies Threaded & Shared,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (reason: Error) => void }>();
  let ended: Error | undefined;
  let answered = clock.monotonic();
  let kernel: number | undefined;
  // What it had computed when it was last asked after an answer.
  let asked: number | undefined;
  let next = 1;

  const end = (reason: Error): void => {
    if (ended) return;
    ended = reason;
    cancel();
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
    void worker.terminate();
  };
  worker.on('message', (message: Reply | Said | Began) => {
    answered = clock.monotonic();
    asked = undefined;
    if ('thread' in message) {
      kernel = message.thread;
      return;
    }
    if ('say' in message) return report(message.level, named(threaded.name, message.say));
    const { id, value, thrown } = message;
    const call = waiting.get(id);
    waiting.delete(id);
    if (thrown) call?.reject(thrown.rejected ? new Reject(thrown.message) : new Error(thrown.message));
    else call?.resolve(value as never);
  });
  worker.on('error', (error) => end(new Error(`its thread died: ${messageOf(error)}`)));
  worker.on('exit', () => end(new Error('its thread ended')));
  const cancel = clock.every(askEvery, () => {
    const used = kernel === undefined ? undefined : computed(kernel);
    asked ??= used;
    const busy = used !== undefined && asked !== undefined ? used - asked : 0;
    const still = clock.monotonic() - answered;
    if (still > limitMs || busy >= Math.min(busyLimitMs, limitMs))
      end(new Error(`it hung for ${Math.round(Math.min(still, limitMs) / 1000)} s; its thread was ended`));
    else worker.postMessage({ id: 0, method: ping, args: [] } satisfies Request);
  });

  return {
    call(method, ...args) {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, method, args } satisfies Request);
      });
    },
    at() {
      const length = new Int32Array(handling, 0, 1)[0] ?? 0;
      return length > 0 ? Buffer.from(handling, 4, length).toString() : undefined;
    },
    ended: () => ended !== undefined,
    abort: () => worker.postMessage({ id: 0, method: 'abort', args: [] } satisfies Request),
    async end() {
      end(new Error('stopped'));
      await worker.terminate();
    },
  };
}

/** What a filter's thread answers to a batch. */
export interface FilterReply {
  readonly outcomes: readonly (
    | Exclude<Outcome, { dead: Reject }>
    | { readonly trigger: string; readonly dead: string; readonly event?: Event }
  )[];
  readonly changes: ReturnType<ReturnType<typeof filterRun>['memory']['changes']>;
}

// The other side, in the thread

/** What the process offers, as far as it reaches in here. */
const services: Services = {
  history: () => undefined,
  filters: () => [],
  ledger: () => ({ process: '', lost: [], heard: [] }),
  clock: systemClock,
  look: () => {},
  emit: () => Promise.reject(new Reject('emit: a node in a thread of its own may not; leave isolate: out')),
  audit: () => Promise.reject(new Reject('audit: a node in a thread of its own may not; leave isolate: out')),
  say: (level, text) => parentPort?.postMessage({ say: text, level } satisfies Said),
};

type Methods = Record<string, (signal: AbortSignal, ...args: never[]) => unknown>;

function monitorMethods(node: AnyMonitor, { config, saved }: Threaded): Methods {
  const monitor = node.create(config, saved as never);
  let steps: AsyncIterator<unknown> | undefined;
  return {
    start: () => monitor.start?.(services),
    stop: () => monitor.stop?.(),
    sample: (signal) => ('sample' in monitor ? monitor.sample(signal) : []),
    next(signal) {
      if ('sample' in monitor) return undefined;
      steps ??= monitor.events(signal)[Symbol.asyncIterator]();
      return steps.next();
    },
  };
}

function sinkMethods(node: AnySink, { config }: Threaded): Methods {
  const sink = node.create(config);
  return { start: () => sink.start?.(services), stop: () => sink.stop?.(), write: (_, events: Event[]) => sink.write(events) };
}

function filterMethods(node: AnyFilter, { name, config, about, part, tables, handling }: Threaded & Shared): Methods {
  if (!about) throw new Error('a filter needs its host');
  const run = filterRun(node, config, { name, about, part }, (table) => tables?.[table] ?? []);
  const [length, text] = [new Int32Array(handling, 0, 1), Buffer.from(handling, 4)];
  const handle = (event: Event, at: number): readonly Outcome[] => {
    length[0] = text.write(event.id);
    const outcomes = run.event(event, at);
    length[0] = 0;
    return outcomes;
  };
  const reply = (outcomes: readonly Outcome[]) => ({
    outcomes: outcomes.map((outcome) => (outcome.dead ? { ...outcome, dead: outcome.dead.message } : outcome)),
    changes: run.memory.changes(),
  });
  return {
    events: (_, events: Event[], at: number) => reply(events.flatMap((event) => handle(event, at))),
    tick: (_, at: number) => reply(run.tick(at)),
    pipe: (_, pipe: Pipe, at: number) => reply(run.pipe(pipe, at)),
    committed: () => run.memory.committed(),
  };
}

async function serve(threaded: Threaded & Shared): Promise<void> {
  const port = parentPort;
  if (!port) return;
  const thread = kernelThread();
  if (thread !== undefined) port.postMessage({ thread } satisfies Began);
  const stopping = new AbortController();
  const made = loadNode(threaded.use, threaded.name).then((node): Methods => {
    if (node.sort === 'monitor') return monitorMethods(node, threaded);
    if (node.sort === 'sink') return sinkMethods(node, threaded);
    if (node.sort === 'filter') return filterMethods(node, threaded);
    throw new Error(`${threaded.name}: an ${node.sort} has a process of its own, not a thread`);
  });
  port.on('message', async ({ id, method, args }: Request) => {
    if (method === ping) return port.postMessage({ id } satisfies Reply);
    if (method === 'abort') return stopping.abort();
    try {
      const value = await (await made)[method]?.(stopping.signal, ...(args as never[]));
      port.postMessage({ id, value } satisfies Reply);
    } catch (thrown) {
      port.postMessage({ id, thrown: { message: messageOf(thrown), rejected: thrown instanceof Reject } } satisfies Reply);
    }
  });
}

/** The kernel's number of this thread. */
function kernelThread(): number | undefined {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1)) || undefined;
  } catch {
    return undefined;
  }
}

if (!isMainThread && workerData?.use !== undefined) await serve(workerData as Threaded & Shared);
