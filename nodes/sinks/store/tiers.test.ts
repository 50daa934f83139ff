import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event, Kind } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { paintFor } from '../../../core/cli/screen.ts';
import { backtest } from '../../../core/history/backtest.ts';
import { showBacktest } from '../../../core/history/show-backtest.ts';
import threshold from '../../filters/threshold/threshold.ts';
import { type Archive, openArchive } from './archive.ts';
import type { Segment } from './segments.ts';
import { type Keep, keepAll, rewritesDue, tierOf } from './tiers.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const start = Date.UTC(2026, 0, 1);
const around = { key: 'acme.shop.prod.web-1.cpu', source: '/acme/shop/prod/web-1/cpu' };

const metric = (id: string, time: number, value: number): Event<'metric'> => ({
  ...around,
  id,
  kind: 'metric',
  time,
  data: { points: [{ name: 'load', value }] },
});
const stat = (id: string, to: number, length: number): Event<'stat'> => ({
  ...around,
  id,
  kind: 'stat',
  time: to,
  data: {
    from: new Date(to - length).toISOString(),
    to: new Date(to).toISOString(),
    series: [{ name: 'load', count: 1, sum: 1, min: 1, max: 1, last: 1 }],
  },
});
const alert = (id: string, time: number): Event<'alert'> => ({
  ...around,
  id,
  kind: 'alert',
  time,
  data: { rule: 'hot', status: 'firing', severity: 'warning', summary: 'hot', value: 1, since: new Date(time).toISOString(), evidence: [] },
});

