import { describe, expect, it } from 'vitest';
import type { CatalogEntry, PastAnswer, WatchedAll, WatchedSeries } from '../../series/protocol.ts';
import { familiesOf, fits } from './families.ts';
import { largestFirst, linesOf, near } from './lines.ts';
import { questionsOf, readLooks, writeLooks } from './looks.ts';
import { bucketsOf } from './markers.ts';
import { stepFor } from './past.ts';
import { createLiveTracks, createPastTracks, type Track } from './tracks.ts';

const entry = (name: string, attributes: Record<string, string[]> = {}, rest: Partial<CatalogEntry> = {}): CatalogEntry => ({
  name,
  type: 'gauge',
  series: 1,
  servers: 1,
  attributes: Object.entries(attributes).map(([key, values]) => ({ name: key, values, of: values.length })),
  ...rest,
});
const cpu = (servers: number) =>
  entry('system.cpu.utilization', { 'cpu.mode': ['user', 'system', 'iowait', 'idle'] }, { unit: '1', servers, series: 4 * servers });
const only = (...metrics: CatalogEntry[]) => {
  const [family] = familiesOf(metrics);
  if (!family) throw new Error('a metric makes a family');
  return family;
};
const everywhere = { servers: [] };

describe('families', () => {
  it('come in the order in which a person asks, spans of one thing together', () => {
    const names = ['zoo.visitors', 'system.cpu.time', 'system.memory.usage', 'system.cpu.load_average.15m', 'system.cpu.load_average.1m'];
    const families = familiesOf([...names.map((name) => entry(name)), cpu(1)]);
    expect(families.map(({ id }) => id)).toEqual([
      'system.cpu.utilization',
      'system.memory.usage',
      'system.cpu.load_average',
      'zoo.visitors',
      'system.cpu.time',
    ]);
    expect(families[2]?.metrics.map(({ name }) => name)).toEqual(['system.cpu.load_average.1m', 'system.cpu.load_average.15m']);
  });

  it('are found by name and by attribute, each word anywhere', () => {
    const family = only(entry('system.network.io', { 'network.interface.name': ['eth0'] }));
    for (const search of ['', 'net', 'eth0', 'ETH0 io', 'network io']) expect([search, fits(family, search)]).toEqual([search, true]);
    expect(fits(family, 'eth1')).toBe(false);
  });

  it('stay the same where nothing changed', () => {
    const metric = cpu(3);
    const [before] = familiesOf([metric]);
    expect(familiesOf([metric], new Map([[before?.id ?? '', before as never]]))[0]).toBe(before);
  });
});

describe('what a chart asks', () => {
  it('of one server: all its modes, on top of each other', () => {
    expect(questionsOf(only(cpu(1)), {}, everywhere)).toMatchObject({
      stacked: true,
      by: 'each',
      questions: [{ watch: { metric: 'system.cpu.utilization' } }],
    });
    expect(questionsOf(only(cpu(250)), {}, { servers: ['acme.shop.prod.web-1'] })).toMatchObject({
      stacked: true,
      questions: [{ watch: { where: { server: ['acme.shop.prod.web-1'] } } }],
    });
  });

  it('of many: the mean, and the work of the busiest', () => {
    const busy = { attributes: { 'cpu.mode': ['user', 'system'] } };
    expect(questionsOf(only(cpu(250)), {}, everywhere)).toEqual({
      stacked: false,
      by: ['server'],
      fold: 'sum',
      questions: [
        {
          watch: { metric: 'system.cpu.utilization', where: busy, by: ['cpu.mode'], fold: 'mean' },
          span: undefined,
          summed: 'mean of 250',
        },
        { watch: { metric: 'system.cpu.utilization', where: busy, by: ['server'], fold: 'sum' }, span: undefined },
      ],
    });
  });

  it('what a person chose', () => {
    const look = { by: ['cpu.mode'], fold: 'mean' as const, where: { 'cpu.mode': ['user', 'idle'], 'label:zone': ['eu-1a'] } };
    expect(questionsOf(only(cpu(250)), look, everywhere)).toMatchObject({
      stacked: true,
      questions: [
        {
          watch: {
            by: ['cpu.mode'],
            fold: 'mean',
            where: { attributes: { 'cpu.mode': ['user', 'idle'] }, label: { zone: ['eu-1a'] } },
          },
        },
      ],
    });
    expect(questionsOf(only(cpu(250)), { by: [] }, everywhere).questions).toMatchObject([{ watch: { by: [] } }]);
  });

  it('stands in the address, whatever its words are', () => {
    const looks = new Map([
      ['a(b)~%=', { by: ['x~y', 'label:zone'], fold: 'max' as const, where: { 'k(1)': ['v)w', '', '100 %'] } }],
      ['b', { by: [] }],
      ['c', { by: 'each' as const }],
    ]);
    expect(readLooks(writeLooks(looks))).toEqual(looks);
    for (const nonsense of ['(((', 'a(b', 'a(fold~no)', '%zz(by)']) expect(() => readLooks(nonsense)).not.toThrow();
  });
});

const from = 1_000_000;
const watched = (index: number, host: string, values: (number | null)[], attributes = {}): WatchedSeries => ({
  ...{ index, host, server: `acme.shop.prod.${host}`, attributes, interval: 1, values },
});
const all = (...series: WatchedSeries[]): WatchedAll => ({ metric: 'm', of: series.length, from, now: from + 10, series });

