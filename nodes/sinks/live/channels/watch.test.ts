import fc from 'fast-check';
import type { Event, Point } from 'sluice';
import { describe, expect, it } from 'vitest';
import type { Channel } from '../channel.ts';
import { anyone, lookerOf } from '../looker.ts';
import { createSeriesMemory, type SeriesLimits, type SeriesMemory } from '../series/memory.ts';
import {
  type CatalogAll,
  type CatalogMore,
  type Fold,
  type WatchAsked,
  type Watched,
  type WatchedAll,
  type WatchedMore,
  watchRequest,
} from '../series/protocol.ts';
import type { LabelsOf } from '../series/select.ts';
import { openCatalog } from './catalog.ts';
import { openWatch } from './watch.ts';

const start = 1_767_225_600;

interface World {
  readonly memory: SeriesMemory;
  say(key: string, at: number, ...points: Point[]): void;
  /** A second passes for the memory and the channels. */
  tick(...channels: Channel[]): void;
}
function world(limits: Partial<SeriesLimits> = {}): World {
  let now = start;
  const memory = createSeriesMemory({ seconds: 600, bytes: 100e6, each: 5000, names: 2000, now: () => now * 1000, ...limits });
  return {
    memory,
    say(key, at, ...points) {
      now = Math.max(now, start + at);
      memory.take({ kind: 'metric', key, time: (start + at) * 1000, data: { points } } as unknown as Event<'metric'>);
    },
    tick(...channels) {
      memory.tick();
      for (const channel of channels) channel.tick?.();
    },
  };
}
const server = (host: number | string) => `acme.shop.prod.web-${host}`;
const key = (host: number | string) => `${server(host)}.app`;
const x = (value: number, attributes: Point['attributes'] = {}): Point => ({ name: 'x', value, attributes });
const noLabels: LabelsOf = () => undefined;
const read = <Frame>(body: Buffer | Promise<Buffer>): Frame => JSON.parse(`{${(body as Buffer).toString()}}`) as Frame;

function watch({ memory }: World, asked: Partial<WatchAsked> = {}, labelsOf = noLabels, looker = anyone) {
  return openWatch(memory, labelsOf, watchRequest.parse({ metric: 'x', ...asked }), looker);
}
const first = (channel: Channel) => read<WatchedAll>(channel.snapshot());
const next = (channel: Channel) => read<WatchedMore>(channel.next());

/** What a page makes of frames: a value for each second of each series. */
function picture() {
  const shown = new Map<number, { name: string; values: Map<number, number> }>();
  const put = (from: number, series: WatchedAll['series']) => {
    for (const { index, values, ...named } of series) {
      const name = JSON.stringify([named.key, named.server, named.attributes, named.labels]);
      const one = shown.get(index) ?? { name, values: new Map() };
      shown.set(index, one);
      for (const [offset, value] of values.entries()) if (value !== null) one.values.set(from + offset, value);
    }
  };
  return {
    shown,
    take(frame: Watched) {
      if ('series' in frame) {
        const there = new Set(frame.series.map(({ index }) => index));
        for (const index of shown.keys()) if (!there.has(index)) shown.delete(index);
        return put(frame.from, frame.series);
      }
      for (const index of frame.gone ?? []) shown.delete(index);
      put(frame.from ?? 0, frame.added ?? []);
      for (const { at, values } of frame.points) for (const [index, value] of values) shown.get(index)?.values.set(at, value);
    },
    get values() {
      return [...shown.values()].map(({ name, values }) => [name, [...values].sort(([one], [other]) => one - other)]);
    },
  };
}

