import { expect, test } from 'vitest';
import disk, { diskTest } from './disk.ts';
import { disksElsewhere } from './shared/elsewhere.ts';
import { fixture, once, valueIn } from './shared/testing.ts';

const server = { root: fixture('server'), sys: fixture('server-sys') };
const devices = (points: Awaited<ReturnType<typeof once>>) => [...new Set(points.map((point) => point.attributes?.['system.device']))];

test('bytes, operations and seconds each way, and how long the disk was busy', async () => {
  const points = await once(disk, server);
  const sda = (name: string, direction?: string) =>
    valueIn(points, name, { 'system.device': 'sda', ...(direction && { 'disk.io.direction': direction }) });
  expect([sda('system.disk.io', 'read'), sda('system.disk.io', 'write')]).toEqual([2000 * 512, 4000 * 512]);
  expect([sda('system.disk.operations', 'read'), sda('system.disk.operations', 'write')]).toEqual([100, 50]);
  expect([sda('system.disk.operation_time', 'read'), sda('system.disk.operation_time', 'write')]).toEqual([0.3, 0.7]);
  expect(sda('system.disk.io_time')).toBe(0.9);
  expect(points.every(({ type }) => type === 'counter')).toBe(true);
});

test('disks and not their partitions, loops or RAM, as /sys tells them apart', async () => {
  expect(devices(await once(disk, server))).toEqual(['sda', 'nvme0n1', 'md0', 'cciss/c0d0']);
  expect(devices(await once(disk, { ...server, per: 'partition', exclude: [] }))).toEqual([
    ...['sda', 'sda1', 'loop0', 'nvme0n1', 'md0', 'cciss/c0d0', 'cciss/c0d0p1', 'ram0'],
  ]);
});

test('where /sys cannot be seen, by the name', () => {
  const isDisk = diskTest(undefined);
  expect(['sda', 'nvme0n1', 'dm-0', 'md127', 'mmcblk0', 'xvda'].filter((name) => !isDisk(name))).toEqual([]);
  expect(['sda1', 'nvme0n1p2', 'mmcblk0p1', 'xvda1', 'vdb12'].filter(isDisk)).toEqual([]);
});

test('kernels before 4.18 give 14 fields; a container gives an empty file or none', async () => {
  expect(devices(await once(disk, { root: fixture('old'), sys: '/nowhere' }))).toEqual(['sda']);
  expect(await once(disk, { root: fixture('container'), sys: '/nowhere' })).toEqual([]);
  expect(await once(disk, { root: fixture('server/net') })).toEqual([]);
});

test('this machine, and what other systems are read with', async () => {
  expect((await once(disk)).every(({ value }) => value >= 0)).toBe(true);
  const [all] = await disksElsewhere();
  expect(all?.device).toBeUndefined();
  expect(all?.read.operations).toBeGreaterThanOrEqual(0);
});
