import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advance, type Watermark } from './watermark.ts';

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
  expect(mark).toEqual({ high: 9, holes: [3, 4, 7, 8] });
  expect(advance(mark, 4)).toEqual({ high: 9, holes: [3, 3, 7, 8] });
  expect(advance(mark, 6)).toBeUndefined();
});

it('stays small however many holes there are', () => {
  let mark: Watermark | undefined;
  for (let sequence = 1; sequence < 10_000; sequence += 2) mark = advance(mark, sequence) ?? mark;
  expect(mark?.holes.length).toBeLessThanOrEqual(128);
});
