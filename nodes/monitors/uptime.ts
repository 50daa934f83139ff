/**
 * Tells how long the machine has been up, so that a restart that nobody asked for is seen.
 *
 * /proc/uptime → `system.uptime` (s). In a container it is the machine's, unless its runtime shows another.
 */
import { uptime } from 'node:os';
import { defineMonitor, z } from 'sluice';
import { metric } from './shared/metric.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';

export default defineMonitor({
  name: 'uptime',
  doc: 'Tells how long the machine has been up, so that a restart that nobody asked for is seen.',
  config: z.strictObject({ root: procRoot }),
  out: ['metric'],
  every: 60_000,
  create: ({ root }) => ({
    start: () => checkRoot('uptime', root),
    sample() {
      const seconds = isLinux ? Number.parseFloat(readProc('uptime', root, 'uptime') ?? '') : uptime();
      return metric(['uptime'], [{ name: 'system.uptime', value: seconds, unit: 's' }]);
    },
  }),
});
