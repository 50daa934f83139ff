/** A clock that jumps: nothing is deleted, lost or kept twice by it, and what was said stays in order. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from 'sluice';
import { afterEach, expect, it, vi } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { createTrust } from './trust.ts';

// Each opens a store several times; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 120_000 });

const start = Date.UTC(2026, 0, 10);
const hour = 3_600_000;
const day = 24 * hour;

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const eventOf = (id: string): Event<'metric'> => ({
  id,
  kind: 'metric',
  key: 'acme.shop.prod.web-1.cpu',
  source: '/acme/shop/prod/web-1/cpu',
  time: start,
  data: { points: [{ name: 'n', value: 1 }] },
});

function bench(age: number) {
  const keep = { raw: age, minute: age, hour: age, bytes: 1e9 };
  const folder = mkdtempSync(join(tmpdir(), 'sluice-clock-'));
  const time = { now: start };
  const said: string[] = [];
  let archive: Archive | undefined;
  undo.push(async () => {
    await archive?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    time,
    said,
    async open(): Promise<Archive> {
      await archive?.close();
      archive = await openArchive({ folder, keep, say: (text) => said.push(text), now: () => time.now });
      return archive;
    },
    files: () => readdirSync(folder).filter((name) => name.startsWith('events-')).length,
    has: (name: string) => readdirSync(folder).includes(name),
  };
}

async function idsOf(archive: Archive, from = 0, to = start * 2): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of archive.history.read({ kind: 'metric', pattern: '#' }, from, to)) ids.push(event.id);
  return ids;
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries === 1000) throw new Error(`it did not come to ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('keeps what is young when the clock jumps a day ahead and is put right, and says so once', async () => {
  const { open, time, said, files } = bench(6 * hour);
  const archive = await open();
  await archive.write([eventOf('before')]);
  time.now += day;
  await archive.write([eventOf('ahead')]);
  await until(() => files() === 1);
  await until(() => said.length === 1);
  expect(said).toEqual([
    expect.stringMatching(/^the clock is 24 h past .*; nothing is deleted for its age .*, set the clock if it is wrong$/),
  ]);
  time.now -= day - 60_000;
  await archive.write([eventOf('right')]);
  await until(() => files() === 2);
  // What was marked a day ahead is young by any clock; it goes in its time.
  expect(await idsOf(archive)).toEqual(['before', 'ahead', 'right']);
  expect((await archive.history.query('SELECT count(*), count(DISTINCT id) FROM events')).rows).toEqual([[3, 3]]);
  expect(said).toHaveLength(1);
});

it('deletes what is old once the clock has gone on for an hour after its jump', async () => {
  const { open, time, files, has } = bench(6 * hour);
  const archive = await open();
  await archive.write([eventOf('old')]);
  time.now += day;
  await archive.write([eventOf('young')]);
  await until(() => files() === 1);
  expect(await idsOf(archive)).toEqual(['old', 'young']);
  time.now += hour;
  await archive.write([eventOf('last')]);
  await until(() => has('events-000002.parquet') && !has('events-000001.parquet'));
  expect(await idsOf(archive)).toEqual(['young', 'last']);
});

it('goes on when the clock is an hour back, also over a restart, and still knows what is delivered again', async () => {
  const { open, time } = bench(day);
  let archive = await open();
  await archive.write([eventOf('a')]);
  time.now -= hour;
  await archive.write([eventOf('b')]);
  time.now -= hour;
  archive = await open();
  await archive.write([eventOf('b'), eventOf('c')]);
  expect(await idsOf(archive)).toEqual(['a', 'b', 'c']);
  expect(await idsOf(archive, start - hour, start)).toEqual(['b']);
  const spans = await archive.history.coverage(0, start * 2);
  expect(spans.some(({ from, to }) => from <= start - 2 * hour && start - 2 * hour < to)).toBe(true);
  expect(spans.some(({ from, to }) => from <= start && start < to)).toBe(true);
});

it('doubts after each step, and believes again an hour later or when the step is taken back', () => {
  const said: string[] = [];
  const believes = createTrust((text) => said.push(text));
  const seen = [0, 60_000, day, day + 60_000, 120_000, 180_000, 2 * day, 2 * day + hour / 2, 2 * day + hour];
  expect(seen.map((ms) => believes(start + ms))).toEqual([true, true, false, false, true, true, false, false, true]);
  expect(said).toHaveLength(2);
});
