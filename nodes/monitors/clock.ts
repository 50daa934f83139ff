/**
 * Tells whether the machine's clock is right, as the program that keeps it says: logs, certificates and rules need it.
 *
 * chronyc, or else timedatectl → `system.clock.synchronized` (1 or 0), and from chrony also `system.clock.offset` (s; how far
 * the clock is ahead of true time, negative when behind). Where neither can tell, there is no point and no complaint.
 *
 * A machine cannot see its own error: this is what its time servers let it know. The roster compares clocks as well.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { defineMonitor, z } from 'sluice';
import { metric, type PointInput } from './shared/metric.ts';

const run = promisify(execFile);

export default defineMonitor({
  name: 'clock',
  doc: "Tells whether the machine's clock is kept right, and how far off it is, as chrony or systemd says.",
  config: z.strictObject({}),
  out: ['metric'],
  // Each sample starts a program.
  every: 60_000,
  create: () => ({
    async sample(signal) {
      const points =
        parseTracking(await output('chronyc', ['-c', 'tracking'], signal)) ??
        parseSynchronized(await output('timedatectl', ['show', '--property=NTPSynchronized', '--value'], signal));
      return metric(['clock'], points ?? []);
    },
  }),
});

/** What a program prints; nothing when it is absent, fails or takes longer than five seconds. */
async function output(file: string, args: string[], signal: AbortSignal): Promise<string> {
  try {
    return (await run(file, args, { signal, timeout: 5000, killSignal: 'SIGKILL', maxBuffer: 65_536 })).stdout;
  } catch {
    return '';
  }
}

const synchronized = (value: 0 | 1): PointInput => ({ name: 'system.clock.synchronized', value, unit: '1' });

/** Reads `chronyc -c tracking`: the fifth field is how many seconds behind the clock is, the last whether that can be trusted. */
export function parseTracking(csv: string): PointInput[] | undefined {
  const fields = csv.trim().split(',');
  if (fields.length < 14) return undefined;
  if (!['Normal', 'Insert second', 'Delete second'].includes(fields.at(-1) ?? '')) return [synchronized(0)];
  return [synchronized(1), { name: 'system.clock.offset', value: 0 - Number.parseFloat(fields[4] ?? ''), unit: 's' }];
}

/** Reads the `yes` or `no` of timedatectl. */
export function parseSynchronized(text: string): PointInput[] | undefined {
  const answer = text.trim();
  return answer === 'yes' || answer === 'no' ? [synchronized(answer === 'yes' ? 1 : 0)] : undefined;
}
