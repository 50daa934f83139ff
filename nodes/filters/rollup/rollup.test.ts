/** Rollup where its examples are too small: order, stragglers, counters, clocks, bounds and what longer windows are made of. */
import fc from 'fast-check';
import { type Data, decodeSketch, encodeSketch, type Given, mergeSketches, quantile as quantileOf, type Step, sketchOf } from 'sluice';
import { anEvent, each, keyOn, play, playStart } from 'sluice/testing';
import { describe, expect, test } from 'vitest';
import { filterRun } from '../../../core/runtime/filtering.ts';
import type { Entry } from '../../../core/state/tables.ts';
import rollup from './rollup.ts';

type Point = { name: string; value: number; type?: 'counter'; attributes?: Record<string, string> };
const key = keyOn('web-1', 'app');
const at = (arrives: number, point: Point | Point[], time = arrives): Step => ({
  at: `${arrives}s`,
  event: { kind: 'metric', key, data: { points: [point].flat() }, time: `${time}s` },
});
const value = (number: number): Point => ({ name: 'x', value: number });
const counter = (number: number): Point => ({ name: 'c', value: number, type: 'counter' });
const stats = (steps: Step[], config = {}) => play(rollup, config, steps).came.flatMap((came) => (came.kind === 'stat' ? [came] : []));
const minutesOf = (data: Data<'stat'>): number => (Date.parse(data.to) - Date.parse(data.from)) / 60_000;
/** Start and length in minutes, and each series as count/sum. */
const brief = (steps: Step[], config = {}): string[] =>
  stats(steps, config).map(({ data }) => {
    const from = (Date.parse(data.from) - playStart) / 60_000;
    return `${from}+${minutesOf(data)}: ${data.series.map(({ name, count, sum }) => `${name} ${count}/${sum}`).join(', ')}`;
  });

test('any order of arrival within the allowance gives the same bytes', () => {
  const point = fc.record({
    time: fc.integer({ min: 0, max: 119 }),
    delay: fc.integer({ min: 0, max: 14 }),
    value: fc.double({ noNaN: true, min: -1e12, max: 1e12 }),
    name: fc.constantFrom('a', 'b'),
    type: fc.constantFrom('counter' as const, 'gauge' as const),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(point, { minLength: 1, maxLength: 30, selector: ({ time, name, type }) => `${time} ${name} ${type}` }),
      (points) => {
        const told = (arrival: (one: (typeof points)[number]) => number) => {
          const steps = points
            .map((one) => ({ ...one, arrives: arrival(one) }))
            .sort((a, b) => a.arrives - b.arrives)
            .map(({ arrives, time, delay: _, ...each }) => at(arrives, each as Point, time));
          return JSON.stringify(stats([...steps, { at: '11m' }]).map(({ id, time, data }) => ({ id, time, data })));
        };
        expect(told(({ time, delay }) => time + delay)).toBe(told(({ time }) => time));
      },
    ),
    { seed: 3, numRuns: 100 },
  );
});

test('late or not, in any order: what the parts of a window come to is what its points are', () => {
  const point = fc.record({
    time: fc.integer({ min: 0, max: 599 }),
    delay: fc.oneof(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 15, max: 4000 })),
    value: fc.integer({ min: -1000, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 40 }), (points) => {
      const steps = points
        .toSorted((a, b) => a.time + a.delay - b.time - b.delay)
        .map(({ time, delay, value: number }) => at(time + delay, value(number), time));
      const told = stats([...steps, { at: '4h' }]);
      for (const length of [1, 10, 60]) {
        const windows = new Map<string, Data<'stat'>['series'][number][]>();
        for (const { data } of told)
          if (minutesOf(data) === length) windows.set(data.from, [...(windows.get(data.from) ?? []), ...data.series]);
        for (const [from, parts] of windows) {
          const start = (Date.parse(from) - playStart) / 1000;
          const own = points.filter(({ time }) => time >= start && time < start + length * 60).map((one) => one.value);
          const merged = parts.map(({ sketch = '' }) => decodeSketch(sketch) ?? sketchOf([])).reduce(mergeSketches);
          expect({
            count: parts.reduce((sum, part) => sum + part.count, 0),
            sum: parts.reduce((sum, part) => sum + part.sum, 0),
            min: Math.min(...parts.map(({ min }) => min)),
            max: Math.max(...parts.map(({ max }) => max)),
            sketch: encodeSketch(merged),
          }).toEqual({
            count: own.length,
            sum: own.reduce((sum, one) => sum + one, 0),
            min: Math.min(...own),
            max: Math.max(...own),
            sketch: encodeSketch(sketchOf(own)),
          });
        }
        const counted = [...windows.values()].flat().reduce((sum, part) => sum + part.count, 0);
        expect(counted).toBe(points.length);
      }
    }),
    { seed: 8, numRuns: 60 },
  );
});

