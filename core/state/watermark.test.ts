import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advance, fromStored, gapsOf, lostOf, toStored, type Watermark } from './watermark.ts';

const run = (sequences: readonly number[]) => {
  let mark: Watermark | undefined;
  return sequences.filter((sequence) => {
    const next = advance(mark, sequence);
    if (next) mark = next;
    return next !== undefined;
  });
};

it('takes each sequence once, in whatever order they come', () => {
  const shuffled = fc.shuffledSubarray(Array.from({ length: 40 }, (_, index) => index + 1));
  fc.assert(
    fc.property(shuffled, fc.array(fc.integer({ min: 1, max: 40 })), (order, repeats) => {
      const taken = run([...order, ...repeats, ...order]);
      expect(new Set(taken).size).toBe(taken.length);
      expect(taken).toEqual(expect.arrayContaining(order));
    }),
  );
});

it('knows what never came', () => {
  let mark = advance(undefined, 1);
  for (const sequence of [2, 5, 6, 9]) mark = advance(mark, sequence);
  expect(mark).toMatchObject({ high: 9, holes: [3, 4, 7, 8] });
  expect(mark && [lostOf(mark), gapsOf(mark)]).toEqual([
    4,
    [
      [3, 4],
      [7, 8],
    ],
  ]);
  expect(advance(mark, 4)).toMatchObject({ high: 9, holes: [3, 3, 7, 8] });
  expect(advance(mark, 6)).toBeUndefined();
});

it('counts what a set of all that came would count, over restarts too', () => {
  const sequences = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 90 });
  fc.assert(
    fc.property(sequences, fc.boolean(), (order, joined) => {
      let mark: Watermark | undefined;
      const came = new Set<number>();
      let stragglers = 0;
      for (const [index, sequence] of order.entries()) {
        const next = advance(mark, sequence, index === 0 && joined);
        expect(next === undefined).toBe(came.has(sequence));
        came.add(sequence);
        if (next) mark = fromStored(JSON.parse(JSON.stringify(toStored(next, 1))));
        if (mark) {
          const start = joined ? (order[0] ?? 1) : 1;
          stragglers = [...came].filter((one) => one < start).length;
          expect(lostOf(mark)).toBe(mark.high - start + 1 - (came.size - stragglers));
          expect(gapsOf(mark).reduce((sum, [from, to]) => sum + to - from + 1, 0)).toBe(lostOf(mark));
        }
      }
    }),
  );
});

it('misses nothing from before it was there, and takes a straggler of it', () => {
  const mark = advance(undefined, 5000, true);
  expect(mark && lostOf(mark)).toBe(0);
  const late = advance(mark, 4998);
  expect(late && [lostOf(late), gapsOf(late)]).toEqual([0, []]);
  expect(advance(late, 4998)).toBeUndefined();
  const gap = advance(late, 5003);
  expect(gap && [lostOf(gap), gapsOf(gap)]).toEqual([2, [[5001, 5002]]]);
  const absent = advance(gap, 6000, true);
  expect(absent && lostOf(absent)).toBe(2);
});

it('stays small however many holes there are, and counts those that it gave up', () => {
  let mark: Watermark | undefined;
  for (let sequence = 1; sequence < 10_000; sequence += 2) mark = advance(mark, sequence) ?? mark;
  expect(mark?.holes.length).toBeLessThanOrEqual(128);
  expect(mark && lostOf(mark)).toBe(4999);
  // What was given up never comes any more: it stays lost, and is told from nothing else.
  expect(advance(mark, 2)).toBeUndefined();
  const late = advance(mark, 9998);
  expect(late && lostOf(late)).toBe(4998);
});

it('reads what an earlier version wrote: what was missing from the first on was never counted', () => {
  expect(fromStored([1, 9])).toEqual({ high: 9, start: 1, holes: [], given: 0, repeats: 0 });
  const late = fromStored([1, 5000, 1, 4998]);
  expect([lostOf(late), late.holes]).toEqual([0, [1, 4998]]);
  expect(lostOf(fromStored([1, 9, 3, 4]))).toBe(2);
});
