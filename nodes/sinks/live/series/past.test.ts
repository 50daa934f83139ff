/** Any stretch of time: what was kept and what is remembered, as one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Event, History, KeptSeries, Point } from 'sluice';
import { afterEach, describe, expect, it } from 'vitest';
import { openArchive } from '../../store/archive.ts';
import { keepAll } from '../../store/tiers.ts';
import { anyone, lookerOf } from '../looker.ts';
import { brief } from './digits.ts';
import { createSeriesMemory } from './memory.ts';
import { answerPast, foldSteps } from './past.ts';
import { type Fold, type PastAsked, pastRequest } from './protocol.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const start = Date.UTC(2026, 0, 1);
const metric = (host: string, at: number, ...points: Point[]): Event<'metric'> => ({
  id: `${host}-${at}`,
  kind: 'metric',
  key: `acme.shop.prod.${host}.app`,
  source: `/acme/shop/prod/${host}/app`,
  time: start + at * 1000,
  data: { points },
});

/** A process with a memory that began then, in seconds, and perhaps with a store. */
async function world(began: number, store: 'store' | 'none' = 'store') {
  let now = began;
  let stored = start;
  const memory = createSeriesMemory({ seconds: 600, bytes: 1e8, each: 5000, names: 100, now: () => start + now * 1000 });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-past-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const archive = store === 'store' ? await openArchive({ folder, keep: keepAll, say: () => {}, now: () => stored }) : undefined;
  undo.push(() => archive?.close());
  const history: History | undefined = archive?.history;
  const labels = new Map<string, Record<string, string>>();
  return {
    memory,
    labels,
    /** They are received as they come, some at a time. */
    async keep(...events: Event[]) {
      for (let from = 0; from < events.length; from += 100) {
        const some = events.slice(from, from + 100);
        stored = some.at(-1)?.time ?? stored;
        await archive?.write(some);
      }
    },
    hear(...events: Event<'metric'>[]) {
      for (const event of events) {
        now = Math.max(now, (event.time - start) / 1000);
        memory.take(event);
      }
    },
    ask: (asked: Partial<PastAsked> & { from: number; to: number }, looker = anyone) =>
      answerPast(
        { memory, labelsOf: (server) => labels.get(server), servers: () => [...labels.keys()] },
        pastRequest.parse({ metric: 'x', step: 1000, ...asked, from: start + asked.from * 1000, to: start + asked.to * 1000 }),
        history,
        looker,
      ),
  };
}
const x = (value: number, more: Partial<Point> = {}): Point => ({ name: 'x', value, ...more });

