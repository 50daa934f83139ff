/**
 * How fast the default agents' own mix comes into the store while rollup sums it up: real processes on real state. Embedded, an
 * agent and a hub are one process, as `sluice run` starts them; through RabbitMQ they are two. The agent writes for many servers
 * as fast as it may, and then at the rate that is demanded, for long enough that rollup closes minutes. In the end every event
 * and point that it wrote is in the store, once, or there is no figure.
 *
 * The time is from the agent's first event to when the store had written all but its last batch, and rollup had been given
 * everything; the last batch's points are left out. Behind is how long after it was written an event came to the store's writer.
 * The yardstick is DuckDB's appender alone with as many rows of points.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import type { Json } from '../../core/json.ts';
import { openArchive } from '../../nodes/sinks/store/archive.ts';
import { keepAll } from '../../nodes/sinks/store/tiers.ts';
import { appendAlone } from './shared/append.ts';
import { type Bench, type Figure, withBroker } from './shared/figure.ts';
import { type Load, ownMix } from './shared/mix.ts';
import type { Told } from './shared/part.ts';

const servers = 50;
const patienceMs = 150_000;
/** Points a second that are to be stored while they are summed up. */
const demanded = 100_000;
/** The feed's last event, which says that it is done: one event of one point. */
const last = 1;

interface Part {
  readonly child: ChildProcess;
  told: Told;
}

