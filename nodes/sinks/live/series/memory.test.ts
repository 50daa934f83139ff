import type { Event, Point } from 'sluice';
import { describe, expect, it } from 'vitest';
import { listMetrics } from '../catalog.ts';
import { createSeriesMemory, type Series, type SeriesLimits, type SeriesMemory } from './memory.ts';
import { reachOf, valueAt } from './track.ts';

const start = 1_767_225_600;
const all = () => true;

/** A memory whose clock a test moves, in whole seconds. */
function open(limits: Partial<SeriesLimits> = {}): { memory: SeriesMemory; say(key: string, at: number, ...points: Point[]): void } {
  let now = start;
  const memory = createSeriesMemory({ seconds: 600, bytes: 100e6, each: 5000, names: 2000, now: () => now * 1000, ...limits });
  return {
    memory,
    say(key, at, ...points) {
      now = Math.max(now, start + at);
      memory.take({ kind: 'metric', key, time: (start + at) * 1000, data: { points } } as unknown as Event<'metric'>);
    },
  };
}
const only = (memory: SeriesMemory, name = 'x'): Series => {
  const [series] = memory.metric(name)?.series ?? [];
  if (!series) throw new Error(`there is no series of ${name}`);
  return series;
};
const values = (series: Series, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => valueAt(series, start + from + index)).map((value) =>
    Number.isNaN(value) ? null : value,
  );
const web = 'acme.shop.prod.web-1.app';

describe('a series', () => {
  it('has a value for each second, and none where nothing came', () => {
    const { memory, say } = open();
    for (const at of [0, 1, 2, 5]) say(web, at, { name: 'x', value: at * 10 });
    expect(values(only(memory), -1, 6)).toEqual([null, 0, 10, 20, null, null, 50, null]);
  });

  it('of a counter is its rate per second, from 0 after a restart', () => {
    const { memory, say } = open();
    for (const [at, value] of [
      [0, 5],
      [1, 9],
      [2, 2],
      [3, 4],
      [13, 104],
    ] as const)
      say(web, at, { name: 'x', type: 'counter', value });
    expect(values(only(memory), 0, 3)).toEqual([null, 4, 2, 2]);
    expect(values(only(memory), 13, 13)).toEqual([10]);
  });

  it('leaves out what was said again, and believes a clock that was set back by far', () => {
    const { memory, say } = open();
    say(web, 100, { name: 'x', value: 1 });
    say(web, 99, { name: 'x', value: 2 });
    expect(values(only(memory), 99, 100)).toEqual([null, 1]);
    say(web, 10, { name: 'x', value: 3 });
    expect(values(only(memory), 10, 10)).toEqual([3]);
    expect(values(only(memory), 100, 100)).toEqual([null]);
  });

  it('keeps the last ten minutes of any length, and forgets a long silence at once', () => {
    const { memory, say } = open();
    for (let at = 0; at < 1500; at++) say(web, at, { name: 'x', value: at });
    expect(values(only(memory), 898, 902)).toEqual([null, null, 900, 901, 902]);
    expect(values(only(memory), 1499, 1499)).toEqual([1499]);
    say(web, 9000, { name: 'x', value: 1 });
    expect(only(memory).oldest).toBe(start + 9000);
  });

  it('keeps the interval of slow ones, so that what is late is told from what is lost', () => {
    const { memory, say } = open();
    for (let at = 0; at <= 600; at += 60) say(web, at, { name: 'slow', value: 1 });
    for (let at = 0; at <= 60; at += 5) say(web, at, { name: 'five', value: 1 });
    expect([only(memory, 'slow').interval, only(memory, 'five').interval]).toEqual([60, 5]);
    expect(reachOf(only(memory, 'five'))).toBe(9);
  });

  it('is the same with its attributes in any order', () => {
    const { memory, say } = open();
    say(web, 0, { name: 'x', value: 1, attributes: { a: 1, b: 'two' } });
    say(web, 1, { name: 'x', value: 2, attributes: { b: 'two', a: 1 } }, { name: 'x', value: 3, attributes: { b: 'two', a: '1' } });
    expect(memory.size).toBe(2);
    expect(values(only(memory), 0, 1)).toEqual([1, 2]);
  });
});