describe('tracks', () => {
  it('go on with points, and keep a hole a hole', () => {
    const live = createLiveTracks(1, 60);
    expect(live.take(all(watched(0, 'web-1', [1, null, 3])))).toBe(true);
    expect(live.take({ points: [{ at: from + 4, values: [[0, 5]] }], newest: 0 })).toBe(false);
    const [track] = live.tracks;
    expect([0, 1, 2, 3, 4].map((second) => track?.at(from + second))).toEqual([1, null, 3, null, 5]);
    expect(track?.latest).toBe(from + 4);
  });

  it('keep what they know over a break, whatever their numbers are then', () => {
    const live = createLiveTracks(1, 60);
    live.take(all(watched(0, 'web-1', [1]), watched(1, 'web-2', [2])));
    const before = live.tracks;
    live.take({ ...all(watched(0, 'web-2', [22]), watched(1, 'web-1', [11])), from: from + 1 });
    expect(live.tracks.map(({ named }) => named.host)).toEqual(['web-2', 'web-1']);
    expect(live.tracks).toEqual([before[1], before[0]]);
    expect([live.tracks[1]?.at(from), live.tracks[1]?.at(from + 1)]).toEqual([1, 11]);
  });

  it('come and go', () => {
    const live = createLiveTracks(1000, 60);
    live.take(all(watched(0, 'web-1', [1])));
    const frame = { points: [], newest: 0, from, added: [watched(7, 'web-9', [9])], gone: [0] };
    expect(live.take(frame)).toBe(true);
    expect(live.tracks.map((track) => [track.named.host, track.at(from)])).toEqual([['web-9', 9000]]);
  });

  it('of the past go on where an earlier answer ended, with their bands, within their reach', () => {
    const past = createPastTracks(1);
    const answer = (first: number, values: (number | null)[]): PastAnswer => ({
      ...{ metric: 'm', of: 1, from: first * 1000, to: (first + values.length * 60) * 1000, step: 60_000, coverage: [] },
      series: [
        {
          host: 'web-1',
          attributes: {},
          values,
          low: values.map((each) => each && each - 1),
          high: values.map((each) => each && each + 1),
        },
      ],
    });
    past.take(answer(600, [1, 2, null, 4, 5, 6, 7, 8, 9]), 600);
    past.take(answer(1080, [90, 100]), 660);
    const [track] = past.tracks;
    expect([600, 660, 720, 780, 1080, 1140].map((second) => track?.at(second))).toEqual([null, 2, null, 4, 90, 100]);
    expect(track?.band?.(1140)).toEqual([99, 101]);
    expect(track?.interval).toBe(60);
  });
});

describe('lines', () => {
  const track = (named: Track['named'], value = 1): Track => ({
    ...{ id: JSON.stringify(named), named, interval: 1, latest: from, band: undefined, at: (second) => (second === from ? value : null) },
  });
  const question = { watch: { metric: 'm' }, span: undefined };

  it('say only what tells them apart', () => {
    const label = (...tracks: Track[]) => linesOf([{ question, tracks }], false).map((line) => line.label);
    const of = (host: string, attributes: Record<string, string>) => track({ host, server: `acme.${host}`, attributes });
    expect(label(of('web-1', { mode: 'user' }), of('web-1', { mode: 'idle' }))).toEqual(['user', 'idle']);
    expect(label(of('web-1', { mode: 'user' }), of('web-2', { mode: 'user' }))).toEqual(['web-1', 'web-2']);
    expect(label(of('web-1', { direction: 'receive', device: 'a' }), of('web-1', { direction: 'transmit', device: 'b' }))).toEqual([
      '↓ a',
      '↑ b',
    ]);
    const twins = ['shop', 'billing'].map((system) => track({ host: 'web-1', server: `acme.${system}.prod.web-1`, attributes: {} }));
    expect(label(...twins)).toEqual(['acme.shop.prod.web-1', 'acme.billing.prod.web-1']);
    expect(label(of('\u202eweb', {}))).toEqual(['⟪U+202E⟫web']);
  });

  it('are listed largest first, the mean of all before them', () => {
    const tracks = [3, 5, 4].map((value) => track({ host: `web-${value}`, attributes: {} }, value));
    const lines = linesOf(
      [
        { question: { ...question, summed: 'mean of 3' }, tracks },
        { question, tracks },
      ],
      false,
    );
    expect(largestFirst(lines, false).map((line) => [line.label, line.at(from)])).toEqual([
      ['mean of 3', 12],
      ['web-5', 5],
      ['web-4', 4],
      ['web-3', 3],
    ]);
  });

  it('have a value for as long as it is meant', () => {
    const [line] = linesOf([{ question, tracks: [{ ...track({ attributes: {} }), interval: 10 }] }], false);
    if (!line) throw new Error('a track makes a line');
    expect([near(line, from + 10, 1), near(line, from + 11, 1)]).toEqual([1, null]);
  });
});

it('puts signs that would lie on each other together, as grave as the gravest', () => {
  const mark = (time: number, what: 'firing' | 'version', severity?: 'critical') => ({
    ...{ id: String(time), time: time * 1000, what, key: 'k', host: 'web-1', text: '' },
    ...(severity && { severity }),
  });
  const buckets = bucketsOf([mark(5, 'version'), mark(10, 'version'), mark(11, 'firing', 'critical'), mark(60, 'firing')], 10, 110, 300);
  expect(buckets.map(({ left, weight, marks }) => [left, weight, marks.length])).toEqual([
    [0, 'critical', 2],
    [150, 'warning', 1],
  ]);
});

it('asks for about as many values as there are places', () => {
  expect([60, 3_600, 86_400, 30 * 86_400, 3e9].map((seconds) => stepFor(seconds, 400))).toEqual([1, 10, 300, 7_200, 2_592_000]);
});
