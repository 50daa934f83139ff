/**
 * Tells how many tasks want to run: the queue for the processors, and on Linux for the disks too.
 *
 * /proc/loadavg → `system.cpu.load_average.1m`, `.5m`, `.15m`, the same over the number of cores as
 * `system.cpu.load_per_core.…`, which one threshold fits on machines of any size, and `system.cpu.logical.count`.
 *
 * Windows has no load average: there it is 0, as Node gives it.
 */
import { availableParallelism, loadavg } from 'node:os';
import { defineMonitor, z } from 'sluice';
import { metric, type PointInput } from './shared/metric.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';

const spans = ['1m', '5m', '15m'] as const;

export default defineMonitor({
  name: 'load',
  doc: 'Tells how many tasks want to run, over 1, 5 and 15 minutes, in all and per core.',
  config: z.strictObject({ root: procRoot }),
  out: ['metric'],
  // The kernel works it out each 5 seconds: oftener would read the same again.
  every: 5000,
  create: ({ root }) => ({
    start: () => checkRoot('load', root),
    sample() {
      const averages = isLinux ? parseLoad(readProc('load', root, 'loadavg') ?? '') : loadavg();
      const cores = isLinux ? countCores(readProc('load', root, 'stat') ?? '') : availableParallelism();
      const points: PointInput[] = [{ name: 'system.cpu.logical.count', value: cores || Number.NaN, type: 'updown', unit: '{cpu}' }];
      spans.forEach((span, index) => {
        const value = averages[index] ?? Number.NaN;
        points.push(
          { name: `system.cpu.load_average.${span}`, value, unit: '1' },
          { name: `system.cpu.load_per_core.${span}`, value: value / cores, unit: '1' },
        );
      });
      return metric(['load'], points);
    },
  }),
});

/** The averages over 1, 5 and 15 minutes. */
export const parseLoad = (text: string): number[] => text.split(' ').slice(0, 3).map(Number.parseFloat);

/** The cores that are online, as /proc/stat lists them. */
export const countCores = (stat: string): number => stat.match(/^cpu\d+ /gm)?.length ?? 0;
