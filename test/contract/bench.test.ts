/** `npm run bench` finds its benches by scanning, runs what is asked for and prints figures. The quick ones stand for all. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const main = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
const bench = (...names: string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...names], {
    env: { ...process.env, SLUICE_SHORT: '1' },
    timeout: 60_000,
  });

it('prints a figure with its unit, its budget and its yardstick', async () => {
  const { stdout } = await bench('threshold', 'monitors');
  expect(stdout).toMatch(/all judged, all well +[\d,]+ points\/s +≥ 100,000 \w+ +comparing alone: [\d,]+ points\/s; 10 points an event/);
  expect(stdout).toMatch(/a sample of cpu +[\d,.]+ us CPU +one bare read of \/proc\/stat: [\d,.]+ us CPU; \d+ points each 1 s/);
}, 60_000);

it('holds viewers who never read to what they may take, and tells it of as many as a test has time for', async () => {
  const { stdout } = await bench('viewers');
  expect(stdout).toMatch(/growth of heap and buffers +-?[\d,.]+ MB +≤ 50 kept/);
  expect(stdout).toMatch(/p99 of the readers beside the stuck +[\d,.]+ ms +≤ [\d,.]+ \w+ +without them, before and after: [\d,.]+ ms/);
}, 60_000);

it('refuses a bench that is none, and names those that are', async () => {
  const refused = await bench('treshold').catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no bench treshold; there are agent, ') });
}, 60_000);
