/**
 * How much faster than time a backtest is: what one server's default monitors say, with its heartbeats, through the default
 * filters that a hub runs: from memory, from a file, and from the store, in its process and over HTTP. The yardstick only
 * parses the same lines.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import type { Event } from '../../core/event.ts';
import { backtest } from '../../core/history/backtest.ts';
import { fileHistory } from '../../core/history/file.ts';
import { toLine } from '../../core/history/line.ts';
import { remoteHistory } from '../../core/history/remote.ts';
import type { History, Received } from '../../core/history.ts';
import type { Kind, Point } from '../../core/kinds.ts';
import { memoryHistory } from '../../core/testing/history.ts';
import { testServices } from '../../core/testing/services.ts';
import roster from '../../nodes/filters/roster/roster.ts';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { openLive } from '../../nodes/sinks/live/server.ts';
import { type Archive, openArchive } from '../../nodes/sinks/store/archive.ts';
import { dayStart, seeded, utilization } from '../fixtures/day.ts';
import { type Bench, cpuOf, type Figure } from './shared/figure.ts';

const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
const trial = {
  about,
  filters: [
    { name: 'threshold', node: threshold, config: threshold.config.parse({}), confighash: 'b', reads: threshold.in },
    { name: 'roster', node: roster, config: roster.config.parse({}), confighash: 'b', reads: roster.in },
  ],
};
const random = seeded(1);
const points = (count: number, name: string): Point[] =>
  Array.from({ length: count }, (_, index) => ({ name, value: random(), unit: '1', attributes: { 'system.state': `s${index}` } }));

/** What each default monitor says, how often, and with how many points: as on a machine with two cores, disks and interfaces. */
const monitors: readonly [resource: string, every: number, points: () => Point[]][] = [
  ['cpu', 1, () => points(24, 'system.cpu.utilization')],
  ['memory', 1, () => points(12, 'system.memory.usage')],
  ['network', 1, () => points(16, 'system.network.io')],
  ['disk', 1, () => points(16, 'system.disk.io')],
  ['filesystem', 5, () => [utilization('/', 0.4 + random() / 100), ...points(20, 'system.filesystem.usage')]],
  ['load', 5, () => points(6, 'system.cpu.load_average.1m')],
  ['processes', 10, () => points(8, 'system.processes.count')],
  ['clock', 60, () => points(3, 'system.clock.frequency')],
  ['uptime', 60, () => points(2, 'system.uptime')],
];

function recorded(seconds: number): Received[] {
  const kept: Received[] = [];
  const say = (kind: Kind, resource: string, time: number, data: unknown): void => {
    const key = ['acme.shop.prod.web-1', resource].filter(Boolean).join('.');
    const source = `/acme/shop/prod/web-1/${resource || 'sluice'}`;
    const event = { id: `e${kept.length}`, kind, key, source, bootid: 'boot', sequence: kept.length, time, data } as Event;
    kept.push({ event, received: time + 20 });
  };
  for (let second = 0; second < seconds; second++) {
    const time = dayStart + second * 1000;
    for (const [resource, every, made] of monitors) if (second % every === 0) say('metric', resource, time, { points: made() });
    if (second % 5 === 0) say('heartbeat', '', time, { boot: 'boot', interval: 5, labels: {}, versions: {} });
  }
  return kept;
}

/** All of it in a store of its own, closed into files; what came in one second in one write. */
async function stored(folder: string, kept: readonly Received[]): Promise<Archive> {
  let now = dayStart;
  const ever = Number.POSITIVE_INFINITY;
  const open = () => openArchive({ folder, keep: { raw: ever, minute: ever, hour: ever, bytes: ever }, say: () => {}, now: () => now });
  const archive = await open();
  for (let first = 0; first < kept.length; ) {
    now = kept[first]?.received ?? now;
    let next = first;
    while (kept[next]?.received === now) next += 1;
    await archive.write(kept.slice(first, next).map(({ event }) => event));
    first = next;
  }
  await archive.close();
  return open();
}

export default {
  doc: "times real time at which one server's default metrics are tried again on threshold and roster; one core, decoding with it",
  async run(size) {
    // Held in memory, an hour stands for the day: each hour of it is alike.
    const seconds = size === 'short' ? 120 : 3600;
    const kept = recorded(seconds);
    const lines = kept.map(toLine);
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
    const store = await stored(join(folder, 'history'), kept);
    const server = await openLive(
      { host: '127.0.0.1', port: 0 },
      { seconds: 60, bytes: 1_048_576, viewers: 1 },
      testServices({ history: store.history }),
    );
    try {
      const file = join(folder, 'day.jsonl');
      await writeFile(file, lines.join(''));
      const parsing = await cpuOf(async () => {
        for (const line of (await readFile(file, 'utf8')).split('\n')) if (line !== '') JSON.parse(line);
      });
      const pasts: [what: string, history: History][] = [
        ['from memory', memoryHistory(kept)],
        ['from a file', fileHistory(file, () => {})],
        ['from the store, in its process', store.history],
        ['from the store over HTTP, both ends in one process', remoteHistory(server.url)],
      ];
      const figures: Figure[] = [];
      for (const [what, history] of pasts) {
        const span = { from: dayStart, to: dayStart + seconds * 1000 + 1000 };
        const began = systemClock.monotonic();
        const { events } = await backtest(history, trial, span);
        const took = (systemClock.monotonic() - began) / 1000;
        if (events !== kept.length) throw new Error(`${what}: ${events} of ${kept.length} events were read`);
        figures.push({
          what,
          value: seconds / took,
          unit: '× real time',
          budget: { least: 1000 },
          yardstick: { what: 'parsing alone', value: seconds / parsing },
          of: `${kept.length} events of ${Math.round(bytes / kept.length)} bytes, ${Math.round(kept.length / took).toLocaleString('en')} events/s`,
        });
      }
      return figures;
    } finally {
      await server.close();
      await store.close();
      await rm(folder, { recursive: true });
    }
  },
} satisfies Bench;
