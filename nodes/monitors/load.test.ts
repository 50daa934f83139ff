import { expect, test } from 'vitest';
import load from './load.ts';
import { fixture, once, valueIn } from './shared/testing.ts';

test('the averages, in all and per core', async () => {
  const points = await once(load, { root: fixture('server') });
  expect(['1m', '5m', '15m'].map((span) => valueIn(points, `system.cpu.load_average.${span}`))).toEqual([3, 1.5, 0.25]);
  expect(['1m', '5m', '15m'].map((span) => valueIn(points, `system.cpu.load_per_core.${span}`))).toEqual([1.5, 0.75, 0.125]);
  expect(valueIn(points, 'system.cpu.logical.count')).toBe(2);
});

test('where something is missing the rest is still told, and nothing is not a number', async () => {
  expect((await once(load, { root: fixture('old') })).map(({ name }) => name)).toEqual(['system.cpu.logical.count']);
  expect(await once(load, { root: fixture('server/net') })).toEqual([]);
});

test('this machine', async () => {
  const points = await once(load);
  expect(points).toHaveLength(7);
  expect(valueIn(points, 'system.cpu.logical.count')).toBeGreaterThanOrEqual(1);
});
