import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import cpu, { fromNode, parseStat, utilization } from './cpu.ts';
import { copyOf, fixture, once, sample, samplerOf, valueIn } from './shared/testing.ts';

test('times are seconds by mode, with interrupts of both sorts as one', async () => {
  const points = await once(cpu, { root: fixture('server') });
  const time = (mode: string) => valueIn(points, 'system.cpu.time', { 'cpu.mode': mode });
  expect(['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'].map(time)).toEqual([10, 2, 3, 80, 1, 0.4, 0.6]);
  expect(points.every((point) => point.name === 'system.cpu.time' && point.type === 'counter' && point.unit === 's')).toBe(true);
});

test('utilization comes with the second sample and adds up to one', async () => {
  const root = copyOf('server');
  try {
    const sampler = samplerOf(cpu, { root });
    expect((await sample(sampler)).filter(({ name }) => name === 'system.cpu.utilization')).toEqual([]);
    // 50 user and 150 idle more; iowait steps back, as it may.
    writeFileSync(`${root}/stat`, 'cpu  1050 200 300 8150 90 10 30 60 50 20\n');
    const points = await sample(sampler);
    const share = (mode: string) => valueIn(points, 'system.cpu.utilization', { 'cpu.mode': mode });
    expect(['user', 'idle', 'iowait', 'steal'].map(share)).toEqual([0.25, 0.75, 0, 0]);
    // Nothing has passed: nothing can be said.
    expect((await sample(sampler)).filter(({ name }) => name === 'system.cpu.utilization')).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('per core there are the cores and no sum of them', async () => {
  const points = await once(cpu, { root: fixture('server'), per: 'core' });
  expect(points.map((point) => point.attributes?.['cpu.logical_number']).every((core) => core === 0 || core === 1)).toBe(true);
  expect(valueIn(points, 'system.cpu.time', { 'cpu.mode': 'idle', 'cpu.logical_number': 1 })).toBe(41);
});

test('an old kernel tells fewer modes', async () => {
  const points = await once(cpu, { root: fixture('old') });
  expect(points.map((point) => point.attributes?.['cpu.mode'])).toEqual(['user', 'nice', 'system', 'idle', 'iowait']);
});

test('without /proc/stat there are no points, and without the root there is an error', async () => {
  expect(await once(cpu, { root: fixture('server/net') })).toEqual([]);
  await expect(once(cpu, { root: '/nowhere' })).rejects.toThrow('cpu: there is no directory /nowhere');
});

test('a core that goes offline takes its time with it, and shares stay between 0 and 1', () => {
  const shares = utilization([100, 0, 50, 900, 0, 0, 0], [60, 0, 55, 905, 0, 0, 0]);
  expect(shares).toEqual([0, 0, 0.5, 0.5, 0, 0, 0]);
  expect(utilization(undefined, [1, 2, 3, 4, 5, 6, 7])).toEqual([]);
});

test('this machine', async () => {
  const [machine] = [parseStat('cpu 1 2 3 4 5 6 7 8\n').get('')];
  expect(machine).toEqual([0.01, 0.02, 0.03, 0.04, 0.05, 0.13, 0.08]);
  const points = await once(cpu);
  expect(valueIn(points, 'system.cpu.time', { 'cpu.mode': 'user' })).toBeGreaterThan(0);
  // Node's own figures, which other systems are read from, agree with the kernel's.
  const idle = fromNode().get('')?.[3] ?? 0;
  expect(Math.abs(idle - (valueIn(points, 'system.cpu.time', { 'cpu.mode': 'idle' }) ?? 0))).toBeLessThan(5);
});
