/**
 * What an agent takes of the server that it watches: a real process with the default monitors, on the embedded bus and on
 * RabbitMQ, as the kernel counts it in /proc/<pid>/stat and status. All run side by side with the yardstick, a bare Node that
 * wakes once a second, so that a busy machine is as busy for each. The figure is of the time after a warm-up.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import { type Bench, type Figure, withBroker } from './shared/figure.ts';
import { endNode, startNode, usageOf } from './shared/usage.ts';

const command = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
async function measure(url: string | undefined, warmMs: number, spanMs: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-agent-'));
  const agent = (name: string, bus: string): ChildProcess =>
    startNode([command, 'run', '--only', 'agent', '--host', name, '--bus', bus, '--state', join(folder, name)]);
  const bare = startNode(['-e', 'setInterval(() => {}, 1000)']);
  const agents = new Map([['embedded', agent('bench-1', 'embedded')]]);
  if (url) agents.set('RabbitMQ', agent('bench-2', url));
  try {
    await systemClock.sleep(warmMs);
    const all = [bare, ...agents.values()];
    const began = systemClock.monotonic();
    const before = all.map(usageOf);
    await systemClock.sleep(spanMs);
    const after = all.map(usageOf);
    const seconds = (systemClock.monotonic() - began) / 1000;
    const cpu = after.map(({ cpuMs }, index) => (cpuMs - (before[index]?.cpuMs ?? 0)) / seconds);
    const memory = after.map(({ megabytes }) => megabytes);
    const beside = (values: readonly number[]) => ({ what: 'a bare Node that wakes each second', value: values[0] ?? 0 });
    return [...agents.keys()].flatMap((bus, index) => [
      {
        what: `CPU, ${bus}`,
        value: cpu[index + 1] ?? 0,
        unit: 'ms/s',
        budget: { most: 10 },
        yardstick: beside(cpu),
        of: `over ${Math.round(seconds)} s`,
      },
      { what: `memory, ${bus}`, value: memory[index + 1] ?? 0, unit: 'MB RSS', budget: { most: 90 }, yardstick: beside(memory) },
    ]);
  } finally {
    await Promise.all([bare, ...agents.values()].map(endNode));
    rmSync(folder, { recursive: true });
  }
}

export default {
  doc: 'what an agent with the default monitors takes of its server',
  async run(size) {
    if (process.platform !== 'linux') throw new Error('it reads /proc, which this system does not have');
    if (!existsSync(command)) throw new Error('dist/ is not built; npm run build');
    const [warmMs, spanMs] = size === 'short' ? [2000, 3000] : [20_000, 30_000];
    const figures = await withBroker((url) => measure(url, warmMs, spanMs));
    return figures.length > 0 ? figures : measure(undefined, warmMs, spanMs);
  },
} satisfies Bench;
