/** A backup of a running sluice by the command line, and what restoring it takes. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { folder, site, sluice, until } from './run.ts';

const feed = fileURLToPath(new URL('../fixtures/kill/feed.ts', import.meta.url));
const count = "SELECT count(*), count(DISTINCT value), min(value), max(value) FROM points WHERE name = 'number'";

async function counted(words: readonly string[]): Promise<number[]> {
  const { code, out, err } = await sluice(['query', count, '--json', ...words]);
  expect(err).toBe('');
  expect(code).toBe(0);
  return (JSON.parse(out) as { rows: number[][] }).rows[0] ?? [];
}

it('backs up while events come, goes on, and is restored elsewhere as a whole beginning', { timeout: 120_000 }, async () => {
  const at = folder();
  const safe = join(at, 'safe');
  const last = 20_000;
  const config = { run: ['feed', 'store', 'live'], nodes: [{ use: feed, until: last, step: 100 }] };
  const running = await site({ folder: at, config });
  const here = ['--port', String(running.port)];
  await until('the first numbers', async () => ((await counted(here))[0] ?? 0) > 1000, 60_000);
  const [least = 0] = await counted(here);
  const done = await sluice(['backup', safe, '--state', running.state]);
  expect(done).toMatchObject({ code: 0, err: '' });
  expect(done.out).toMatch(/^\d+ files, \d+\.\d MB, in .*safe\n$/);
  expect(statSync(safe).mode & 0o777).toBe(0o700);
  expect(await sluice(['backup', safe, '--state', running.state])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/is there already/),
  });

  // It goes on, with every number once.
  await until('every number', async () => (await counted(here))[0] === last, 60_000);
  expect(await counted(here)).toEqual([last, last, 1, last]);

  const other = join(at, 'other');
  mkdirSync(other);
  const restored = await sluice(['restore', safe, '--state', other]);
  expect(restored).toMatchObject({ code: 0, err: '' });
  const nobody = ['--state', other, '--port', '1'];
  const [rows = 0, distinct, lowest, highest] = await counted(nobody);
  expect([distinct, lowest, highest]).toEqual([rows, 1, rows]);
  expect(rows).toBeGreaterThanOrEqual(least);

  const file = join(at, 'answer.parquet');
  expect(await sluice(['query', count, '--parquet', file, ...nobody])).toMatchObject({ code: 0, out: `1 rows in ${file}\n` });
  expect(await sluice(['query', count, '--parquet', file, ...nobody])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/is there already/),
  });

  const refused = await sluice(['restore', safe, '--state', running.state]);
  expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/holds a store, last written .*; add --replace to move it aside/) });

  // While it runs it goes on with what was restored, and with what comes after.
  const swapped = await sluice(['restore', safe, '--state', running.state, '--replace']);
  expect(swapped).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/ is as it was at .*\nwhat was there is in .*before-/) });
  expect(await counted(here)).toEqual([rows, rows, 1, rows]);
  expect(
    await sluice(['emit', 'metric', '--state', running.state, '--resource', 'number', '--name', 'number', '--value', '90000']),
  ).toMatchObject({
    code: 0,
  });
  await until('what came after it', async () => (await counted(here))[3] === 90_000, 60_000);
  expect(running.err()).toBe('');
  expect(await running.stop()).toMatchObject({ code: 0 });

  const replaced = await sluice(['restore', safe, '--state', running.state, '--replace']);
  expect(replaced).toMatchObject({ code: 0, err: '' });
  const [, aside = ''] = replaced.out.match(/what was there is in (.*)\n/) ?? [];
  expect(existsSync(join(aside, 'recent.duckdb'))).toBe(true);

  // It starts on what was restored, and a stopped store is backed up too.
  const again = await running.again();
  await until('it to answer', async () => ((await counted(here))[0] ?? 0) >= rows);
  await again.stop();
  expect(await sluice(['backup', join(at, 'stopped'), '--state', running.state])).toMatchObject({ code: 0, err: '' });
  expect(await sluice(['backup', join(at, 'none'), '--state', join(at, 'nowhere')])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/nothing runs on .*, and it holds no history; name another --state/),
  });
});