test('an hour is made of its minutes, and its quantiles are those of all its points', () => {
  const values = Array.from({ length: 3600 }, (_, second) => 1 + ((second * 7919) % 1000));
  const steps = values.map((number, second) => at(second, value(number)));
  const told = stats([...steps, { at: '61m' }]);
  expect(told.map(({ data }) => minutesOf(data)).filter((length) => length > 1)).toEqual([10, 10, 10, 10, 10, 10, 60]);
  const [whole] = told.at(-1)?.data.series ?? [];
  expect(whole).toMatchObject({ count: 3600, sum: values.reduce((a, b) => a + b), min: 1, max: 1000, last: values.at(-1) });
  const sketch = decodeSketch(whole?.sketch ?? '');
  const p99 = sketch && quantileOf(sketch, 0.99);
  const truth = values.toSorted((a, b) => a - b)[3563] ?? 0;
  expect(Math.abs((p99 ?? 0) - truth)).toBeLessThan(truth * 0.0101);
});

describe('counters', () => {
  test('rates go on over the end of a minute, and over a restart at 0', () => {
    const steps = each(0, 120, 10, (_, second) => at(second, counter(second < 90 ? second * 5 : (second - 85) * 5)));
    const told = stats([...steps, { at: '2m15s' }]);
    expect(told.map(({ data }) => data.series[0])).toMatchObject([
      { count: 5, sum: 25, min: 5, max: 5 },
      { count: 6, sum: 27.5, min: 2.5, max: 5 },
    ]);
  });

  test('a first reading alone tells nothing', () => {
    expect(brief([at(0, counter(5)), { at: '2m' }])).toEqual([]);
  });

  test('stragglers have the rates between them, and the present ones stay as they were', () => {
    const now = each(0, 240, 10, (_, second) => at(second, counter(second)));
    const late = [at(300, counter(10.5), 10.5), at(300, counter(11.5), 11.5)];
    expect(brief([...now, ...late, at(301, counter(301)), { at: '7m' }])).toEqual([
      ...['0+1: c 5/5', '1+1: c 6/6', '2+1: c 6/6', '3+1: c 6/6', '4+1: c 1/1', '0+1: c 1/1', '5+1: c 1/1'],
    ]);
  });
});

