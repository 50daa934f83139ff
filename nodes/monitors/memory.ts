/**
 * Tells how much memory is in use and how much is left, with swap.
 *
 * /proc/meminfo → `system.memory.usage` (By) by `system.memory.state`, `system.memory.utilization` (0..1, `used`),
 * `system.memory.limit`, `system.memory.linux.available`; `system.paging.usage` and `.utilization` where there is swap.
 *
 * `used` is what programs could not get back: all but what the kernel calls available. So `used` and the caches overlap
 * a little and do not add up to the limit. In a container this is the machine's memory, not the container's share.
 */
import { defineMonitor, z } from 'sluice';
import { type Memory, memoryElsewhere } from './shared/elsewhere.ts';
import { metric, type PointInput } from './shared/metric.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';

export default defineMonitor({
  name: 'memory',
  doc: 'Tells how much memory and swap are in use, and how much is left for programs.',
  config: z.strictObject({ root: procRoot }),
  out: ['metric'],
  every: 1000,
  create: ({ root }) => ({
    start: () => checkRoot('memory', root),
    async sample() {
      return metric(['memory'], pointsOf(isLinux ? parseMeminfo(readProc('memory', root, 'meminfo') ?? '') : await memoryElsewhere()));
    },
  }),
});

function pointsOf(memory: Memory): PointInput[] {
  const { total, free, available, buffers, cached, swapTotal, swapFree } = memory;
  // Within a container, lxcfs may call more available than there is.
  const used = Math.max(0, total - available);
  const usage = (state: string, value: number): PointInput => ({
    name: 'system.memory.usage',
    value,
    type: 'updown',
    unit: 'By',
    attributes: { 'system.memory.state': state },
  });
  const swap = (state: string, value: number): PointInput => ({
    name: 'system.paging.usage',
    value,
    type: 'updown',
    unit: 'By',
    attributes: { 'system.paging.state': state },
  });
  return [
    { name: 'system.memory.limit', value: total, type: 'updown', unit: 'By' },
    usage('used', used),
    usage('free', free),
    usage('buffers', buffers),
    usage('cached', cached),
    { name: 'system.memory.utilization', value: used / total, unit: '1', attributes: { 'system.memory.state': 'used' } },
    ...(isLinux ? [{ name: 'system.memory.linux.available', value: available, type: 'updown' as const, unit: 'By' }] : []),
    ...(swapTotal > 0
      ? [
          swap('used', swapTotal - swapFree),
          swap('free', swapFree),
          {
            name: 'system.paging.utilization',
            value: (swapTotal - swapFree) / swapTotal,
            unit: '1',
            attributes: { 'system.paging.state': 'used' },
          },
        ]
      : []),
  ];
}

/** Reads /proc/meminfo, in bytes. */
export function parseMeminfo(text: string): Memory {
  const field = (name: string): number => {
    const at = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1;
    if (at === 0 && !text.startsWith(`${name}:`)) return Number.NaN;
    return Number.parseInt(text.slice(at + name.length + 1, at + name.length + 40), 10) * 1024;
  };
  const free = field('MemFree');
  const buffers = field('Buffers');
  // The kernel counts reclaimable slab apart, and gives it back like the page cache.
  const cached = field('Cached') + (field('SReclaimable') || 0);
  const available = field('MemAvailable');
  return {
    total: field('MemTotal'),
    free,
    // Before Linux 3.14 there was no better guess than free and caches.
    available: Number.isNaN(available) ? free + buffers + cached : available,
    buffers,
    cached,
    swapTotal: field('SwapTotal'),
    swapFree: field('SwapFree'),
  };
}
