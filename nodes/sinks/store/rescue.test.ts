/** A DuckDB file that is damaged, in each way that was thought of: what was closed stays readable, and nothing is overwritten. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from 'sluice';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { isDamage } from './rescue.ts';
import { keepAll } from './tiers.ts';

// Each opens a store several times; on a busy machine that takes seconds.
vi.setConfig({ testTimeout: 120_000 });

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

let folder: string;
let time: number;
let said: string[];
let archive: Archive | undefined;
const file = () => join(folder, 'recent.duckdb');
const damagedFiles = () => readdirSync(folder).filter((name) => name.includes('damaged'));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-rescue-'));
  time = start;
  said = [];
});
afterEach(async () => {
  await archive?.close();
  archive = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<Archive> {
  await archive?.close();
  archive = undefined;
  archive = await openArchive({ folder, keep: keepAll, say: (text) => said.push(text), now: () => time });
  return archive;
}

const numbered = (value: number): Event<'metric'> => ({
  id: `n${value}`,
  kind: 'metric',
  key: 'acme.shop.prod.web-1.cpu',
  source: '/acme/shop/prod/web-1/cpu',
  time: start + value,
  data: { points: [{ name: 'number', value, attributes: { of: `series ${value}` } }] },
});

async function values(): Promise<unknown[]> {
  return (await (await open()).history.query('SELECT value FROM points ORDER BY value')).rows.flat();
}

/** Three hours with a number each, of which two are closed and in the catalogue, and a log that was not checkpointed. */
async function threeHours(): Promise<void> {
  const writing = await open();
  for (let value = 1; value <= 3; value++, time += hour) await writing.write([numbered(value)]);
  for (let tries = 0; !(await isCatalogued()); tries++) {
    if (tries === 1000) throw new Error('no catalogue of the two hours was written');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const wal = readFileSync(`${file()}.wal`);
  const database = readFileSync(file());
  await writing.close();
  archive = undefined;
  // As a kill leaves them.
  writeFileSync(file(), database);
  writeFileSync(`${file()}.wal`, wal);
}
async function isCatalogued(): Promise<boolean> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  if (!existsSync(join(folder, 'catalogue.segments'))) return false;
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const read = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM read_parquet('${join(folder, 'catalogue.segments')}')`);
  connection.closeSync();
  instance.closeSync();
  return read.getRowsJS()[0]?.[0] === 2;
}

function garble(path: string, from: number, bytes: number): void {
  const content = readFileSync(path);
  for (let at = from; at < Math.min(content.length, from + bytes); at++) content[at] = (content[at] ?? 0) ^ 0xff;
  writeFileSync(path, content);
}

it.each<[string, () => void]>([
  ['an empty file', () => truncateSync(file(), 0)],
  ['half a file', () => truncateSync(file(), 5000)],
  ['a text', () => writeFileSync(file(), 'no database at all')],
  ['random bytes', () => writeFileSync(file(), Buffer.from(Array.from({ length: 20_000 }, (_, at) => (at * 7919) >> 3)))],
  ['a garbled header', () => garble(file(), 4096, 8192)],
  ['a garbled log', () => garble(`${file()}.wal`, Math.floor(statSync(`${file()}.wal`).size / 2), 1)],
])('sets %s aside, says so once, and goes on with the hours that were closed', async (_, damage) => {
  await threeHours();
  damage();
  const before = readFileSync(file());
  expect(await values()).toEqual([1, 2]);
  expect(said[0]).toMatch(
    /recent\.duckdb is damaged \(.+\) and set aside as recent\.duckdb\.damaged-.*; the hours that were closed are kept, the last/,
  );
  expect(said.filter((text) => text.includes('damaged'))).toHaveLength(1);
  const [aside = ''] = damagedFiles();
  expect(readFileSync(join(folder, aside)).equals(before)).toBe(true);

  // It writes and closes again, over nothing that is there, and is not damaged at its next start.
  for (let value = 4; value <= 6; value++, time += hour) await archive?.write([numbered(value)]);
  const count = said.length;
  expect(await values()).toEqual([1, 2, 4, 5, 6]);
  expect(said.slice(count).filter((text) => text.includes('damaged'))).toEqual([]);
  expect(damagedFiles().filter((name) => !name.endsWith('.wal'))).toHaveLength(1);
});

it('begins anew where no hour was closed', async () => {
  writeFileSync(file(), 'no database at all');
  expect(await values()).toEqual([]);
  expect(said).toEqual([expect.stringMatching(/no hour had been closed; it begins anew/)]);
});

it('overwrites no file of ours, though all that knew of it is gone', async () => {
  await threeHours();
  for (const name of readdirSync(folder)) if (!name.endsWith('.parquet')) rmSync(join(folder, name));
  const files = readdirSync(folder);
  const before = files.map((name) => readFileSync(join(folder, name)));
  const writing = await open();
  expect(said.join()).toMatch(/holds what is not the store's: .*it is left alone/);
  for (let value = 4; value <= 6; value++, time += hour) await writing.write([numbered(value)]);
  expect(await values()).toEqual([4, 5, 6]);
  expect(files.map((name) => readFileSync(join(folder, name)))).toEqual(before);
});

it('takes neither a newer version nor a lock for damage', () => {
  expect(isDamage(new Error('Trying to read a database file with version number 999, but we can only read up to 67'))).toBe(false);
  expect(isDamage(new Error('IO Error: Could not set lock on file'))).toBe(false);
});
