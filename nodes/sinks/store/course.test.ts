/** How series went: by hand, over segments, where counters fall, and where only rollups are left. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event, KeptSeries, Point, SeriesRequest } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { type Archive, openArchive } from './archive.ts';
import { type Keep, keepAll } from './tiers.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
const start = Date.UTC(2026, 0, 1);
const instant = (time: number): string => new Date(time).toISOString();
const keyOf = (host: string) => `acme.shop.prod.${host}.mix`;
const at = (time: number, host: string, ...points: Point[]): Event<'metric'> => ({
  id: `${host}-${time}`,
  kind: 'metric',
  key: keyOf(host),
  source: `/acme/shop/prod/${host}/mix`,
  time,
  data: { points },
});

async function bench(keep: Keep = keepAll, segmentRows = 1_000_000) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-course-'));
  const time = { now: start };
  const archive: Archive = await openArchive({ folder, keep, say: () => {}, now: () => time.now, segmentRows });
  undo.push(async () => {
    await archive.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    time,
    archive,
    async write(...events: Event[]): Promise<void> {
      time.now = Math.max(time.now, ...events.map((event) => event.time));
      await archive.write(events);
    },
    ask: (asked: Partial<SeriesRequest>) =>
      archive.history.series({ metric: 'x', from: start, to: start + minute, step: 10 * second, most: 100, ...asked }),
  };
}
const plain = (values: Float64Array | undefined) => [...(values ?? [])].map((value) => (Number.isNaN(value) ? null : value));
const brief = ({ key, attributes, mean }: KeptSeries) => [key.split('.')[3], attributes, plain(mean)];

it('gives of each step the mean, the lowest and the highest, and nothing where nothing was', async () => {
  const { write, ask } = await bench(keepAll, 40);
  // Some are closed, the last are open.
  for (const from of [0, 10, 30, 40, 50])
    await write(
      ...Array.from({ length: 10 }, (_, index) =>
        at(start + (from + index) * second, 'web-1', { name: 'x', unit: 'By', value: from + index }, { name: 'other', value: 1 }),
      ),
    );
  const answer = await ask({});
  expect(answer).toMatchObject({ of: 1, series: [{ key: keyOf('web-1'), attributes: {}, unit: 'By', type: 'gauge' }] });
  expect(plain(answer.series[0]?.mean)).toEqual([4.5, 14.5, null, 34.5, 44.5, 54.5]);
  expect(plain(answer.series[0]?.low)).toEqual([0, 10, null, 30, 40, 50]);
  expect(plain(answer.series[0]?.high)).toEqual([9, 19, null, 39, 49, 59]);
  expect(answer.coverage).toMatchObject([{ resolution: 'raw' }]);
});

it('gives counters as rates, from the point before the first step, and from 0 after a restart', async () => {
  const { write, ask } = await bench();
  const total = [0, 10, 20, 30, 5, 15];
  await write(...total.map((value, index) => at(start + index * 10 * second, 'web-1', { name: 'x', type: 'counter', value })));
  expect((await ask({})).series.map(({ mean, type }) => [type, plain(mean)])).toEqual([['counter', [null, 1, 1, 1, 0.5, 1]]]);
  expect((await ask({ from: start + 20 * second })).series.map(({ mean }) => plain(mean))).toEqual([[1, 1, 0.5, 1]]);
});

it('selects by server, host, attribute and part, and says how many there are', async () => {
  const { write, ask } = await bench();
  for (const host of ['web-1', 'web-2', 'web-3']) {
    const mode = (name: string, value: number) => ({ name: 'x', value, attributes: { mode: name, cpu: 0 } });
    await write(at(start, host, mode('user', 1), mode('idle', 2)));
  }
  await write({ ...at(start, 'till', { name: 'x', value: 7 }), key: 'acme.till.prod.till-1.mix' });
  const found = async (asked: Partial<SeriesRequest>) =>
    (await ask(asked)).series.map(({ key, attributes }) => `${key.split('.')[3]} ${attributes.mode}`).sort();
  expect(await found({ hosts: ['web-2'] })).toEqual(['web-2 idle', 'web-2 user']);
  expect(await found({ servers: ['acme.shop.prod.web-3'], attributes: { mode: ['user', 'none'], cpu: ['0'] } })).toEqual(['web-3 user']);
  expect(await found({ part: 'acme.till' })).toEqual(['till-1 undefined']);
  expect(await found({ part: 'acme.shop.prod.web', attributes: { mode: ['user'] } })).toEqual([]);
  expect(await ask({ most: 3 })).toMatchObject({ of: 7, series: { length: 3 } });
  expect(await ask({ metric: "x' OR 1=1 --" })).toMatchObject({ of: 0, series: [] });
  await expect(ask({ step: 7 })).rejects.toThrow(/whole seconds/);
  await expect(ask({ to: start + 1000 * day, step: second })).rejects.toThrow(/at most/);
});

it('goes on with the rollups where the points are gone, and says so', async () => {
  const { write, ask, time, archive } = await bench({ ...keepAll, raw: 2 * hour, minute: 30 * day });
  const stat = (to: number, length: number, value: number): Event<'stat'> => ({
    ...at(to, 'web-1'),
    id: `s${to}-${length}`,
    kind: 'stat',
    data: {
      from: instant(to - length),
      to: instant(to),
      series: [{ name: 'x', unit: 'By', attributes: { disk: 'a' }, count: 2, sum: value * 2, min: value - 1, max: value + 1 }],
    },
  });
  for (let ten = 0; ten < 60; ten += 10)
    await write(
      ...Array.from({ length: 10 }, (_, index) => ten + index + 1).flatMap((index) => [
        at(start + index * minute - second, 'web-1', { name: 'x', unit: 'By', value: index, attributes: { disk: 'a' } }),
        stat(start + index * minute, minute, index),
      ]),
      stat(start + (ten + 10) * minute, 10 * minute, ten + 5.5),
    );
  await write(stat(start + hour, hour, 30));
  // Hour by hour, since a clock that jumps is not believed.
  for (let passed = 2; passed <= 6; passed++)
    await write(at(start + passed * hour, 'web-1', { name: 'x', unit: 'By', value: -passed, attributes: { disk: 'a' } }));
  const asked = { to: start + 7 * hour, step: 10 * minute };
  for (let tries = 0; (await archive.history.coverage(start, time.now)).every(({ resolution }) => resolution === 'raw'); tries++) {
    if (tries > 500) throw new Error('it was not thinned');
    await write(at(time.now + minute, 'web-9', { name: 'tick', value: tries }));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { series, coverage } = await ask(asked);
  expect([...new Set(coverage.map(({ resolution }) => resolution))]).toEqual(['minute', 'raw']);
  expect(series).toHaveLength(1);
  // Of the rollups that fit into a step the longest: of ten minutes each.
  expect(plain(series[0]?.mean).slice(0, 7)).toEqual([5.5, 15.5, 25.5, 35.5, 45.5, 55.5, null]);
  expect(plain(series[0]?.low).slice(0, 2)).toEqual([4.5, 14.5]);
  expect(plain(series[0]?.mean).slice(5 * 6, 5 * 6 + 2)).toEqual([-5, null]);
  // A step shorter than a rollup has its value.
  const fine = await ask({ from: start + 10 * minute, to: start + 12 * minute, step: 10 * second });
  expect(fine.series.map(brief)).toEqual([['web-1', { disk: 'a' }, [...Array<number>(6).fill(11), ...Array<number>(6).fill(12)]]]);
}, 60_000);