describe('a watch', () => {
  it('shows what is remembered, then each point with the next frame', () => {
    const there = world();
    for (const at of [0, 1, 3]) there.say(key(1), at, x(at / 3, { disk: 'a' }));
    const channel = watch(there, { seconds: 60 });
    expect(first(channel)).toEqual({
      metric: 'x',
      type: 'gauge',
      of: 1,
      from: start + 3 - 59,
      now: start + 3,
      series: [
        {
          index: 0,
          key: key(1),
          server: server(1),
          host: 'web-1',
          resource: 'app',
          attributes: { disk: 'a' },
          interval: 1,
          values: [...Array<null>(56).fill(null), 0, 0.333333, null, 1],
        },
      ],
    });
    expect(channel.waiting).toBe(false);
    there.say(key(1), 4, x(1_234_567.8, { disk: 'a' }));
    expect(channel.waiting).toBe(true);
    expect(next(channel)).toEqual({ newest: (start + 4) * 1000, points: [{ at: start + 4, values: [[0, 1_234_570]] }] });
    expect(channel.waiting).toBe(false);
  });

  it('shows a metric that is invented while one looks, and a series that comes, and lets go of one that fell silent', () => {
    const there = world();
    const channel = watch(there);
    expect(first(channel)).toMatchObject({ of: 0, series: [] });
    there.say(key(1), 1, { ...x(1), unit: 'By' });
    expect(next(channel)).toMatchObject({
      added: [{ index: 0, values: expect.arrayContaining([1]) as unknown }],
      changed: { of: 1, unit: 'By' },
    });
    there.say(key(2), 2, x(2));
    expect(next(channel)).toMatchObject({ points: [], added: [{ index: 1, host: 'web-2' }] });
    for (let at = 3; at < 610; at++) {
      there.say(key(1), at, x(1));
      there.tick(channel);
      if (channel.waiting) {
        const frame = next(channel);
        if (frame.gone) return expect(frame).toMatchObject({ gone: [1], changed: { of: 1 } });
      }
    }
    throw new Error('the silent one stayed');
  });

  it('filters by host, server, label and attribute, and by what the looker sees', () => {
    const there = world();
    const labels: LabelsOf = (name) => ({ zone: name.endsWith('1') ? 'a' : 'b' });
    for (const host of [1, 2, 3]) there.say(key(host), 0, x(host, { mode: 'user' }), x(host, { mode: 'idle' }), x(host, { cpu: 4 }));
    there.say('acme.till.prod.till-1.app', 0, x(9));
    const hosts = (asked: Partial<WatchAsked>, looker = anyone) =>
      first(watch(there, asked, labels, looker)).series.map(({ host }) => host);
    expect(hosts({ where: { host: ['web-2'], attributes: { mode: ['idle', 'none'] } } })).toEqual(['web-2']);
    expect(hosts({ where: { server: [server(3)], attributes: { cpu: ['4'] } } })).toEqual(['web-3']);
    expect(hosts({ where: { label: { zone: ['b'] }, attributes: { mode: ['user'] } } })).toEqual(['web-3', 'web-2']);
    expect(hosts({}, lookerOf('t', 'viewer', 'acme.till'))).toEqual(['till-1']);
    expect(first(watch(there, { metric: 'x' }, labels, lookerOf('t', 'viewer', 'other')))).toMatchObject({ of: 0, series: [] });
    expect(first(watch(there, {}, labels, lookerOf('t', 'viewer', 'other')))).not.toHaveProperty('type');
    expect(
      watch(there, { where: { server: [server(1), 'acme.till.prod.till-1'] } }, labels, lookerOf('t', 'viewer', 'acme.till')).topics,
    ).toEqual([{ kind: 'metric', pattern: 'acme.till.prod.till-1.#' }]);
    expect(hosts({ where: { attributes: { constructor: ['x'] } } })).toEqual([]);
  });

  it('groups by a label that servers say of themselves later', () => {
    const there = world();
    const zones = new Map<string, string>();
    const labels: LabelsOf = (name) => ({ ...(zones.has(name) && { zone: zones.get(name) ?? '' }) });
    for (const host of [1, 2, 3]) there.say(key(host), 0, x(host));
    const channel = watch(there, { by: ['label:zone'], fold: 'sum' }, labels);
    expect(first(channel).series).toMatchObject([{ attributes: {}, members: 3 }]);
    for (const host of [1, 2, 3]) zones.set(server(host), host === 1 ? 'a' : 'b');
    for (let tick = 0; tick < 10; tick++) there.tick(channel);
    const frame = next(channel);
    expect(frame).toMatchObject({ gone: [0], added: [{ labels: { zone: 'a' } }, { labels: { zone: 'b' }, members: 2 }] });
    expect(frame.added?.map(({ values }) => values.at(-1))).toEqual([1, 5]);
  });

  it('shows the largest, and does not change its mind for little', () => {
    const there = world();
    const say = (at: number, ...sizes: number[]) => {
      for (const [host, value] of sizes.entries()) there.say(key(host), at, x(value));
    };
    say(0, 10, 20, 30, 5);
    const channel = watch(there, { most: 2 });
    const hosts = () =>
      first(channel)
        .series.map(({ host }) => host)
        .sort();
    expect(first(channel)).toMatchObject({ of: 4 });
    expect(first(channel).series.map(({ host }) => host)).toEqual(['web-2', 'web-1']);
    for (let at = 1; at <= 100; at++) {
      say(at, 25, 20, 30, 5);
      there.tick(channel);
    }
    expect(hosts()).toEqual(['web-1', 'web-2']);
    for (let at = 101; at <= 200; at++) {
      say(at, 10, 20, 30, 500);
      there.tick(channel);
    }
    expect(hosts()).toEqual(['web-2', 'web-3']);
  });

  it('says that it is cut, and to how many, where there are more series than are remembered', () => {
    const there = world({ each: 100 });
    for (let value = 0; value < 1000; value++) there.say(key(1), 0, x(value, { request: value }));
    expect(first(watch(there, { most: 10 }))).toMatchObject({ of: 100, beyond: 900, series: { length: 10 } });
  });

  it('refills what a slow viewer missed, with the past of what came meanwhile', () => {
    const there = world();
    const channel = watch(there);
    const slow = picture();
    const fast = picture();
    for (const viewer of [slow, fast]) viewer.take(first(channel));
    const mark = channel.mark();
    for (let at = 0; at < 20; at++) {
      if (at === 10) {
        slow.take(read<Watched>(channel.catchUp(mark)));
        expect(slow.values).toEqual(fast.values);
      }
      there.say(key(1), at, x(at));
      if (at > 5) there.say(key(2), at, x(at));
      if (at === 8) there.say(key(3), at - 30, x(1));
      if (at % 3 === 0) there.tick(channel);
      if (channel.waiting) fast.take(next(channel));
    }
    const later = channel.mark();
    there.say(key(1), 20, x(99));
    fast.take(next(channel));
    const frame = read<WatchedAll>(channel.catchUp(later));
    expect([frame.from, frame.series[0]?.values]).toEqual([start + 20, [99]]);
    slow.take(read<Watched>(channel.catchUp(mark)));
    expect(slow.values).toEqual(fast.values);
  });
});

