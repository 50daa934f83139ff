/**
 * Tells what disks read and write, and how long they were at it.
 *
 * /proc/diskstats → `system.disk.io` (By), `.operations`, `.operation_time` (s) by `disk.io.direction`, and
 * `system.disk.io_time` (s): counters since boot, each by `system.device`. The growth of `io_time` in a second is the
 * share of it in which the disk was busy.
 *
 * Partitions are left out, since their disk counts the same bytes, and so is what is no disk of its own (loop, RAM).
 * A disk below a RAID or LVM device counts what that counts again.
 */
import { defineMonitor, z } from 'sluice';
import { type Disk, disksElsewhere, type Transfer } from './shared/elsewhere.ts';
import { metric, type PointInput } from './shared/metric.ts';
import { matchesAny, names } from './shared/names.ts';
import { checkRoot, isLinux, listProc, procRoot, readProc, sysRoot } from './shared/proc.ts';

const notDisks = ['loop*', 'ram*', 'zram*', 'fd*', 'sr*'];

export default defineMonitor({
  name: 'disk',
  doc: 'Tells what each disk reads and writes, how many operations that takes, and how long it was busy.',
  config: z.strictObject({
    root: procRoot,
    sys: sysRoot,
    per: z.enum(['disk', 'partition']).default('disk'),
    exclude: names(notDisks),
  }),
  out: ['metric'],
  every: 1000,
  create({ root, sys, per, exclude }) {
    const read = (): Disk[] => {
      const isDisk = diskTest(listProc('disk', sys, 'block'));
      return parseDiskstats(readProc('disk', root, 'diskstats') ?? '').filter(({ device = '' }) => per === 'partition' || isDisk(device));
    };
    return {
      start: () => checkRoot('disk', root),
      async sample() {
        const disks = isLinux ? read() : await disksElsewhere();
        return metric(['disk'], disks.filter(({ device = '' }) => !matchesAny(device, exclude)).flatMap(pointsOf));
      },
    };
  },
});

function pointsOf({ device, read, write, busy }: Disk): PointInput[] {
  const where = device === undefined ? {} : { 'system.device': device };
  const way = (direction: string, { bytes, operations, seconds }: Transfer): PointInput[] => {
    const attributes = { ...where, 'disk.io.direction': direction };
    return [
      { name: 'system.disk.io', value: bytes, type: 'counter', unit: 'By', attributes },
      { name: 'system.disk.operations', value: operations, type: 'counter', unit: '{operation}', attributes },
      { name: 'system.disk.operation_time', value: seconds, type: 'counter', unit: 's', attributes },
    ];
  };
  return [
    ...way('read', read),
    ...way('write', write),
    { name: 'system.disk.io_time', value: busy, type: 'counter', unit: 's', attributes: where },
  ];
}

/** The unit of diskstats, whatever a disk's own sectors are. */
const sectorBytes = 512;

/** Reads /proc/diskstats: 14 fields a line, to which later kernels have added discards (4.18) and flushes (5.5). */
export function parseDiskstats(text: string): Disk[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/ +/);
    const [, , device] = fields;
    // Kernels before 2.6.25 gave partitions 7 fields.
    if (device === undefined || fields.length < 14) return [];
    const at = (index: number) => Number(fields[index]);
    const transfer = (first: number): Transfer => ({
      operations: at(first),
      bytes: at(first + 2) * sectorBytes,
      seconds: at(first + 3) / 1000,
    });
    return [{ device, read: transfer(3), write: transfer(7), busy: at(12) / 1000 }];
  });
}

/** Tells disks from partitions: /sys/block lists the disks, writing a slash as `!`. Where it cannot be seen, by the name. */
export function diskTest(blocks: readonly string[] | undefined): (device: string) => boolean {
  if (blocks === undefined) return (device) => !/^((sd|vd|hd|xvd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+|nbd\d+)p\d+)$/.test(device);
  const disks = new Set(blocks);
  return (device) => disks.has(device.replaceAll('/', '!'));
}