describe('causes', () => {
  const from = (second: number, value: number, source: string, sequence: number): Given<'metric'> => {
    const time = playStart + second * 1000;
    const data = { points: [{ name: 'x', value }] };
    const writer = `/acme/shop/prod/web-1/${source}`;
    return { event: { id: `${source}-${sequence}`, kind: 'metric', key, source: writer, bootid: 'b1', sequence, time, data }, at: time };
  };
  const causesOfStats = (inputs: readonly Given<'metric'>[], restart = false): string[] => {
    const host = { name: 'rollup', about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' } };
    let run = filterRun(rollup, rollup.config.parse({}), host);
    const rows = new Map<string, Map<string, Entry>>();
    const told: string[] = [];
    const ends = [...new Set([...inputs.map(({ at }) => at), playStart + 75_000, playStart + 615_000, playStart + 3_615_000])].sort(
      (a, b) => a - b,
    );
    for (const at of ends) {
      const outcomes = [...inputs.filter((one) => one.at === at).flatMap(({ event }) => run.event(event, at)), ...run.tick(at)];
      for (const one of outcomes.flatMap((outcome) => (outcome.dead === undefined ? outcome.derived : []))) {
        const causes = one.causes?.map((cause) => cause.replace(/^\/acme\/shop\/prod\/web-1/, '')).join(' ');
        if (one.kind === 'stat') told.push(`${minutesOf(one.data)}: ${causes}`);
      }
      for (const { table, key: row, entry } of run.memory.changes()) {
        const known = rows.get(table) ?? new Map<string, Entry>();
        rows.set(table, known);
        if (entry) known.set(row, entry);
        else known.delete(row);
      }
      run.memory.committed();
      if (restart) run = filterRun(rollup, rollup.config.parse({}), host, (table) => rows.get(table) ?? []);
    }
    return told;
  };

  test('of a minute are the events of each writer; of an hour those of all its minutes; also over a restart', () => {
    const inputs = [from(1, 1, 'app', 8), from(2, 1, 'app', 7), from(3, 1, 'other', 1), from(30, 1, 'app', 9), from(61, 1, 'app', 10)];
    const expected = [
      `1: /app/b1/metric/${key}/7-9 /other/b1/metric/${key}/1-1`,
      `1: /app/b1/metric/${key}/10-10`,
      `10: /app/b1/metric/${key}/7-10 /other/b1/metric/${key}/1-1`,
      `60: /app/b1/metric/${key}/7-10 /other/b1/metric/${key}/1-1`,
    ];
    expect(causesOfStats(inputs)).toEqual(expected);
    expect(causesOfStats(inputs, true)).toEqual(expected);
  });

  test('are bounded, and left out where an event does not say its place', () => {
    const many = Array.from({ length: 30 }, (_, writer) => from(writer, 1, `w${writer}`, 1));
    expect(causesOfStats(many)[0]?.split(' ').length).toBe(9);
    const nameless = { ...from(1, 1, 'app', 1).event, source: 'a stranger' };
    const unnumbered = { ...from(2, 1, 'app', 1).event };
    delete (unnumbered as { sequence?: number }).sequence;
    expect(causesOfStats([nameless, unnumbered].map((event) => ({ event, at: event.time })))).toEqual([
      '1: undefined',
      '10: undefined',
      '60: undefined',
    ]);
  });
});

describe('time', () => {
  test('a backlog of an hour is told whole, each window as one further part', () => {
    const before = [at(0, value(1))];
    const backlog = Array.from({ length: 59 }, (_, minute) => at(7200, value(2), minute * 60 + 30));
    const told = brief([...before, ...backlog, { at: '6h' }]);
    expect(told.filter((line) => line.includes('+60:'))).toEqual(['0+60: x 1/1', '0+60: x 59/118']);
    const ids = stats([...before, ...backlog, { at: '6h' }]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each([-1800, 1800])('a server whose clock is off by %i s has its windows, each in one part', (off) => {
    const steps = each(3600, 7200, 10, (_, second) => at(second, value(1), second + off));
    const minutes = stats([...steps, { at: '3h' }]).filter(({ data }) => minutesOf(data) === 1);
    expect(minutes.map(({ data }) => data.series[0]?.count)).toEqual([...Array.from({ length: 60 }, () => 6), 1]);
  });

  test("a point's own time goes before its event's", () => {
    const own = (second: number) => ({ ...value(second), time: new Date(playStart + second * 1000).toISOString() });
    expect(brief([anEvent('65s', 'metric', key, { points: [own(10), own(50), own(61)] }), { at: '2m15s' }])).toEqual([
      ...['0+1: x 2/60', '1+1: x 1/61'],
    ]);
  });

  test('what is over a day from now is refused, and that is said', () => {
    const steps = [
      { ...value(1), time: '1970-01-01T00:00:00Z' },
      { ...value(1), time: '9999-01-01T00:00:00Z' },
    ];
    const { came } = play(rollup, {}, [anEvent('1s', 'metric', key, { points: steps }), { at: '5m' }]);
    expect(came).toMatchObject([{ kind: 'state', at: 60_000, data: { value: { late: 0, refused: 2, leftOut: 0 } } }]);
  });
});

describe('bounds', () => {
  test('series past the bound are counted; those that are gone for hours make room', () => {
    const process = (pid: number): Point => ({ name: 'p', value: pid, attributes: { pid: String(pid) } });
    const steps = [at(0, [process(1), process(2), process(3)]), at(5 * 3600, [process(3), process(4)])];
    const { came } = play(rollup, { series: 2 }, [...steps, { at: '5h2m' }]);
    const seen = came.flatMap((each) =>
      each.kind === 'stat' && minutesOf(each.data) === 1 ? [each.data.series.map(({ max }) => max)] : [],
    );
    expect(seen).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(came.flatMap((each) => (each.kind === 'state' ? [each.data.value] : []))).toEqual([{ late: 0, refused: 0, leftOut: 1 }]);
  });

  test('a key with very many series is told in several stats that each fit into an event', () => {
    const points = Array.from({ length: 5000 }, (_, index) => ({ name: 'n', value: index, attributes: { index: String(index) } }));
    const told = stats([at(0, points), { at: '75s' }]);
    expect(told.length).toBeGreaterThan(1);
    expect(told.flatMap(({ data }) => data.series)).toHaveLength(5000);
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
    for (const { data } of told) expect(JSON.stringify(data).length).toBeLessThan(524_288);
  });

  test('the largest numbers stay numbers', () => {
    const steps = [0, 1, 2].map((second) => at(second, [value(Number.MAX_VALUE), counter(second * 8e307)]));
    const told = stats([...steps, { at: '2m' }]);
    expect(told[0]?.data.series).toMatchObject([{ name: 'c' }, { name: 'x', sum: Number.MAX_VALUE }]);
  });
});