describe('the past and the present', () => {
  it('join without a hole or a double, whatever the step', async () => {
    const { keep, hear, ask } = await world(1000);
    const rising = (at: number) => [metric('web-1', at, x(at), { name: 'total', type: 'counter', value: at * 3 })] as const;
    const all = Array.from({ length: 1700 }, (_, at) => rising(at));
    // Another run kept the first of it; this one hears the rest, of which the last seconds are not stored yet.
    for (const [at, events] of all.entries()) if (at >= 1000) hear(...events);
    await keep(...all.slice(0, 1695).flat());
    const fine = await ask({ from: 0, to: 1700 });
    expect(fine.step).toBe(1000);
    expect(fine.series).toHaveLength(1);
    expect(fine.series[0]?.values).toEqual(Array.from({ length: 1700 }, (_, at) => at));
    const coarse = await ask({ from: 0, to: 1700, step: 10_000 });
    expect(coarse.series[0]?.values).toEqual(Array.from({ length: 170 }, (_, step) => step * 10 + 4.5));
    expect(coarse.series[0]?.high?.[100]).toBe(1009);
    const rates = await ask({ metric: 'total', from: 0, to: 1700, step: 7000 });
    expect(rates.from).toBe(start - (start % 7000));
    expect(new Set(rates.series[0]?.values.slice(1))).toEqual(new Set([3]));
    expect(fine.coverage).toEqual([{ from: start + 99_000, to: start + 1_700_000, resolution: 'raw' }]);
  });

  it('say gaps as gaps, also while nothing ran', async () => {
    const { keep, hear, ask } = await world(200);
    await keep(...[0, 1, 2].map((at) => metric('web-1', at, x(at))));
    hear(...[200, 201, 203].map((at) => metric('web-1', at, x(at))));
    const { series, coverage } = await ask({ from: 0, to: 204 });
    expect(series[0]?.values.flatMap((value, at) => (value === null ? [] : [[at, value]]))).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [200, 200],
      [201, 201],
      [203, 203],
    ]);
    expect(coverage).toMatchObject([{ resolution: 'raw' }, { from: start + 201_000, to: start + 204_000, resolution: 'raw' }]);
  });

  it('is what is remembered where nothing is kept', async () => {
    const { hear, ask } = await world(0, 'none');
    hear(...[0, 1, 2].map((at) => metric('web-1', at, x(at))));
    expect(await ask({ from: -2, to: 4 })).toMatchObject({ series: [{ values: [null, null, 0, 1, 2, null] }], of: 1 });
  });

  it('groups, chooses and filters as a watch does, by labels of now too, and shows nobody what is not theirs', async () => {
    const { keep, hear, ask, labels } = await world(100);
    for (const host of ['web-1', 'web-2', 'web-3']) {
      const points = (at: number) =>
        metric(host, at, x(Number(host.at(-1)), { attributes: { mode: 'a' } }), x(10, { attributes: { mode: 'b' } }));
      await keep(points(0));
      hear(points(120));
      labels.set(`acme.shop.prod.${host}`, { zone: host === 'web-3' ? 'z' : 'y' });
    }
    await keep({ ...metric('till-1', 0, x(99)), key: 'acme.till.prod.till-1.app' });
    const span = { from: 0, to: 121, step: 60_000 };
    const brief = async (asked: Partial<PastAsked>, looker = anyone) =>
      (await ask({ ...span, ...asked }, looker)).series.map(({ host, attributes, labels, values }) => [host, attributes, labels, values]);
    expect(await brief({ by: ['label:zone'], fold: 'sum', where: { attributes: { mode: ['a'] } } })).toEqual([
      [undefined, {}, { zone: 'y' }, [3, null, 3]],
      [undefined, {}, { zone: 'z' }, [3, null, 3]],
    ]);
    expect(await brief({ where: { label: { zone: ['z'] }, attributes: { mode: ['a'] } } })).toEqual([
      ['web-3', { mode: 'a' }, undefined, [3, null, 3]],
    ]);
    expect(await ask({ ...span, most: 2 })).toMatchObject({ of: 7, series: [{ host: 'till-1' }, { values: [10, null, 10] }] });
    expect(await brief({}, lookerOf('t', 'viewer', 'acme.till'))).toEqual([['till-1', {}, undefined, [99, null, null]]]);
    expect(await ask(span, lookerOf('t', 'viewer', 'other'))).toMatchObject({ of: 0, series: [] });
  });

  it('takes longer steps of many series, and never more than so many', async () => {
    const { hear, ask } = await world(0, 'none');
    for (let host = 0; host < 4000; host++) hear(metric(`web-${host}`, host % 500, x(host)));
    const answer = await ask({ from: 0, to: 500, most: 3 });
    expect([answer.step, answer.of]).toEqual([2000, 4000]);
    expect(answer.series.map(({ host }) => host)).toEqual(['web-3999', 'web-3998', 'web-3997']);
    expect((await ask({ from: -1e7, to: 1e7 })).series[0]?.values.length).toBeLessThanOrEqual(2000);
  });
});

it('folds steps as adding them up by hand does', () => {
  const value = fc.option(fc.integer({ min: -50, max: 50 }), { nil: Number.NaN });
  fc.assert(
    fc.property(
      fc.constantFrom<Fold>('sum', 'mean', 'min', 'max'),
      fc.array(fc.array(value, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
      (fold, rows) => {
        const members = rows.map(
          (row): KeptSeries => ({
            key: 'k',
            attributes: {},
            type: 'gauge',
            mean: Float64Array.from(row),
            low: Float64Array.from(row),
            high: Float64Array.from(row),
          }),
        );
        // Where all measure in each step, or in none, nothing stands for another.
        const whole = rows.map((row) => row.map((each, at) => (rows.every((other) => !Number.isNaN(other[at])) ? each : Number.NaN)));
        for (const [index, row] of whole.entries()) for (const side of ['mean', 'low', 'high'] as const) members[index]?.[side].set(row);
        const folded = foldSteps(members, fold, 60_000);
        for (let at = 0; at < 8; at++) {
          const column = whole.map((row) => row[at] ?? Number.NaN);
          const sum = column.reduce((total, each) => total + each, 0);
          const expected = Number.isNaN(sum)
            ? Number.NaN
            : { sum, mean: sum / column.length, min: Math.min(...column), max: Math.max(...column) }[fold];
          if (Number.isNaN(expected)) expect(folded?.mean[at]).toBeNaN();
          else expect(folded?.mean[at]).toBeCloseTo(expected, 9);
          if (fold !== 'sum' && !Number.isNaN(expected))
            expect([folded?.low[at], folded?.high[at]]).toEqual([Math.min(...column), Math.max(...column)]);
        }
      },
    ),
  );
});

it('writes numbers with six digits, as short as they are', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      const rounded = Number(brief(value));
      if (Number.isFinite(value)) expect(Math.abs(rounded - value)).toBeLessThanOrEqual(Math.abs(value) * 5.01e-6);
      const digits = brief(Math.abs(value))
        .replace(/e.*/, '')
        .replace('.', '')
        .replace(/^0+|0+$/g, '');
      expect(digits.length).toBeLessThanOrEqual(6);
    }),
  );
  expect([0.1 + 0.2, 1 / 3, 1_234_567.89, 1e21, 12, -0.000012345678, Number.NaN, 0.30000001192092896].map(brief)).toEqual([
    '0.3',
    '0.333333',
    '1234570',
    '1e+21',
    '12',
    '-0.0000123457',
    'null',
    '0.3',
  ]);
});
