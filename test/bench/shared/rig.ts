/**
 * A whole fleet in three processes: the servers, a broker of their own, and a hub with threshold, rollup and the store. What the
 * hub has stored is compared in the end with what the servers wrote.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../core/clock.ts';
import type { Written } from '../../../core/demo/ledger.ts';
import { originalId } from '../../../core/event.ts';
import type { Kind } from '../../../core/kinds.ts';
import { openArchive } from '../../../nodes/sinks/store/archive.ts';
import { keepAll } from '../../../nodes/sinks/store/tiers.ts';
import type { Broker } from '../../fixtures/rabbitmq.ts';
import type { Asked, FleetPart, Progress, Sent, Told } from './fleet-part.ts';
import type { Told as HubTold } from './part.ts';
import { type Queues, watchQueues } from './queues.ts';

/** Nodes of the hub, each with a queue of its own. */
export const readers = ['threshold', 'rollup', 'store'] as const;
const telemetry = readers.map((name) => `sluice.${name}.telemetry`);

/** What is so at one moment. CPU in milliseconds since the start. */
export interface Moment {
  readonly at: number;
  readonly fleet: Progress;
  readonly hub: HubTold;
  readonly brokerMs: number;
  /** Messages ready in all queues of metrics and logs. */
  readonly queued: number;
}

export interface Rig {
  now(): Promise<Moment>;
  /** Each sample of a server tells so many readings from now on. */
  readings(count: number): void;
  /** Messages that it sent lately. */
  sample(count: number): Promise<readonly Sent[]>;
  /** The servers end; resolves with what they wrote, once all of it has come through the hub, or it takes too long. */
  drain(): Promise<readonly Written[]>;
  /** Ends all, and looks into the store. */
  judge(written: readonly Written[]): Promise<Verdict>;
  remove(): Promise<void>;
}

/** By kind: events that were written; those of them that are not in the store, and those that are there twice; and points. */
export interface Verdict {
  readonly kinds: readonly { readonly kind: Kind; readonly written: number; readonly stored: number; readonly same: boolean }[];
  readonly points: { readonly written: number; readonly stored: number };
  /** Milliseconds from a reading to when the store's writer had it. */
  readonly behindMs: { readonly median: number; readonly p99: number };
}

const patienceMs = 180_000;
/** Seconds without anything to do, and how much CPU in one of them is nothing. */
const quietLooks = 4;
const busyMs = 100;
/** A bench that is cut short leaves no process behind. */
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
const bench = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface RigWish extends Omit<FleetPart, 'url' | 'state'> {
  /** The nodes of each process of the hub. Default: all in one. */
  readonly hubs?: readonly (readonly string[])[];
}