describe('what comes together', () => {
  it('ends now, though the clock of one is minutes ahead: it would be alone there', () => {
    const all = world();
    const channel = watch(all, { by: [], fold: 'mean' });
    const frame = picture();
    all.say(key(1), 0, x(2));
    all.say(key(2), 0, x(4));
    frame.take(first(channel));
    const ahead = { kind: 'metric', key: key(3), time: (start + 300) * 1000, data: { points: [x(900)] } };
    all.memory.take(ahead as unknown as Event<'metric'>);
    all.say(key(1), 1, x(4));
    frame.take(next(channel));
    expect(frame.values.map(([, values]) => values)).toEqual([
      [
        [start, 3],
        [start + 1, 4],
      ],
    ]);
    expect(first(channel).series[0]?.values.at(-1)).toBe(4);
  });

  /** As anyone would write it down: of each second the values that stand then, where one was measured in it. */
  function naive(said: readonly (readonly [host: number, at: number, value: number])[], fold: Fold, interval: number): Map<number, number> {
    const reach = Math.ceil(interval * 1.5) + 1;
    const result = new Map<number, number>();
    for (const [, at] of said) {
      const standing: number[] = [];
      for (const host of new Set(said.map(([each]) => each))) {
        const past = said.filter(([each, when]) => each === host && when <= at && when > at - reach);
        const last = past.reduce<(typeof said)[number] | undefined>((best, one) => (best && best[1] > one[1] ? best : one), undefined);
        if (last) standing.push(last[2]);
      }
      const sum = standing.reduce((total, value) => total + value, 0);
      result.set(at, { sum, mean: sum / standing.length, min: Math.min(...standing), max: Math.max(...standing) }[fold]);
    }
    return result;
  }

  it('is what adding it up by hand comes to, whoever is late, and frame by frame as in one go', () => {
    const scenario = fc.record({
      fold: fc.constantFrom<Fold>('sum', 'mean', 'min', 'max'),
      interval: fc.constantFrom(1, 5),
      hosts: fc.array(
        fc.record({ offset: fc.integer({ min: 0, max: 4 }), late: fc.integer({ min: 0, max: 6 }), skip: fc.integer({ min: 0, max: 20 }) }),
        { minLength: 1, maxLength: 6 },
      ),
      frames: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(scenario, ({ fold, interval, hosts, frames }) => {
        const said: [host: number, at: number, value: number, arrives: number][] = hosts.flatMap(({ offset, late, skip }, host) =>
          Array.from({ length: 12 }, (_, turn): [number, number, number, number] => {
            const at = offset + turn * interval;
            return [host, at, ((host + 1) * 37 + turn * 11) % 50, at + late];
          }).filter((_, turn) => turn < 4 || turn !== skip),
        );
        const there = world();
        // How often they measure is known by the third time.
        const arriving = said.toSorted((one, other) => one[3] - other[3]);
        const known = (at: number) => at < 5 + 3 * interval;
        for (const [host, at, value] of arriving.filter(([, at]) => known(at))) there.say(key(host), at, x(value));
        const channel = watch(there, { by: [], fold, seconds: 300 });
        const viewer = picture();
        viewer.take(first(channel));
        for (const [count, [host, at, value]] of arriving.filter(([, at]) => !known(at)).entries()) {
          there.say(key(host), at, x(value));
          if (count % frames === 0 && channel.waiting) viewer.take(next(channel));
        }
        there.tick(channel);
        if (channel.waiting) viewer.take(next(channel));
        const inOneGo = picture();
        inOneGo.take(first(channel));
        expect(inOneGo.values).toEqual(viewer.values);
        const expected = naive(
          said.map(([host, at, value]) => [host, at, value]),
          fold,
          interval,
        );
        const [shown] = [...viewer.shown.values()];
        for (const [at, value] of expected) expect(shown?.values.get(start + at)).toBeCloseTo(value, 3);
        expect(shown?.values.size).toBe(expected.size);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the catalogue', () => {
  it('says what there is, then what changed, once a second', () => {
    const there = world();
    there.say(key(1), 0, { ...x(1, { mode: 'user', cpu: 10 }), unit: '1' }, x(1, { mode: 'idle', cpu: 9 }));
    there.say(key(2), 0, x(1, { mode: 'idle', cpu: 2 }));
    const channel = openCatalog(there.memory, anyone);
    expect(read<CatalogAll>(channel.snapshot())).toEqual({
      metrics: [
        {
          name: 'x',
          unit: '1',
          type: 'gauge',
          series: 3,
          servers: 2,
          attributes: [
            { name: 'mode', values: ['idle', 'user'], of: 2 },
            { name: 'cpu', values: ['2', '9', '10'], of: 3 },
          ],
        },
      ],
    });
    there.tick(channel);
    expect(channel.waiting).toBe(false);
    there.say(key(1), 1, { name: 'invented', type: 'counter', value: 1 });
    expect(channel.waiting).toBe(false);
    there.tick(channel);
    expect(read<CatalogMore>(channel.next())).toEqual({
      changed: [{ name: 'invented', type: 'counter', series: 1, servers: 1, attributes: [] }],
      gone: [],
    });
    for (let tick = 0; tick < 602; tick++) {
      there.say(key(1), 2 + tick, { name: 'invented', type: 'counter', value: 1 });
      there.tick(channel);
    }
    expect(read<CatalogMore>(channel.next())).toEqual({ changed: [], gone: ['x'] });
  });

  it('is bounded whatever is said, and says so', () => {
    const there = world({ each: 2000, names: 3 });
    for (let value = 0; value < 5000; value++) there.say(key(1), 0, x(value, { request: `r${value}` }));
    for (let name = 0; name < 10; name++) there.say(key(1), 0, { name: `name-${name}`, value: 1 });
    const frame = read<CatalogAll>(openCatalog(there.memory, anyone).snapshot());
    expect(frame).toMatchObject({
      beyond: 8,
      metrics: [
        { name: 'x', series: 2000, beyond: 3000, attributes: [{ name: 'request', values: { length: 12 }, of: 1000, more: true }] },
        { name: 'name-0' },
        { name: 'name-1' },
      ],
    });
  });

  it('knows nothing of what the looker may not see', () => {
    const there = world({ names: 2 });
    there.say(key(1), 0, x(1));
    for (const name of ['secret', 'other']) there.say('acme.till.prod.till-1.app', 0, { name, value: 1 });
    expect(read<CatalogAll>(openCatalog(there.memory, lookerOf('t', 'viewer', 'acme.shop')).snapshot())).toMatchObject({
      metrics: [{ name: 'x' }],
    });
    expect(read(openCatalog(there.memory, lookerOf('t', 'viewer', 'acme.shop')).snapshot())).not.toHaveProperty('beyond');
  });
});
