import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import processes from './processes.ts';
import { processesElsewhere } from './shared/elsewhere.ts';
import { parseStat } from './shared/pids.ts';
import { copyOf, fixture, once, sample, samplerOf, valueIn } from './shared/testing.ts';

test('counts by state, all of them also when there are none', async () => {
  const points = await once(processes, { root: fixture('server') });
  const count = (state: string) => valueIn(points, 'system.process.count', { 'process.state': state });
  expect(['running', 'sleeping', 'blocked', 'stopped', 'defunct'].map(count)).toEqual([1, 1, 1, 0, 1]);
  expect(valueIn(points, 'system.process.created')).toBe(12197);
});

test('a name may hold brackets, spaces and newlines', () => {
  expect(parseStat('7 (a) R) (b\n) S 1 1 1 0 -1 0 0 0 0 0 3 4 0 0 20 0 1 0 99 0 12')).toEqual({
    ...{ name: 'a) R) (b\n', state: 'sleeping', ticks: 7, start: '99', pages: 12 },
  });
  expect(parseStat('')).toBeUndefined();
  expect(parseStat('7 )a(')).toBeUndefined();
});

test('the top few by processor time since the sample before, and by memory; a pid that came round is another process', async () => {
  const root = copyOf('server');
  try {
    const sampler = samplerOf(processes, { root, top: 1 });
    await sampler.start?.();
    const first = await sample(sampler);
    // Nothing has passed since the start: no shares, and the largest alone.
    expect(first.filter(({ name }) => name === 'process.cpu.utilization')).toEqual([]);
    expect(valueIn(first, 'process.memory.usage', { 'process.pid': 42, 'process.executable.name': 'a) R) b' })).toBe(3600 * 1024);

    writeFileSync(`${root}/stat`, 'cpu  1100 200 300 8100 100 10 30 60 50 20\nprocesses 12198\n');
    writeFileSync(`${root}/41/stat`, '41 (young) R 1 1 1 0 -1 0 0 0 0 0 30 10 0 0 20 0 1 0 5000 0 500');
    const points = await sample(sampler);
    expect(valueIn(points, 'process.cpu.utilization', { 'process.pid': 41, 'process.executable.name': 'young' })).toBeCloseTo(0.2);
    expect(valueIn(points, 'process.cpu.utilization', { 'process.pid': 42 })).toBe(0);
    expect(points.filter(({ name }) => name === 'process.memory.usage')).toHaveLength(2);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('without processes there is nothing to say', async () => {
  expect(await once(processes, { root: fixture('server/net') })).toEqual([]);
});

test('this machine knows this very process, and so does what other systems are read with', async () => {
  const points = await once(processes, { top: 100 });
  expect(valueIn(points, 'process.memory.usage', { 'process.pid': process.pid })).toBeGreaterThan(10e6);
  expect(points.filter(({ name }) => name === 'process.cpu.utilization').every(({ value }) => value >= 0 && value <= 1)).toBe(true);
  const self = (await processesElsewhere()).find(({ pid }) => pid === process.pid);
  expect(self?.bytes()).toBeGreaterThan(10e6);
});
