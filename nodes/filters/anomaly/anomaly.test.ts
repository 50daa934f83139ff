/** Anomaly on synthetic weeks: patterns, noise, trends, single bad weeks, stragglers, silence and bounds. */
import fc from 'fast-check';
import type { Step } from 'sluice';
import { keyOn, play } from 'sluice/testing';
import { describe, expect, test } from 'vitest';
import anomaly from './anomaly.ts';
import { type Habit, learn, usual } from './habit.ts';

const hourly = (hour: number, value: number, name = 'system.network.io', arrives = hour + 1): Step => {
  const time = (of: number) => new Date(Date.UTC(2026, 0, 1, of)).toISOString();
  const series = [{ name, unit: 'By/s', count: 60, sum: value * 60, min: value, max: value }];
  return {
    at: `${arrives}h`,
    event: { kind: 'stat', key: keyOn('web-1', 'network'), data: { from: time(hour), to: time(hour + 1), series } },
  };
};
const weeks = (count: number, value: (hour: number) => number): Step[] =>
  Array.from({ length: Math.round(count * 168) }, (_, hour) => hourly(hour, value(hour)));
const brief = (steps: Step[], config = {}) =>
  play(anomaly, config, steps).came.flatMap((came) =>
    came.kind === 'alert'
      ? [`${Math.round(came.at / 3_600_000)}h ${came.data.status} ${came.data.severity}`]
      : came.kind === 'dead'
        ? [came.data.reason]
        : [],
  );
/** From -1 to 1, the same each time. */
const noise = (hour: number): number => ((hour * 7919) % 2001) / 1000 - 1;
const daily = (hour: number): number => 20e6 + 18e6 * Math.sin((hour * Math.PI) / 12);
const weekly = (hour: number): number => (Math.floor(hour / 24) % 7 < 5 ? daily(hour) : 3e6) * (1 + 0.1 * noise(hour));

describe('stays quiet for eight weeks', () => {
  test.each([
    ['of working days and weekends', weekly],
    ['of noise', (hour: number) => 10e6 * (1 + 0.3 * noise(hour))],
    ['that grow by a twentieth each', (hour: number) => 1.05 ** (hour / 168) * daily(hour)],
    ['of next to nothing, now and then a little', (hour: number) => (hour % 37 === 0 ? 600_000 : 1000)],
    ['in which summer time comes', (hour: number) => weekly(hour < 840 ? hour : hour + 1)],
  ])('%s', (_, value) => {
    expect(brief(weeks(8, value))).toEqual([]);
  });
});

describe('tells', () => {
  test('a weekend that is like a working day, once, and its end', () => {
    const steps = weeks(5, (hour) => (hour === 4 * 168 + 130 || hour === 4 * 168 + 131 ? 30e6 : weekly(hour)));
    expect(brief(steps)).toEqual(['803h firing info', '805h resolved info']);
  });

  test('a day on which nobody comes', () => {
    expect(brief(weeks(5, (hour) => (hour === 4 * 168 + 6 ? 0 : weekly(hour))))).toEqual(['679h firing info', '680h resolved info']);
  });

  test('the same, though one earlier week was as odd', () => {
    const odd = (hour: number) => (hour === 168 + 130 || hour === 5 * 168 + 130 ? 60e6 : weekly(hour));
    expect(brief(weeks(6, odd))).toEqual(['971h firing info', '972h resolved info']);
  });

  test('what it means, in a sentence', () => {
    const { came } = play(
      anomaly,
      {},
      weeks(4, (hour) => (hour === 600 ? 90e6 : 2e6)),
    );
    expect(came.find(({ kind }) => kind === 'alert')?.data).toMatchObject({
      summary: 'system.network.io was 90000000 By/s over an hour; at this hour of 3 earlier weeks, 2000000 By/s to 2000000 By/s',
      value: 90e6,
      threshold: 3e6,
    });
  });
});

test('a further part of an hour is learned, and is not judged by itself', () => {
  const before = weeks(4, () => 2e6);
  expect(brief([...before, hourly(4 * 168 - 1, 90e6, 'system.network.io', 4 * 168)])).toEqual([]);
});

test('only what it was told to know by heart, only hours, and no more than its bound', () => {
  const odd = (name: string) => Array.from({ length: 600 }, (_, hour) => hourly(hour, hour === 599 ? 9e9 : 1, name));
  expect(brief(odd('app.other'))).toEqual([]);
  expect(brief(odd('app.other'), { metrics: { 'app.other': 1 } })).toEqual(['600h firing info']);
  const two = [0, 1, 2, 3].flatMap((hour) => [hourly(hour, 1, 'a'), hourly(hour, 1, 'b'), hourly(hour, 1, 'c')]);
  const { came } = play(anomaly, { metrics: { a: 1, b: 1, c: 1 }, series: 1 }, two);
  expect(came).toMatchObject([{ kind: 'state', key: keyOn('hub-1', 'anomaly'), data: { value: { leftOut: 2 } } }]);
});

test('what is silent for three hours is over, unless nothing could be heard', () => {
  const steps = weeks(4, (hour) => (hour === 671 ? 90e6 : 2e6));
  expect(brief([...steps, { at: '680h' }])).toEqual(['672h firing info', '675h resolved info']);
  const cut: Step = { at: '672h', pipe: { connected: false, caughtUp: false } };
  expect(brief([...steps, cut, { at: '680h' }])).toEqual(['672h firing info']);
});

test('an hour of a week is the same, learned at once or in parts of any order', () => {
  const part = fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 100 }), fc.integer({ min: -1000, max: 1000 }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1 }), (parts) => {
      const all = (order: typeof parts) => order.reduce<Habit>((known, [week, count, sum]) => learn(known, week, count, sum), []);
      expect(all(parts.toReversed())).toEqual(all(parts));
      const known = all(parts);
      expect(known.reduce((sum, [, count]) => sum + count, 0)).toBe(parts.reduce((sum, [, count]) => sum + count, 0));
      expect(usual(known, 9, 1) === undefined).toBe(known.length < 3);
    }),
  );
});