function start(folder: string, name: string, config: object): Part {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  const child = fork(fileURLToPath(new URL('shared/part.ts', import.meta.url)), [file, join(folder, name)]);
  const part: Part = { child, told: { given: {}, lag: {}, cpuMs: 0 } };
  child.on('message', (told) => {
    part.told = told as Told;
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return part;
}

async function end({ child }: Part): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.send('stop');
  await ended;
}

interface Through {
  readonly pointsPerSecond: number;
  readonly eventsPerWrite: number;
  /** From when an event was written to when the store's writer had it: the median, and the most. */
  readonly behindMs: readonly [median: number, most: number];
  /** CPU of all its processes, from their start on: the broker's is not among it. */
  readonly cpuMs: number;
}

/** Sends so many events of the load through processes of its own into a store, and looks into it afterwards. */
async function through({ drafts }: Load, url: string | undefined, events: number, perSecond?: number): Promise<Through> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-ingest-'));
  const bus = { host: 'bench', bus: url === undefined ? 'embedded' : [url] };
  const feed = { use: fileURLToPath(new URL('nodes/feed.ts', import.meta.url)), drafts: join(folder, 'drafts.json'), events, perSecond };
  writeFileSync(feed.drafts, JSON.stringify(drafts));
  const parts: Part[] = [];
  try {
    const readers = ['rollup', 'store'];
    const hub = start(folder, 'hub', url === undefined ? { ...bus, run: ['feed', ...readers], nodes: [feed] } : { ...bus, run: readers });
    parts.push(hub);
    const wait = async (what: string, isThere: () => boolean): Promise<number> => {
      const began = systemClock.monotonic();
      while (!isThere()) {
        const died = parts.find(({ child }) => child.exitCode !== null);
        if (died || systemClock.monotonic() - began > patienceMs)
          throw new Error(`${what}: not all came: ${JSON.stringify(hub.told.given)} of ${events + last}`);
        await systemClock.sleep(10);
      }
      return systemClock.now();
    };
    await wait('the hub did not start', () => hub.told.given.store !== undefined);
    if (url !== undefined) parts.push(start(folder, 'agent', { ...bus, run: ['feed'], nodes: [feed] }));
    const summedUp = await wait('rollup', () => (hub.told.given.rollup ?? 0) >= events + last);
    await wait('the store', () => (hub.told.given.store ?? 0) >= events + last);
    await systemClock.sleep(500);
    await Promise.all(parts.map(end));
    const cpuMs = parts.reduce((sum, { told }) => sum + told.cpuMs, 0);
    return { ...(await judge(join(folder, 'hub', 'history'), drafts, events, summedUp)), cpuMs };
  } finally {
    for (const { child } of parts) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

/** The feed's events, and their points: the processes tell of themselves too. */
const ours = "kind = 'metric' AND source LIKE '%/feed'";
const theirs = `event IN (SELECT number FROM events WHERE ${ours})`;

/** Compares what was stored with what the feed wrote. @throws when an event or a point is missing, or there twice. */
async function judge(folder: string, drafts: Load['drafts'], events: number, summedUp: number): Promise<Omit<Through, 'cpuMs'>> {
  const archive = await openArchive({ now: systemClock.now, folder, keep: keepAll, say: console.error });
  try {
    const first = async (sql: string): Promise<readonly Json[]> => (await archive.history.query(sql)).rows[0] ?? [];
    let points = last;
    for (let index = 0; index < events; index++) points += drafts[index % drafts.length]?.data.points.length ?? 0;
    const [stored, ids] = await first(`SELECT count(*), count(DISTINCT id) FROM events WHERE ${ours}`);
    const [storedPoints] = await first(`SELECT count(*) FROM points WHERE ${theirs}`);
    if (Number(stored) !== events + last || Number(ids) !== events + last || Number(storedPoints) !== points)
      throw new Error(`stored are ${stored} events (${ids} ids) and ${storedPoints} points; written were ${events + last} and ${points}`);
    const [begin, over, writes] = await first(
      `SELECT epoch_ms(min(time)), epoch_ms(max(received)), count(DISTINCT received) FROM events WHERE ${ours}`,
    );
    const [before] = await first(
      `SELECT count(*) FROM points WHERE ${theirs} AND received < (SELECT max(received) FROM events WHERE ${ours})`,
    );
    const behind = await first(
      `SELECT median(ms), max(ms) FROM (SELECT epoch_ms(received) - epoch_ms(time) AS ms FROM events WHERE ${ours})`,
    );
    const behindMs: [number, number] = [Number(behind[0]), Number(behind[1])];
    const ms = Math.max(Number(over), summedUp) - Number(begin);
    return { pointsPerSecond: (1000 * Number(before)) / ms, eventsPerWrite: (events + last) / Number(writes), behindMs };
  } finally {
    await archive.close();
  }
}

export default {
  doc: "the default agents' own mix into the store, with rollup running, in real processes",
  async run(size) {
    const [events, seconds] = size === 'short' ? [3000, 1] : [60_000, 90];
    const load = await ownMix(servers);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-ingest-'));
    const bare = await appendAlone(folder, size === 'short' ? 100_000 : 1_000_000, 2000, 20);
    rmSync(folder, { recursive: true });
    const measure = async (bus: string, url?: string): Promise<Figure[]> => {
      const { pointsPerSecond, eventsPerWrite, cpuMs } = await through(load, url, events);
      const perSecond = demanded / load.pointsPerEvent;
      const held = await through(load, url, Math.round(perSecond * seconds), perSecond);
      return [
        {
          what: `stored and summed up, ${bus}`,
          value: pointsPerSecond,
          unit: 'points/s',
          budget: { least: demanded },
          yardstick: { what: "DuckDB's appender alone", value: bare },
          of: `${load.pointsPerEvent.toFixed(1)} points an event, ${events} events of ${servers} servers, ${eventsPerWrite.toFixed(0)} events a write`,
        },
        { what: 'which takes', value: (cpuMs * 1000) / events, unit: 'us CPU/event', of: 'all its processes, threads and their start' },
        {
          what: `behind at ${demanded.toLocaleString('en')} points/s, ${bus}`,
          value: held.behindMs[1],
          unit: 'ms at most',
          of: `median ${held.behindMs[0].toFixed(0)} ms, over ${seconds} s${seconds > 75 ? ', in which minutes close' : ''}`,
        },
      ];
    };
    const figures = await measure('embedded, one process');
    return [...figures, ...(await withBroker((url) => measure('RabbitMQ, agent and hub', url)))];
  },
} satisfies Bench;
