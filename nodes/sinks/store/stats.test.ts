/** What rollup told, asked in SQL: beside the points while there are any, and in their place once they are too old. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSketch, type Event, encodeSketch, quantile, sketchOf } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { questions, sqlOf } from './questions.ts';
import { type Keep, keepAll } from './tiers.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const start = Date.UTC(2026, 0, 1);
const diskFill = (more = {}): string => sqlOf(questions['disk-fill'] ?? { doc: '', sql: '' }, { seconds: 1e9, ...more });
const instant = (time: number): string => new Date(time).toISOString();
const around = { key: 'acme.shop.prod.web-1.filesystem', source: '/acme/shop/prod/web-1/any' };
const utilization = (mountpoint: string) => ({
  name: 'system.filesystem.utilization',
  unit: '1',
  attributes: { 'system.filesystem.mountpoint': mountpoint },
});

async function bench(keep: Keep = keepAll) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-stats-'));
  const time = { now: start };
  const archive: Archive = await openArchive({ folder, keep, say: () => {}, now: () => time.now });
  undo.push(async () => {
    await archive.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const rows = async (sql: string) => (await archive.history.query(sql)).rows;
  return {
    rows,
    async write(...events: Event[]): Promise<void> {
      time.now = Math.max(time.now, ...events.map((event) => event.time));
      await archive.write(events);
    },
    /** Waits, within a bound, for what is done beside the writing. */
    async comesTo(sql: string, wanted: unknown): Promise<void> {
      for (let tries = 0; JSON.stringify(await rows(sql)) !== JSON.stringify(wanted); tries++) {
        if (tries === 1000) expect(await rows(sql)).toEqual(wanted);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

const metric = (time: number, value: number, mountpoint = '/'): Event<'metric'> => ({
  ...around,
  id: `m${time}${mountpoint}`,
  kind: 'metric',
  time,
  data: { points: [{ ...utilization(mountpoint), value }] },
});
const stat = (to: number, length: number, ...series: Event<'stat'>['data']['series']): Event<'stat'> => ({
  ...around,
  id: `s${to} ${length} ${series.map(({ attributes }) => Object.values(attributes ?? {})).join()}`,
  kind: 'stat',
  time: to,
  data: { from: instant(to - length), to: instant(to), series },
});
const of = (mountpoint: string, last: number) => ({ ...utilization(mountpoint), count: 60, sum: 60 * last, min: last, max: last, last });

it('has a row for each series of each window, with all that is known of it', async () => {
  const { rows, write } = await bench();
  const sketch = encodeSketch(sketchOf([1, 2, 6]));
  const bare = { name: 'net', unit: 'By/s', count: 0, sum: 0, min: 0, max: 0 };
  await write(stat(start + minute, minute, { ...utilization('/'), count: 3, sum: 9, min: 1, max: 6, last: 2, sketch }, bare));
  await write(stat(start + hour, hour, { name: 'net', count: 2, sum: 3, min: 1, max: 2 }));
  expect(
    await rows(`SELECT time, since, seconds, host, resource, name, unit, attributes::VARCHAR, count, sum, min, max, mean, last, sketch, event
      FROM stats ORDER BY time, name DESC`),
  ).toEqual([
    [
      ...[instant(start + minute), instant(start), 60, 'web-1', 'filesystem', 'system.filesystem.utilization', '1'],
      ...[JSON.stringify(utilization('/').attributes), 3, 9, 1, 6, 3, 2, sketch, 1],
    ],
    [instant(start + minute), instant(start), 60, 'web-1', 'filesystem', 'net', 'By/s', '{}', 0, 0, 0, 0, null, null, null, 1],
    [instant(start + hour), instant(start), 3600, 'web-1', 'filesystem', 'net', '', '{}', 2, 3, 1, 2, 1.5, null, null, 2],
  ]);
  const [[read] = []] = await rows("SELECT sketch FROM stats WHERE attributes->>'$.\"system.filesystem.mountpoint\"' = '/'");
  const decoded = decodeSketch(String(read));
  expect(decoded && quantile(decoded, 1)).toBeCloseTo(6, 0);
});

it('lets disk-fill look back past the oldest points, each hour once', async () => {
  const { rows, write, comesTo } = await bench({ ...keepAll, raw: day, minute: 3 * day });
  const share = (time: number): number => 0.5 + (0.02 * (time - start)) / day;
  for (let time = start + hour; time <= start + 6 * day; time += 6 * hour) {
    await write(
      metric(time, share(time)),
      // A minute, and ten of them, that end on the hour are no hour.
      stat(time, minute, of('/', 0.99)),
      stat(time, 10 * minute, of('/', 0.99)),
      stat(time, hour, of('/', share(time)), of('/old', 0.25)),
    );
  }
  // A jump of the clock is believed once it has gone on for an hour.
  for (const time of [start + 6 * day, start + 6 * day + hour])
    await write({ ...around, id: `i${time}`, kind: 'incident', time, data: { what: 'time passes', severity: 'info' } });
  await comesTo('SELECT min(time) FROM points', [[instant(start + 5 * day + hour)]]);
  expect(await rows('SELECT count(*) FROM stats WHERE seconds = 3600')).toEqual([[48]]);
  const lasts = start + 5 * day + 19 * hour;
  expect(await rows(diskFill())).toEqual([
    ['web-1', '/', 0.501, Math.round(share(lasts) * 1000) / 1000, 0.02, Math.round(((1 - share(lasts)) / 0.02) * 10) / 10],
    ['web-1', '/old', 0.25, 0.25, 0, null],
  ]);
  expect(await rows(diskFill({ host: 'web-2' }))).toEqual([]);
}, 60_000);

it('takes points where there are any, and not what was summed up of them', async () => {
  const { rows, write } = await bench();
  for (const [index, value] of [0.1, 0.2, 0.3].entries()) await write(metric(start + (index + 1) * hour, value));
  await write(stat(start + hour, hour, of('/', 0.9)), stat(start + 3 * hour, hour, of('/', 0.9)));
  expect(await rows(diskFill())).toEqual([['web-1', '/', 0.1, 0.3, 2.4, 0.3]]);
});