function bench(keep: Keep = keepAll) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tiers-'));
  const said: string[] = [];
  const time = { now: start };
  let archive: Archive | undefined;
  undo.push(async () => {
    await archive?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const files = (): string[] =>
    readdirSync(folder)
      .filter((name) => /-000001\b/.test(name))
      .sort();
  return {
    folder,
    said,
    time,
    files,
    /** Opens it anew; what is due is done beside. */
    async open() {
      await archive?.close();
      archive = await openArchive({ folder, keep, say: (text) => said.push(text), now: () => time.now });
      return archive;
    },
    /** The clock goes on to then, and another hour, until which a jump is not believed. */
    async goOn(archive: Archive, to: number): Promise<void> {
      for (const now of [start + to, start + to + hour]) {
        time.now = now;
        await archive.write([{ ...around, id: `i${now}`, kind: 'incident', time: now, data: { what: 'time passes', severity: 'info' } }]);
      }
    },
    /** What there is of the first segment, in the end. */
    async comesTo(names: readonly string[]): Promise<void> {
      for (let tries = 0; files().join() !== names.join(); tries++) {
        if (tries === 2000) expect(files()).toEqual(names);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

async function ids(archive: Archive, kind: Kind): Promise<string[]> {
  const found: string[] = [];
  for await (const { event } of archive.history.read({ kind, pattern: '#' }, 0, start * 2)) found.push(event.id);
  return found;
}

it('makes one part of a day that is over, and reads it as before', async () => {
  const { open, time, comesTo, folder, said } = bench();
  let archive = await open();
  const given: Event<'metric'>[] = [];
  for (let index = 0; index < 4; index++) {
    time.now = start + index * 8 * hour;
    given.push(metric(`m${index}`, time.now, index));
    await archive.write(given.slice(-1));
  }
  const merged = ['events-000001-000003.parquet', 'points-000001-000003.parquet'];
  await comesTo(merged);
  const check = async (): Promise<void> => {
    expect(await ids(archive, 'metric')).toEqual(['m0', 'm1', 'm2', 'm3']);
    for (const event of given) expect(await archive.history.byId(event.id)).toEqual({ event, received: event.time });
    expect((await archive.history.query('SELECT sum(value), count(*) FROM points')).rows).toEqual([[6, 4]]);
    expect((await archive.history.query("SELECT max(value) FROM points WHERE host = 'web-1' AND time < '2026-01-01 10:00'")).rows).toEqual([
      [1],
    ]);
    // The holes between are not covered, though one part is over them.
    const spans = given.map(({ time: at }) => ({ from: at, to: at + 1, resolution: 'raw' }));
    expect(await archive.history.coverage(0, start * 2)).toEqual(spans);
  };
  await check();

  // What a kill between the manifest and the unlinking leaves behind, and one before the manifest.
  for (const [from, to] of [
    ['events-000001-000003', 'events-000002'],
    ['points-000001-000003', 'points-000001-000002'],
  ])
    copyFileSync(join(folder, `${from}.parquet`), join(folder, `${to}.parquet`));
  archive = await open();
  await comesTo(merged);
  await check();
  expect(existsSync(join(folder, 'events-000002.parquet'))).toBe(false);
  expect(said.filter((text) => /left alone/.test(text))).toEqual([]);
});

it('thins what is old: raw, then by minute, then by hour with what is no telemetry, then nothing; and says so', async () => {
  const { open, time, comesTo, goOn } = bench({ raw: 2 * day, minute: 4 * day, hour: 6 * day, bytes: 1e9 });
  const archive = await open();
  for (let index = 0; index < 3; index++) {
    time.now = start + index * hour;
    await archive.write([
      metric(`m${index}`, time.now, index),
      stat(`minute${index}`, time.now, minute),
      stat(`hour${index}`, time.now, hour),
      alert(`a${index}`, time.now),
    ]);
  }
  const all = (name: string) => [0, 1, 2].map((index) => `${name}${index}`);
  const stats = [0, 1, 2].flatMap((index) => [`minute${index}`, `hour${index}`]);
  await goOn(archive, 1.5 * day);
  await comesTo(['events-000001-000003.parquet', 'points-000001-000003.parquet']);
  expect(await ids(archive, 'metric')).toEqual(all('m'));

  await goOn(archive, 3.5 * day);
  await comesTo(['events-000001-000003-minute.parquet']);
  expect(await ids(archive, 'metric')).toEqual([]);
  expect(await ids(archive, 'stat')).toEqual(stats);
  expect(await archive.history.byId('m1')).toBeUndefined();
  expect(await archive.history.byId('a1')).toEqual({ event: alert('a1', start + hour), received: start + hour });
  expect((await archive.history.query('SELECT count(*) FROM points')).rows).toEqual([[0]]);
  const spans = [0, 1, 2].map((index) => ({ from: start + index * hour, to: start + index * hour + 1, resolution: 'minute' }));
  expect(await archive.history.coverage(0, start + day)).toEqual(spans);

  await goOn(archive, 5.5 * day);
  await comesTo(['events-000001-000003-hour.parquet']);
  expect(await ids(archive, 'stat')).toEqual(all('hour'));
  expect(await ids(archive, 'alert')).toEqual(all('a'));
  expect(await archive.history.coverage(0, start + day)).toEqual([{ from: start, to: start + 2 * hour + 1, resolution: 'hour' }]);

  await goOn(archive, 8 * day);
  await comesTo([]);
  expect(await ids(archive, 'alert')).toEqual([]);
});

it('lets a backtest say which part of the past is known by the minute, and which rules it cannot judge there', async () => {
  const { open, time, comesTo, goOn } = bench({ ...keepAll, raw: day });
  const archive = await open();
  for (let index = 0; index < 10; index++) {
    time.now = start + index * minute;
    await archive.write([metric(`m${index}`, time.now, 1), stat(`s${index}`, time.now, minute)]);
  }
  await goOn(archive, 2 * day);
  for (let index = 1; index < 10; index++) {
    time.now += minute;
    await archive.write([metric(`n${index}`, time.now, 1)]);
  }
  await comesTo(['events-000001-000001-minute.parquet']);
  const rules = {
    slow: { metric: 'load', warning: { above: 0.5, for: '2m' } },
    quick: { metric: 'load', critical: { above: 0.5, for: '30s' } },
  };
  const config = threshold.config.parse({ defaults: 'off', rules });
  const filters = [{ name: 'threshold', node: threshold, config, confighash: 'abc', reads: threshold.in }];
  const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
  const result = await backtest(archive.history, { about, filters }, { from: start, to: time.now + minute });
  const text = showBacktest(result, { tried: 'new.yaml' }, paintFor({}));
  expect(text).toMatch(/^coverage: by minute 9m .*; raw .*\nNOT judged where it is known by minute: quick critical \(for: 30s\)$/m);
  expect(result.would.filter(({ from }) => from < start + day).map(({ rule }) => rule)).toEqual(['slow']);
});

it('forgets a series with its last point, and takes it anew when it comes again', async () => {
  const { open, comesTo, goOn } = bench({ ...keepAll, raw: day });
  const archive = await open();
  const named = (id: string, name: string, time: number): Event<'metric'> => ({
    ...metric(id, time, 1),
    data: { points: [{ name, value: 1 }] },
  });
  await archive.write([named('a', 'old', start), named('b', 'lasting', start)]);
  await goOn(archive, 2 * day);
  const at = start + 2 * day + hour;
  await archive.write([named('c', 'lasting', at)]);
  await comesTo([]);
  const series = async (): Promise<unknown> =>
    (await archive.history.query('SELECT name, count(*) FROM points GROUP BY name ORDER BY name')).rows;
  // What is written meanwhile, of either, is never without its series.
  for (let index = 0; index < 20; index++) await archive.write([named(`d${index}`, index % 2 === 0 ? 'old' : 'lasting', at)]);
  expect(await series()).toEqual([
    ['lasting', 11],
    ['old', 10],
  ]);
  expect(await ids(archive, 'metric')).toHaveLength(21);
  expect((await archive.history.byId('d0'))?.event.data).toEqual({ points: [{ name: 'old', value: 1 }] });
});

it('knows no metrics of a time that nobody summed up', async () => {
  const { open, comesTo, goOn } = bench({ ...keepAll, raw: day });
  const archive = await open();
  await archive.write([metric('m', start, 1), alert('a', start)]);
  await goOn(archive, 2 * day);
  await comesTo(['events-000001-000001-minute.parquet']);
  expect(await archive.history.coverage(0, start + day)).toEqual([]);
  expect(await ids(archive, 'alert')).toEqual(['a']);
});

const segment = (number: number, at: number, more: Partial<Segment> = {}): Segment => ({
  segment: number,
  first: number,
  closed: true,
  tier: 'raw',
  low: at,
  high: at + hour,
  last: number,
  known: [],
  rows: 10,
  eventBytes: 1,
  pointBytes: 1,
  ...more,
});
const due = (segments: readonly Segment[], keep: Keep, now: number) =>
  rewritesDue(segments, keep, now).map(({ members, tier }) => `${members.map((one) => one.segment).join('+')} ${tier}`);

it('joins neighbours alone: not of today, not over a gap, not more than sorts', () => {
  const hours = [0, 1, 2, 3, 4].map((index) => segment(index + 1, start + index * hour));
  expect(due(hours, keepAll, start + day - 1)).toEqual([]);
  expect(due(hours, keepAll, start + day)).toEqual(['1+2+3+4+5 raw']);
  expect(due(hours.toSpliced(2, 1), keepAll, start + day)).toEqual(['1+2 raw', '4+5 raw']);
  const large = hours.map((one) => ({ ...one, rows: 60_000_000 }));
  expect(due(large, keepAll, start + day)).toEqual(['1+2 raw', '3+4 raw']);
  const days = [segment(1, start), segment(2, start + day)];
  expect(due(days, keepAll, start + 3 * day)).toEqual([]);
  expect(due(days, { ...keepAll, raw: day }, start + 2.1 * day)).toEqual(['1 minute', '2 minute']);
});

it('never takes back a tier, whatever the config says later', () => {
  const thin = segment(1, start, { tier: 'hour' });
  expect(tierOf(thin, keepAll, start)).toBe('hour');
  expect(tierOf({ ...thin, tier: 'minute' }, keepAll, start)).toBe('minute');
  expect(tierOf(segment(1, start), { ...keepAll, raw: day, minute: hour }, start + 2 * day)).toBe('hour');
  expect(tierOf(segment(1, start), { raw: day, minute: hour, hour, bytes: 1 }, start + 2 * day)).toBeUndefined();
});
