/** Backups while events come, and stores that are made of them: compared with the ledger of what was written. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from 'sluice';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { writeBundle } from './bundle.ts';
import { restoreStore } from './restore.ts';
import { keepAll } from './tiers.ts';

// Each opens a store several times; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 120_000 });

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

let at: string;
let time: number;
const opened: Archive[] = [];
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'sluice-backup-'));
  time = start;
});
afterEach(async () => {
  for (const archive of opened.splice(0)) await archive.close();
  rmSync(at, { recursive: true, force: true });
});

async function open(name: string, said: string[] = []): Promise<Archive> {
  const archive = await openArchive({ folder: join(at, name), keep: keepAll, say: (text) => said.push(text), now: () => time });
  opened.push(archive);
  return archive;
}

const numbered = (value: number): Event<'metric'> => ({
  id: `n${value}`,
  kind: 'metric',
  key: `acme.shop.prod.web-${value % 5}.cpu`,
  source: '/acme/shop/prod/web-1/cpu',
  time: start + value,
  data: { points: [{ name: 'number', value, attributes: { of: `series ${value % 7}` } }] },
});
const batch = (from: number, count: number) => Array.from({ length: count }, (_, index) => numbered(from + index));

async function valuesOf({ history }: Archive): Promise<number[]> {
  const values: number[] = [];
  for await (const { event } of history.read({ kind: 'metric', pattern: '#' }, 0, start * 2))
    if (event.kind === 'metric') values.push(event.data.points[0]?.value ?? Number.NaN);
  return values;
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const notHeld = () => Promise.reject(new Error('nobody holds it'));
const restore = (from: string, to: string, replace = false) =>
  restoreStore(join(at, from), join(at, to), { replace, now: start, handOver: notHeld });

/** A store of 300 events in three hours, and its backup. */
async function backedUp(): Promise<Archive> {
  const archive = await open('store');
  for (let round = 0; round < 3; round++, time += hour) await archive.write(batch(1 + round * 100, 100));
  await writeBundle(await archive.backup(), join(at, 'safe'), start);
  return archive;
}

it('is a whole beginning of what was written, while writing goes on over the turn of the hour; and so is the next', async () => {
  const archive = await open('store');
  let written = 0;
  let stop = false;
  const writing = (async () => {
    while (!stop) {
      await archive.write(batch(written + 1, 50));
      written += 50;
      if (written % 500 === 0) time += hour;
    }
  })();
  const copies: { least: number; most: number }[] = [];
  for (const name of ['one', 'two', 'three']) {
    while (written < (copies.length + 1) * 700) await new Promise((resolve) => setTimeout(resolve, 5));
    const least = written;
    const stage = await archive.backup();
    copies.push({ least, most: written + 50 });
    await writeBundle(stage, join(at, name), time);
  }
  stop = true;
  await writing;
  expect(await valuesOf(archive)).toEqual(upTo(written));
  expect(readdirSync(join(at, 'store')).filter((name) => name.startsWith('backup-'))).toEqual([]);
  for (const [index, name] of ['one', 'two', 'three'].entries()) {
    await restore(name, `${name} again`);
    const again = await open(`${name} again`);
    const values = await valuesOf(again);
    expect(values).toEqual(upTo(values.length));
    expect(values.length).toBeGreaterThanOrEqual(copies[index]?.least ?? Number.NaN);
    expect(values.length).toBeLessThanOrEqual(copies[index]?.most ?? Number.NaN);
    // It goes on from there, and knows its series.
    await again.write(batch(values.length + 1, 10));
    expect(await valuesOf(again)).toEqual(upTo(values.length + 10));
    expect((await again.history.query('SELECT count(DISTINCT (key, attributes)) FROM points')).rows).toEqual([[35]]);
  }
});

it('is not touched by what becomes of the store', async () => {
  const archive = await backedUp();
  await archive.close();
  for (const name of readdirSync(join(at, 'store'))) rmSync(join(at, 'store', name), { recursive: true });
  await restore('safe', 'again');
  expect(await valuesOf(await open('again'))).toEqual(upTo(300));
});

it('has what a stopped store has, and an empty one nothing', async () => {
  const empty = await open('empty');
  await writeBundle(await empty.backup(), join(at, 'nothing'), start);
  await restore('nothing', 'again');
  const again = await open('again');
  expect(await valuesOf(again)).toEqual([]);
  await again.write(batch(1, 3));
  expect(await valuesOf(again)).toEqual([1, 2, 3]);
});

it('takes no place that is taken, and leaves nothing where it failed', async () => {
  const archive = await backedUp();
  await expect(writeBundle(await archive.backup(), join(at, 'safe'), start)).rejects.toThrow(/safe is there already; name a new folder/);
  await expect(writeBundle(await archive.backup(), join(at, 'no', 'where'), start)).rejects.toThrow(/does not exist; make it/);
  expect(readdirSync(at).sort()).toEqual(['safe', 'store']);
  await archive.close();
  // What was left inside the store is gone once it is opened again.
  const said: string[] = [];
  await open('store', said);
  expect(readdirSync(join(at, 'store')).filter((name) => name.startsWith('backup-'))).toEqual([]);
  expect(said).toEqual([]);
});