export async function startRig(broker: Broker, { hubs = [readers], ...wish }: RigWish): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-fleet-'));
  const children: ChildProcess[] = [];
  const start = (file: string, words: string[]): ChildProcess => {
    const child = fork(bench(file), words);
    children.push(child);
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    return child;
  };
  const tolds = hubs.map((): HubTold => ({ given: {}, lag: {}, cpuMs: 0 }));
  let hub = together(tolds);
  let progress: Progress = { events: 0, points: 0, waiting: 0, messages: 0, bytes: 0, cpuMs: 0 };
  let streams: readonly Written[] | undefined;
  let sampled: ((sample: readonly Sent[]) => void) | undefined;

  for (const [index, run] of hubs.entries()) {
    const file = join(folder, `hub-${index}.yaml`);
    writeFileSync(file, JSON.stringify({ host: `bench-${index}`, bus: [broker.url], run, heartbeat: '5s' }));
    start('part.ts', [file, join(folder, `hub-${index}`)]).on('message', (told) => {
      tolds[index] = told as HubTold;
      hub = together(tolds);
    });
  }
  const wait = async (what: string, isThere: () => boolean): Promise<boolean> => {
    const began = systemClock.monotonic();
    while (!isThere()) {
      if (children.some(({ exitCode }) => exitCode !== null && exitCode !== 0)) throw new Error(`${what}: a process of the bench died`);
      if (systemClock.monotonic() - began > patienceMs) return false;
      await systemClock.sleep(50);
    }
    return true;
  };
  if (!(await wait('the hub', () => readers.every((name) => hub.given[name] !== undefined)))) throw new Error('the hub did not start');
  const fleetChild = start('fleet-part.ts', [
    JSON.stringify({ ...wish, url: broker.url, state: join(folder, 'fleet') } satisfies FleetPart),
  ]);
  fleetChild.on('message', (told: Told) => {
    if ('progress' in told) progress = told.progress;
    if ('streams' in told) streams = told.streams;
    if ('sample' in told) sampled?.(told.sample);
  });
  const ask = (asked: Asked): void => void fleetChild.send(asked);
  const queues: Queues = await watchQueues(broker.url, telemetry);
  if (!(await wait('the servers', () => progress.events > 0))) throw new Error('the servers did not start');
  const depth = async (): Promise<number> => Object.values(await queues.depths()).reduce((sum, count) => sum + count, 0);

  return {
    async now() {
      const queued = await depth();
      return { at: systemClock.monotonic(), fleet: progress, hub, brokerMs: cpuOfProcess(broker.pid()), queued };
    },
    readings: (count) => ask({ readings: count }),
    sample: (count) =>
      new Promise((resolve) => {
        sampled = resolve;
        ask({ sample: count });
      }),
    async drain() {
      ask({ end: true });
      await wait('the servers', () => streams !== undefined);
      const written = streams ?? [];
      const metrics = written.filter(({ kind }) => kind === 'metric').reduce((sum, { events }) => sum + events, 0);
      await wait('the hub', () => (hub.given.threshold ?? 0) >= metrics && (hub.given.rollup ?? 0) >= metrics);
      // The store is given everything, also what has an end: it is through when it is given no more, and has nothing left to do.
      for (let quiet = 0, before = hub; quiet < quietLooks; before = hub) {
        await systemClock.sleep(1000);
        const idle = hub.given.store === before.given.store && hub.cpuMs - before.cpuMs < busyMs && (await depth()) === 0;
        quiet = idle ? quiet + 1 : 0;
      }
      return written;
    },
    async judge(written) {
      await Promise.all(children.map(ended));
      return compare(join(folder, `hub-${hubs.findIndex((run) => run.includes('store'))}`, 'history'), written);
    },
    async remove() {
      await queues.close().catch(() => {});
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the processes of a hub tell, as one. */
const together = (tolds: readonly HubTold[]): HubTold => ({
  given: Object.assign({}, ...tolds.map(({ given }) => given)),
  lag: Object.assign({}, ...tolds.map(({ lag }) => lag)),
  cpuMs: tolds.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.send('stop');
  await exit;
}

/** CPU of a process so far, all threads, in milliseconds: fields 14 and 15, in hundredths of a second. */
function cpuOfProcess(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** As many ids, whose digests come to the same: then they are the same ids, each once. One twice and one missing would show. */
const digestSql = "bit_xor(('0x' || substr(md5(id), 1, 15))::BIGINT)";
const digestOf = (id: string): bigint => BigInt(`0x${createHash('md5').update(id).digest('hex').slice(0, 15)}`);

async function compare(folder: string, written: readonly Written[]): Promise<Verdict> {
  const archive = await openArchive({ now: systemClock.now, folder, keep: keepAll, say: console.error });
  try {
    const row = async (sql: string) => (await archive.history.query(sql, { time: 240_000 })).rows[0] ?? [];
    const ours = "source LIKE '/acme/%'";
    const kinds = await Promise.all(
      (['metric', 'log'] as const).map(async (kind) => {
        let [count, digest] = [0, 0n];
        for (const { source, bootid, key, events, kind: own } of written) {
          if (own !== kind) continue;
          count += events;
          for (let sequence = 1; sequence <= events; sequence++) digest ^= digestOf(originalId(source, bootid, kind, key, sequence));
        }
        const sql = `SELECT count(*), ${digestSql}::VARCHAR FROM events WHERE kind = '${kind}' AND ${ours}`;
        const [stored, theirs] = await row(sql);
        const same = Number(stored) === count && String(theirs ?? 0) === String(digest);
        return { kind, written: count, stored: Number(stored), same };
      }),
    );
    const [points] = await row(`SELECT count(*) FROM points WHERE company = 'acme'`);
    const [median, p99] = await row(
      `SELECT median(ms), quantile_cont(ms, 0.99) FROM (SELECT epoch_ms(received) - epoch_ms(time) AS ms FROM events WHERE kind = 'metric' AND ${ours})`,
    );
    return {
      kinds,
      points: { written: written.reduce((sum, stream) => sum + stream.points, 0), stored: Number(points) },
      behindMs: { median: Number(median), p99: Number(p99) },
    };
  } finally {
    await archive.close();
  }
}
