import { expect, test } from 'vitest';
import memory from './memory.ts';
import { memoryElsewhere } from './shared/elsewhere.ts';
import { fixture, once, valueIn } from './shared/testing.ts';

const kB = 1024;

test('used is what the kernel does not call available; caches include what slab gives back', async () => {
  const points = await once(memory, { root: fixture('server') });
  const usage = (state: string) => valueIn(points, 'system.memory.usage', { 'system.memory.state': state });
  expect(['used', 'free', 'buffers', 'cached'].map(usage)).toEqual([2_000_000, 1_000_000, 200_000, 4_300_000].map((size) => size * kB));
  expect(valueIn(points, 'system.memory.utilization', { 'system.memory.state': 'used' })).toBe(0.25);
  expect(valueIn(points, 'system.memory.linux.available')).toBe(6_000_000 * kB);
  expect(valueIn(points, 'system.paging.usage', { 'system.paging.state': 'used' })).toBe(500_000 * kB);
  expect(valueIn(points, 'system.paging.utilization')).toBe(0.25);
});

test('before Linux 3.14 free and caches stand for what is available, and without swap there is no paging', async () => {
  const points = await once(memory, { root: fixture('old') });
  expect(valueIn(points, 'system.memory.utilization')).toBe(0.5);
  expect(points.filter(({ name }) => name.startsWith('system.paging'))).toEqual([]);
});

test('a container whose runtime says that more is available than there is uses nothing', async () => {
  const points = await once(memory, { root: fixture('container') });
  expect(valueIn(points, 'system.memory.utilization')).toBe(0);
  expect(points.every(({ value }) => value >= 0)).toBe(true);
});

test('no file, no points', async () => {
  expect(await once(memory, { root: fixture('server/net') })).toEqual([]);
});

test('this machine, and what other systems are read with, agree', async () => {
  const points = await once(memory);
  const total = valueIn(points, 'system.memory.limit') ?? 0;
  expect(total).toBeGreaterThan(64 * 1024 * kB);
  const used = valueIn(points, 'system.memory.utilization') ?? -1;
  expect(used).toBeGreaterThan(0);
  expect(used).toBeLessThan(1);
  const elsewhere = await memoryElsewhere();
  expect(elsewhere.total).toBe(total);
  expect(elsewhere.available / total).toBeCloseTo(1 - used, 1);
});