it.each<[string, (file: string, folder: string) => void, RegExp]>([
  ['a file that is shorter', (file) => truncateSync(file, 10), /has 10 bytes, its manifest says \d+; nothing was changed/],
  ['a file of other bytes', (file) => flip(file), /its checksum differs; nothing was changed/],
  ['a file that is gone', (file) => rmSync(file), /is missing; nothing was changed/],
  ['no manifest', (_, folder) => rmSync(join(folder, 'manifest.json')), /is no backup of this version/],
  ['half a manifest', (_, folder) => truncateSync(join(folder, 'manifest.json'), 40), /is no backup of this version/],
  [
    'a manifest of the future',
    (_, folder) => edit(folder, (text) => text.replace('"format": 1', '"format": 2')),
    /no backup of this version \(format/,
  ],
  [
    'a manifest that points elsewhere',
    (_, folder) => edit(folder, (text) => text.replace(/"name": "[^"]+"/, '"name": "../../x.parquet"')),
    /no backup of this version \(files\.0\.name/,
  ],
  ['a manifest that lies about what its files are', swap, /cannot be made \(.*\); nothing was changed/],
])('refuses %s, and touches nothing', async (_, damage, why) => {
  await (await backedUp()).close();
  damage(join(at, 'safe', 'points-000002.parquet'), join(at, 'safe'));
  const before = readFileSync(join(at, 'store', 'recent.duckdb'));
  await expect(restore('safe', 'store', true)).rejects.toThrow(why);
  await expect(restore('safe', 'again')).rejects.toThrow(why);
  expect(readdirSync(at).sort()).toEqual(['safe', 'store']);
  expect(readFileSync(join(at, 'store', 'recent.duckdb')).equals(before)).toBe(true);
});

it('overwrites nothing without a word: it refuses, or moves what is there aside', async () => {
  const archive = await backedUp();
  await archive.write([numbered(301)]);
  await archive.close();
  await expect(restore('safe', 'store')).rejects.toThrow(/holds a store, last written 20.*; add --replace to move it aside/);
  const { aside } = await restore('safe', 'store', true);
  expect(aside).toBe(join(at, 'store.before-2026-01-01T00-00-00-000Z'));
  expect(await valuesOf(await open('store'))).toEqual(upTo(300));
  expect(await valuesOf(await open('store.before-2026-01-01T00-00-00-000Z'))).toEqual(upTo(301));
});

it('takes the place of a store that is damaged', async () => {
  await (await backedUp()).close();
  writeFileSync(join(at, 'store', 'recent.duckdb'), 'no database');
  await restore('safe', 'store', true);
  expect(await valuesOf(await open('store'))).toEqual(upTo(300));
});

it('can be copied, as with cp or tar, and restored from there', async () => {
  await (await backedUp()).close();
  cpSync(join(at, 'safe'), join(at, 'moved'), { recursive: true });
  rmSync(join(at, 'safe'), { recursive: true });
  appendFileSync(join(at, 'moved', 'note.txt'), 'mine');
  await restore('moved', 'again');
  expect(await valuesOf(await open('again'))).toEqual(upTo(300));
  expect(existsSync(join(at, 'again', 'note.txt'))).toBe(false);
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
  rmSync(file);
  writeFileSync(file, bytes);
}

const edit = (folder: string, change: (text: string) => string): void =>
  writeFileSync(join(folder, 'manifest.json'), change(readFileSync(join(folder, 'manifest.json'), 'utf8')));

/** Two files under each other's names, as the manifest has them. */
function swap(_: string, folder: string): void {
  edit(folder, (text) =>
    text.replace('series.parquet', 'x.parquet').replace('runs.parquet', 'series.parquet').replace('x.parquet', 'runs.parquet'),
  );
  const [series, runs] = ['series.parquet', 'runs.parquet'].map((name) => join(folder, name));
  const bytes = readFileSync(series ?? '');
  writeFileSync(series ?? '', readFileSync(runs ?? ''));
  writeFileSync(runs ?? '', bytes);
}

it('is taken over by the archive that runs, which answers all the while and goes on from there', async () => {
  const archive = await backedUp();
  await archive.write(batch(301, 100));
  const asking = Promise.all(Array.from({ length: 4 }, () => archive.history.query('SELECT count(*) FROM points')));
  await expect(archive.restore()).rejects.toThrow('store.restoring is not there');
  mkdirSync(join(at, 'elsewhere'));
  await restore('safe', 'elsewhere/store');
  renameSync(join(at, 'elsewhere/store'), join(at, 'store.restoring'));
  const aside = await archive.restore();
  for (const { rows } of await asking) expect([300, 400]).toContain(rows[0]?.[0]);
  expect(aside).toMatch(/store\.before-/);
  expect(await valuesOf(archive)).toEqual(upTo(300));
  await archive.write(batch(401, 10));
  expect(await valuesOf(archive)).toEqual([...upTo(300), ...Array.from({ length: 10 }, (_, index) => 401 + index)]);
});
