import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from 'sluice';
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase, rowsOf } from './database.ts';
import { findIdle, stillIdle } from './idle.ts';
import { openSegments } from './segments.ts';
import { keepAll } from './tiers.ts';
import { openWriter } from './writer.ts';

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

const metric = (id: string, name: string): Event<'metric'> => ({
  id,
  kind: 'metric',
  key: 'acme.shop.prod.web-1.cpu',
  source: '/acme/shop/prod/web-1/cpu',
  time: start,
  data: { points: [{ name, value: 1 }] },
});

it('forgets what no point is left of, but for what was written of it meanwhile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-idle-'));
  const database = await openDatabase(folder);
  onTestFinished(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const connection = await database.connect();
  const segments = await openSegments(folder, database, (text) => expect.fail(text));
  await segments.roll(connection);
  const writer = await openWriter(folder, connection, segments);
  await writer.write([metric('a', 'old'), metric('b', 'lasting'), metric('c', 'kept')], start);
  await segments.roll(connection);
  writer.rolled();
  await writer.write([metric('d', 'kept')], start + 2 * hour);
  await segments.close();
  expect((await findIdle(folder, database, segments)).series).toEqual([]);

  expect(await segments.retain({ ...keepAll, raw: hour, minute: hour, hour }, start + 2 * hour)).toBe(true);
  const idle = await findIdle(folder, database, segments);
  expect(idle.series.toSorted()).toEqual([0, 1]);
  await writer.write([metric('e', 'lasting')], start + 2 * hour);
  const gone = await stillIdle(folder, connection, segments.all, idle);
  expect(gone).toEqual([0]);
  await writer.forget(gone);
  const named = (): Promise<unknown> => rowsOf(connection, 'SELECT series, name FROM kept.series ORDER BY series');
  expect(await named()).toEqual([
    [1, 'lasting'],
    [2, 'kept'],
  ]);
  await writer.write([metric('f', 'old'), metric('g', 'lasting')], start + 2 * hour);
  expect(await named()).toEqual([
    [1, 'lasting'],
    [2, 'kept'],
    [3, 'old'],
  ]);
});
