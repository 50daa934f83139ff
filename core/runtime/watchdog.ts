/**
 * Names the node that hangs the process. A thread of its own looks whether the main one still turns; when it has not for
 * too long, it writes down which node was at work, says so, and ends the process, which whoever started it starts again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';

export interface Watchdog {
  /** Runs a node's code, so that it can be named should it never come back. */
  during<T>(node: string, work: () => T): T;
  /** How often each node has hung the process lately. */
  readonly hung: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** The file in the state directory that tells the next run which node hung this one. */
const record = 'hung.json';
/** A node is forgiven after running this long, in milliseconds. */
const forgivenAfterMs = 3_600_000;
const nameBytes = 128;

/** What the thread runs. Plain JavaScript in a string, so that it is the same from source and compiled. */
const thread = `
const { parentPort, workerData } = require('node:worker_threads');
const { writeFileSync, writeSync } = require('node:fs');
const { beats, name, limitMs, file, earlier } = workerData;
let last = -1, still = 0;
const period = Math.max(50, limitMs / 10);
setInterval(() => {
  const beat = Atomics.load(beats, 0);
  still = beat === last ? still + period : 0;
  last = beat;
  if (still < limitMs) return;
  const length = Atomics.load(beats, 1);
  const node = Buffer.from(name).subarray(0, length).toString() || 'the runtime';
  try { writeFileSync(file, JSON.stringify([...earlier, { node, at: Date.now() }])); } catch {}
  try { writeSync(2, 'sluice: ' + node + ': hung the process for ' + Math.round(limitMs / 1000) + ' s; it is ended, and in its next run the node has a thread of its own\\n'); } catch {}
  process.kill(process.pid, 'SIGKILL');
}, period);
`;

export function startWatchdog(clock: Clock, state: string, limitMs: number): Watchdog {
  const file = join(state, record);
  const earlier = readRecord(file).filter(({ at }) => clock.now() - at < forgivenAfterMs);
  const hung = new Map<string, number>();
  for (const { node } of earlier) hung.set(node, (hung.get(node) ?? 0) + 1);
  const beats = new Int32Array(new SharedArrayBuffer(8));
  const name = new Uint8Array(new SharedArrayBuffer(nameBytes));
  const encoder = new TextEncoder();
  const worker = new Worker(thread, {
    eval: true,
    workerData: { beats, name, limitMs, file, earlier },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
  worker.unref();
  worker.on('error', () => {});
  let beating = true;
  const beat = (): void => {
    Atomics.add(beats, 0, 1);
    if (beating) clock.after(limitMs / 4, beat);
  };
  beat();
  const names = new Map<string, Uint8Array>();
  return {
    hung,
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
      }
    },
    async stop() {
      beating = false;
      await worker.terminate();
    },
  };
}

/** No thread: for tests on a virtual clock, which stands still on purpose. */
export const noWatchdog: Watchdog = { during: (_, work) => work(), hung: new Map(), stop: () => Promise.resolve() };

function readRecord(file: string): { node: string; at: number }[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(parsed) ? parsed.filter((item) => typeof item?.node === 'string' && typeof item?.at === 'number').slice(-20) : [];
  } catch {
    return [];
  }
}
