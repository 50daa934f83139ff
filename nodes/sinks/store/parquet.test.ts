import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type Answer, UsageError } from 'sluice';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeParquet } from './parquet.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-parq'uet-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const answer: Answer = {
  columns: [
    { name: 'time', type: 'TIMESTAMP' },
    { name: 'value', type: 'DOUBLE' },
    { name: 'event', type: 'BIGINT' },
    { name: 'say "what"', type: 'VARCHAR' },
    { name: 'attributes', type: 'JSON' },
    { name: 'list', type: 'INTEGER[]' },
    { name: 'VALUE', type: 'HUGEINT' },
    { name: 'x', type: "ENUM('a'); DROP" },
  ],
  rows: [
    ['2026-01-01T00:00:00.500Z', 0.5, 1, "o'brien\n", { mode: 'user' }, [1, 2], '170141183460469231731687303715884105727', 'a'],
    [null, 'Infinity', null, null, null, null, null, null],
  ],
  cut: false,
};

it('keeps types, nulls and what is not plain as text', async () => {
  const file = join(folder, 'out.parquet');
  await writeParquet(answer, file);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const from = `FROM read_parquet('${file.replaceAll("'", "''")}')`;
  const read = await connection.runAndReadAll(`SELECT * REPLACE (epoch_ms(time) AS time) ${from}`);
  expect(read.columnNames()).toEqual(['time', 'value', 'event', 'say "what"', 'attributes', 'list', 'VALUE_1', 'x']);
  expect(read.getRowsJS()).toEqual([
    [BigInt(Date.UTC(2026, 0, 1) + 500), 0.5, 1n, "o'brien\n", '{"mode":"user"}', '[1,2]', 2 ** 127, 'a'],
    [null, Number.POSITIVE_INFINITY, null, null, null, null, null, null],
  ]);
  connection.closeSync();
  instance.closeSync();
});

it('is its owner’s alone, and never takes the place of another', async () => {
  const file = join(folder, 'out.parquet');
  await writeParquet({ ...answer, rows: [] }, file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await expect(writeParquet(answer, file)).rejects.toThrow(UsageError);
  await expect(writeParquet(answer, file)).rejects.toThrow(/out\.parquet is there already; name a new file/);
  writeFileSync(join(folder, 'plain'), '');
  await expect(writeParquet(answer, join(folder, 'plain', 'x.parquet'))).rejects.toThrow(/cannot be written/);
  expect(readdirSync(folder).sort()).toEqual(['out.parquet', 'plain']);
});

it('takes more rows than DuckDB takes at once', async () => {
  const file = join(folder, 'many.parquet');
  await writeParquet(
    { columns: [{ name: 'n', type: 'INTEGER' }], rows: Array.from({ length: 5000 }, (_, index) => [index]), cut: false },
    file,
  );
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const read = await connection.runAndReadAll(
    `SELECT count(*)::INTEGER, sum(n)::INTEGER FROM read_parquet('${file.replaceAll("'", "''")}')`,
  );
  expect(read.getRowsJS()).toEqual([[5000, (5000 * 4999) / 2]]);
  connection.closeSync();
  instance.closeSync();
});
