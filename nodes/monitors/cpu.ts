/**
 * Tells how busy the processors are and with what, for a machine as a whole or per core.
 *
 * /proc/stat → `system.cpu.time` (s, counter) and `system.cpu.utilization` (0..1) by `cpu.mode`; per core also by
 * `cpu.logical_number`. The modes of one utilization add up to 1; busy is what is not `idle` or `iowait`.
 *
 * Utilization is over the time since the sample before, so the first sample has none. In a container these are the
 * machine's processors, not the share that the container may use.
 */
import { cpus } from 'node:os';
import { defineMonitor, z } from 'sluice';
import { metric, type PointInput } from './shared/metric.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';

const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const;

/** Seconds in each of `modes` since boot. NaN: this system does not tell. */
type Times = readonly number[];

/** By logical number; the whole machine, a sum over its cores, is ''. */
type Reading = ReadonlyMap<string, Times>;

/** The kernel counts for programs in hundredths of a second, whatever its own tick (USER_HZ, fixed on Linux). */
const ticksPerSecond = 100;

export default defineMonitor({
  name: 'cpu',
  doc: 'Tells how busy the processors are and with what, from what the kernel has counted.',
  config: z.strictObject({ root: procRoot, per: z.enum(['machine', 'core']).default('machine') }),
  out: ['metric'],
  every: 1000,
  create({ root, per }) {
    const read = () => (isLinux ? parseStat(readProc('cpu', root, 'stat') ?? '') : fromNode());
    let before: Reading = new Map();
    return {
      start: () => checkRoot('cpu', root),
      sample() {
        const now = read();
        const points: PointInput[] = [];
        for (const [core, times] of now) {
          if ((core === '') !== (per === 'machine')) continue;
          const where = core === '' ? {} : { 'cpu.logical_number': Number(core) };
          const shares = utilization(before.get(core), times);
          modes.forEach((mode, index) => {
            const attributes = { 'cpu.mode': mode, ...where };
            points.push(
              { name: 'system.cpu.time', value: times[index] ?? Number.NaN, type: 'counter', unit: 's', attributes },
              { name: 'system.cpu.utilization', value: shares[index] ?? Number.NaN, unit: '1', attributes },
            );
          });
        }
        before = now;
        return metric(['cpu'], points);
      },
    };
  },
});

/** Reads the `cpu` lines of /proc/stat. */
export function parseStat(text: string): Reading {
  const reading = new Map<string, Times>();
  for (let from = 0; text.startsWith('cpu', from); ) {
    const found = text.indexOf('\n', from);
    const end = found < 0 ? text.length : found;
    const [label = '', ...ticks] = text.slice(from, end).split(/ +/);
    // Time given to guests, the ninth and tenth, is also within user and nice.
    const [user, nice, system, idle, iowait, irq, softirq, steal] = ticks.map((count) => Number(count) / ticksPerSecond);
    const interrupt = (irq ?? Number.NaN) + (softirq ?? Number.NaN);
    reading.set(
      label.slice(3),
      [user, nice, system, idle, iowait, interrupt, steal].map((seconds) => seconds ?? Number.NaN),
    );
    from = end + 1;
  }
  return reading;
}

/** The same from Node itself, which asks macOS and Windows without starting a program. */
export function fromNode(): Reading {
  const reading = new Map<string, Times>();
  const sum = new Array<number>(modes.length).fill(0);
  cpus().forEach(({ times }, core) => {
    const seconds = [times.user, times.nice, times.sys, times.idle, Number.NaN, times.irq, Number.NaN].map((ms) => ms / 1000);
    seconds.forEach((value, index) => {
      sum[index] = (sum[index] ?? 0) + value;
    });
    reading.set(String(core), seconds);
  });
  return reading.set('', sum);
}

/** Each mode's share of the time between two readings; empty when there is no telling. */
export function utilization(before: Times | undefined, now: Times): readonly number[] {
  // The kernel lets idle and iowait step back a little, and a core that goes offline takes its time with it.
  const spent = now.map((seconds, index) => Math.max(0, seconds - (before?.[index] ?? Number.NaN)));
  const total = spent.reduce((sum, seconds) => sum + (Number.isNaN(seconds) ? 0 : seconds), 0);
  return total > 0 ? spent.map((seconds) => seconds / total) : [];
}
