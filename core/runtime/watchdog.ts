/**
 * Names the node that hangs the process. A thread of its own looks whether the main one still turns; when it has not for
 * too long, it writes down which node was at work and on which event, says so, and ends the process, which whoever started it
 * starts again. Too long is 2 s of the main thread's own computing, which no busy machine can fake, or 15 s of anything.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { busyLimitMs } from './cpu.ts';

export interface Watchdog {
  /** Runs a node's code, so that it can be named should it never come back. */
  during<T>(node: string, work: () => T): T;
  /** Within that: the event that is being handled. */
  at(event: string): void;
  /** How often each node has hung the process lately. */
  readonly hung: ReadonlyMap<string, number>;
  /** Whether the run before this one was ended for that. */
  readonly justHung: boolean;
  /** Whether a node hung the process over this event. */
  hungOver(node: string, event: string): boolean;
  stop(): Promise<void>;
}

/** The file in the state directory that tells the next run which node hung this one. */
const record = 'hung.json';
/** A node is forgiven after running this long, in milliseconds. */
const forgivenAfterMs = 3_600_000;
const nameBytes = 128;
const eventBytes = 512;
/** What ended this recently, in milliseconds, ended the run before this. */
const justMs = 60_000;
/** How often the main thread shows that it turns, and is looked at. */
const beatMs = 500;

/** What the thread runs. Plain JavaScript in a string, so that it is the same from source and compiled. */
const thread = `
const { workerData } = require('node:worker_threads');
const { readFileSync, writeFileSync, writeSync } = require('node:fs');
const { beats, name, event, limitMs, busyMs, periodMs, file, earlier } = workerData;
const computed = () => {
  try {
    const fields = readFileSync('/proc/self/task/' + process.pid + '/stat', 'utf8').split(') ').at(-1).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch { return NaN; }
};
const text = (bytes, length) => Buffer.from(bytes).subarray(0, length).toString();
let last = -1, still = 0, since = NaN;
setInterval(() => {
  const beat = Atomics.load(beats, 0);
  if (beat !== last) { last = beat; still = 0; since = computed(); return; }
  still += periodMs;
  const busy = computed() - since;
  if (still < limitMs && !(busy >= busyMs)) return;
  const node = text(name, Atomics.load(beats, 1)) || 'the runtime';
  const over = text(event, Atomics.load(beats, 2));
  try { writeFileSync(file, JSON.stringify([...earlier, { node, at: Date.now(), ...(over && { event: over }) }])); } catch {}
  try { writeSync(2, 'sluice: ' + node + ': hung the process for ' + Math.round(Math.min(still, Math.max(busy, busyMs)) / 1000) + ' s; it is ended, and in its next run the node has a thread of its own\\n'); } catch {}
  process.kill(process.pid, 'SIGKILL');
}, periodMs);
`;

export function startWatchdog(clock: Clock, state: string, limitMs: number): Watchdog {
  const file = join(state, record);
  const earlier = readRecord(file).filter(({ at }) => clock.now() - at < forgivenAfterMs);
  const hung = new Map<string, number>();
  for (const { node } of earlier) hung.set(node, (hung.get(node) ?? 0) + 1);
  const beats = new Int32Array(new SharedArrayBuffer(12));
  const event = Buffer.from(new SharedArrayBuffer(eventBytes));
  const name = new Uint8Array(new SharedArrayBuffer(nameBytes));
  const encoder = new TextEncoder();
  const worker = new Worker(thread, {
    eval: true,
    workerData: { beats, name, event, limitMs, busyMs: Math.min(busyLimitMs, limitMs), periodMs: beatMs, file, earlier },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
  worker.unref();
  worker.on('error', () => {});
  let beating = true;
  const beat = (): void => {
    Atomics.add(beats, 0, 1);
    if (beating) clock.after(beatMs, beat);
  };
  beat();
  const names = new Map<string, Uint8Array>();
  return {
    hung,
    justHung: earlier.some(({ at }) => clock.now() - at < justMs),
    hungOver: (node, id) => earlier.some((one) => one.node === node && one.event === id),
    at(id) {
      Atomics.store(beats, 2, event.write(id));
    },
    during(node, work) {
      let bytes = names.get(node);
      if (!bytes) {
        bytes = encoder.encode(node).subarray(0, nameBytes);
        names.set(node, bytes);
      }
      name.set(bytes);
      Atomics.store(beats, 1, bytes.length);
      try {
        // Only what runs at once can hang the loop; what it awaits, it has given back.
        return work();
      } finally {
        Atomics.store(beats, 1, 0);
        Atomics.store(beats, 2, 0);
      }
    },
    async stop() {
      beating = false;
      await worker.terminate();
    },
  };
}

/** No thread: for tests on a virtual clock, which stands still on purpose. */
export const noWatchdog: Watchdog = {
  during: (_, work) => work(),
  at() {},
  hung: new Map(),
  justHung: false,
  hungOver: () => false,
  stop: () => Promise.resolve(),
};

function readRecord(file: string): { node: string; at: number; event?: string }[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(parsed) ? parsed.filter((item) => typeof item?.node === 'string' && typeof item?.at === 'number').slice(-20) : [];
  } catch {
    return [];
  }
}