describe('the bounds', () => {
  it('hold a metric with 100,000 attribute values to its share, say so, and cost the others nothing', () => {
    const { memory, say } = open({ each: 1000 });
    say(web, 0, { name: 'quiet', value: 1 });
    for (let at = 0; at < 20; at++) {
      for (let event = 0; event < 5; event++)
        say(
          web,
          at,
          ...Array.from({ length: 1000 }, (_, value) => ({
            name: 'flood',
            value,
            attributes: { request: at * 5000 + event * 1000 + value },
          })),
        );
      memory.tick();
    }
    expect(memory.metric('flood')?.series).toHaveLength(1000);
    expect(memory.bytes).toBeLessThan(2_000_000);
    expect(memory.metric('quiet')?.series).toHaveLength(1);
    const [flood] = listMetrics(memory, all, { name: 'flood' });
    expect(flood).toMatchObject({ of: 1000, beyond: 99_000 });
    // Once those that came first fall silent, later ones have their places within a minute or so.
    for (let at = 20; at < 100; at++) {
      say(web, at, { name: 'flood', value: 1, attributes: { request: 'late' } });
      memory.tick();
    }
    expect(memory.metric('flood')?.series.map(({ attributes }) => attributes.request)).toEqual(['late']);
  });

  it('give the room of the name that takes most to those that take less', () => {
    const { memory, say } = open({ bytes: 1_000_000 });
    for (let value = 0; value < 3000; value++) say(web, 0, { name: 'flood', value, attributes: { value } });
    expect(memory.bytes).toBeLessThanOrEqual(1_000_000);
    for (let host = 0; host < 50; host++) say(`acme.shop.prod.web-${host}.app`, 1, { name: 'late', value: host });
    expect(memory.metric('late')?.series).toHaveLength(50);
    for (let at = 2; at < 600; at++)
      for (let host = 0; host < 50; host++) say(`acme.shop.prod.web-${host}.app`, at, { name: 'late', value: host });
    expect(only(memory, 'late').values).toHaveLength(600);
    expect(memory.metric('late')?.series).toHaveLength(50);
    expect(memory.bytes).toBeLessThanOrEqual(1_000_000);
    expect(memory.metric('flood')?.beyond).toBeGreaterThan(2000);
  });

  it('hold for names, and for what is said of a series', () => {
    const { memory, say } = open({ names: 3 });
    for (let name = 0; name < 10; name++) say(web, 0, { name: `name-${name}`, value: 1 });
    expect([memory.metrics.size, memory.beyond]).toEqual([3, 7]);
    say(web, 1, { name: 'name-0', value: 1, attributes: { long: 'x'.repeat(5000) } });
    expect(memory.metric('name-0')?.series).toHaveLength(1);
    for (let second = 0; second <= 601; second++) memory.tick();
    expect([memory.metrics.size, memory.size, memory.bytes, memory.beyond]).toEqual([0, 0, 0, 0]);
  });
});

it('lists the series of one name to scripts, some of each otherwise, and what a search finds', () => {
  const { memory, say } = open();
  for (let host = 0; host < 30; host++)
    say(`acme.shop.prod.web-${host}.app`, 0, { name: 'app.queue', unit: '{job}', value: host, attributes: { shard: 'a' } });
  say('acme.till.prod.till-1.app', 0, { name: 'app.sales', type: 'counter', value: 7 });
  expect(listMetrics(memory, all, {}).map(({ name, of, series }) => [name, of, series.length])).toEqual([
    ['app.queue', 30, 20],
    ['app.sales', 1, 1],
  ]);
  expect(listMetrics(memory, all, { name: 'app.queue' })[0]?.series).toHaveLength(30);
  expect(listMetrics(memory, all, { q: 'SHARD queue' }).map(({ name }) => name)).toEqual(['app.queue']);
  expect(listMetrics(memory, (key) => key.startsWith('acme.till.'), {})).toEqual([
    {
      name: 'app.sales',
      type: 'counter',
      of: 1,
      series: [{ key: 'acme.till.prod.till-1.app', host: 'till-1', attributes: {}, value: 7, time: '2026-01-01T00:00:00.000Z' }],
    },
  ]);
});
