/**
 * What one sample of each monitor costs: every one under nodes/monitors that samples and needs no config, on this machine. The
 * median CPU of a sample, of all threads, with what programs it starts cost beside it. Bounded: 200 samples or 2 s each.
 */
import { readFileSync } from 'node:fs';
import { type AnyMonitor, isNode, type Sampler } from 'sluice';
import { systemClock } from '../../core/clock.ts';
import { loadFound, scan } from '../../core/runtime/load.ts';
import { type Bench, cpuOf, type Figure, quantile } from './shared/figure.ts';

/** The built-in monitors that sample and run without a config. */
export async function samplers(): Promise<{ monitor: AnyMonitor; sampler: Sampler }[]> {
  const found = await Promise.all(
    scan()
      .filter(({ sort }) => sort === 'monitor')
      .map(loadFound),
  );
  return found.flatMap((node) => {
    if (!isNode(node) || node.sort !== 'monitor') return [];
    const config = node.config.safeParse({});
    const made = config.success ? node.create(config.data) : undefined;
    return made && 'sample' in made ? [{ monitor: node, sampler: made }] : [];
  });
}

/** CPU of programs that were started and have ended, in ms: fields 16 and 17 of /proc/self/stat, in hundredths of a second. */
function childrenMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

async function measure({ monitor, sampler }: { monitor: AnyMonitor; sampler: Sampler }, most: number): Promise<Figure & { rate: number }> {
  const costs: number[] = [];
  let points = 0;
  await sampler.start?.();
  const children = childrenMs();
  const end = systemClock.monotonic() + 2000;
  while (costs.length < most && systemClock.monotonic() < end) {
    const seconds = await cpuOf(async () => {
      const drafts = await sampler.sample(new AbortController().signal);
      points = drafts.reduce((sum, draft) => sum + (draft.kind === 'metric' ? draft.data.points.length : 0), 0);
    });
    costs.push(seconds * 1e6);
  }
  await sampler.stop?.();
  const programs = ((childrenMs() - children) * 1000) / costs.length;
  const median = quantile(
    costs.sort((one, other) => one - other),
    0.5,
  );
  const started = programs > 0 ? `, and ${Math.round(programs)} us of programs` : '';
  return {
    what: `a sample of ${monitor.name}`,
    value: median + programs,
    unit: 'us CPU',
    of: `${points} points each ${monitor.every / 1000} s, ${costs.length} samples${started}`,
    rate: (median + programs) / monitor.every,
  };
}

export default {
  doc: 'what one sample of each monitor costs',
  async run(size) {
    const most = size === 'short' ? 10 : 200;
    const reads = 1000;
    const bare = await cpuOf(() => {
      for (let read = 0; read < reads; read++) readFileSync('/proc/stat', 'utf8');
    });
    const yardstick = { what: 'one bare read of /proc/stat', value: (bare / reads) * 1e6 };
    const measured: (Figure & { rate: number })[] = [];
    for (const each of await samplers()) measured.push(await measure(each, most));
    const all = measured.reduce((sum, { rate }) => sum + rate, 0);
    return [
      ...measured.map(({ rate: _, ...figure }) => ({ ...figure, yardstick })),
      { what: 'all of them, at their intervals', value: all, unit: 'ms CPU/s', of: 'an agent as a whole may take 10' },
    ];
  },
} satisfies Bench;
