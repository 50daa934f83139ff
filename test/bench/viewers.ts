/**
 * What those who look take of `live`, and of each other: viewers on WebSockets while a thousand events a second come, half of whom ask
 * for everything and never read. A sluice with nothing but its page and that monitor; the viewers in a process of their own.
 *
 * Before, while and after the stuck ones are there the readers' latency is taken, so that a machine that slows down is not
 * taken for them. The memory of events is full before the first viewer comes: what grows then is the viewers' doing.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import { freePort, listening } from '../fixtures/rabbitmq.ts';
import type { Order, Seen } from './shared/crowd.ts';
import { type Bench, type Figure, quantile } from './shared/figure.ts';
import type { Held } from './shared/served.ts';
import { usageOf } from './shared/usage.ts';

interface Size {
  /** Viewers of each sort. */
  readonly viewers: number;
  /** Milliseconds until the memory of events is full, with the stuck ones, and without before and after. */
  readonly fillMs: number;
  readonly withMs: number;
  readonly withoutMs: number;
}
const sizes: Record<'short' | 'full', Size> = {
  short: { viewers: 20, fillMs: 1000, withMs: 2000, withoutMs: 1000 },
  full: { viewers: 100, fillMs: 40_000, withMs: 120_000, withoutMs: 60_000 },
};
const startMs = 30_000;
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Starts a file of this folder in a process that ends with this one. */
function start(file: string, words: readonly string[], flags: readonly string[] = []): ChildProcess {
  const child = fork(pathOf(file), words, { execArgv: [...process.execArgv, ...flags], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

async function ask<Answer>(child: ChildProcess, order: unknown): Promise<Answer> {
  if (child.exitCode !== null) throw new Error('a process of the bench ended');
  child.send(order as Order);
  const [answer] = (await once(child, 'message')) as [Answer];
  return answer;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  if (child.connected) child.disconnect();
  await ended;
}

async function measure({ viewers, fillMs, withMs, withoutMs }: Size): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-viewers-'));
  const port = await freePort();
  const config = join(folder, 'config.yaml');
  const live = { use: 'live', megabytes: 16, listen: `127.0.0.1:${port}` };
  writeFileSync(config, JSON.stringify({ run: ['live'], nodes: [live, { use: pathOf('nodes/pulse.ts') }] }));
  const sluice = start('shared/served.ts', [config, join(folder, 'state')], ['--expose-gc']);
  let crowd: ChildProcess | undefined;
  try {
    const deadline = systemClock.monotonic() + startMs;
    while (!(await listening(port))) {
      if (sluice.exitCode !== null || systemClock.monotonic() > deadline) throw new Error('sluice did not open its page');
      await systemClock.sleep(50);
    }
    await systemClock.sleep(fillMs);
    const empty = await ask<Held>(sluice, 'memory');
    crowd = start('shared/crowd.ts', [`${port}`, `${viewers}`]);
    await once(crowd, 'message');
    const watch = async (ms: number): Promise<Watched> => {
      // What happens at the change of company belongs to neither time; nor do the pauses for the collector.
      await systemClock.sleep(ms / 10);
      const first = await ask<Held>(sluice, 'memory');
      await ask<Seen>(crowd as ChildProcess, { report: true });
      const began = systemClock.monotonic();
      const { cpuMs } = usageOf(sluice);
      let resident = first.resident;
      for (let tenth = 0; tenth < 9; tenth++) {
        await systemClock.sleep(ms / 10);
        resident = Math.max(resident, usageOf(sluice).megabytes);
      }
      const cpu = (usageOf(sluice).cpuMs - cpuMs) / ((systemClock.monotonic() - began) / 1000);
      const seen = await ask<Seen>(crowd as ChildProcess, { report: true });
      const last = await ask<Held>(sluice, 'memory');
      return { seen, cpu, held: { live: Math.max(first.live, last.live), resident } };
    };
    const before = await watch(withoutMs);
    crowd.send({ stuck: viewers } satisfies Order);
    const beside = await watch(withMs);
    crowd.send({ stuck: 0 } satisfies Order);
    const after = await watch(withoutMs);
    return figures(empty, before, beside, after, viewers);
  } finally {
    await Promise.all([crowd, sluice].map((child) => child && end(child)));
    rmSync(folder, { recursive: true });
  }
}

/** `cpu`: milliseconds a second. */
type Watched = { readonly seen: Seen; readonly held: Held; readonly cpu: number };

function figures(empty: Held, before: Watched, beside: Watched, after: Watched, viewers: number): Figure[] {
  const ascending = (...all: readonly Watched[]) => all.flatMap(({ seen }) => seen.late).sort((one, other) => one - other);
  const alone = ascending(before, after);
  const stuck = ascending(beside);
  const p99 = (late: readonly number[]) => quantile(late, 0.99);
  const there = `${beside.seen.stuck} stuck at the end, ${beside.seen.letGo} let go and come again`;
  return [
    {
      what: 'growth of heap and buffers',
      value: beside.held.live - empty.live,
      unit: 'MB',
      budget: { most: 50 },
      yardstick: { what: 'with those that read alone', value: before.held.live - empty.live },
      of: `${viewers} read, ${viewers} never; ${there}`,
    },
    {
      what: 'growth of the process',
      value: beside.held.resident - empty.resident,
      unit: 'MB RSS',
      budget: { most: 50 },
      yardstick: { what: 'with those that read alone', value: before.held.resident - empty.resident },
      of: 'the most of what was seen, garbage included',
    },
    {
      what: 'CPU with the stuck',
      value: beside.cpu,
      unit: 'ms/s',
      yardstick: { what: 'without them, before and after', value: (before.cpu + after.cpu) / 2 },
      of: 'all of the process; what a busy machine changes least',
    },
    {
      what: 'p99 of the readers beside the stuck',
      value: p99(stuck),
      unit: 'ms',
      budget: { most: p99(alone) * 1.2 },
      yardstick: { what: 'without them, before and after', value: p99(alone) },
      of: `medians ${quantile(stuck, 0.5)} and ${quantile(alone, 0.5)}; ${stuck.length} and ${alone.length} frames; ${beside.seen.dropped} and ${before.seen.dropped + after.seen.dropped} events dropped`,
    },
  ];
}

export default {
  doc: 'what viewers that never read take of live, and of those that do, at 1,000 events/s',
  async run(size) {
    if (!existsSync(pathOf('../../dist/core/cli/main.js'))) throw new Error('dist/ is not built; npm run build');
    return measure(sizes[size]);
  },
} satisfies Bench;
