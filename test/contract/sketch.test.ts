/**
 * The contract of sketches on the wire, for whoever writes or merges them: merging is associative and commutative, a quantile is
 * within 1 % of the truth, and equal contents are equal bytes, which nothing else is read as.
 */
import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { decodeSketch, encodeSketch, kinds, mergeSketches, quantile, type Sketch, sketchOf } from 'sluice';
import { describe, expect, test } from 'vitest';

const anything = fc.double({ noNaN: true, noDefaultInfinity: true });
const many = fc.array(anything, { maxLength: 60 });
const sketches = many.map(sketchOf);
const text = (sketch: Sketch): string => encodeSketch(sketch);

describe('merging', () => {
  test('is commutative and associative, and an empty sketch changes nothing', () => {
    fc.assert(
      fc.property(sketches, sketches, sketches, (a, b, c) => {
        expect(text(mergeSketches(a, b))).toBe(text(mergeSketches(b, a)));
        expect(text(mergeSketches(mergeSketches(a, b), c))).toBe(text(mergeSketches(a, mergeSketches(b, c))));
        expect(text(mergeSketches(a, sketchOf([])))).toBe(text(a));
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  test('gives one over all values, in whatever order and groups', () => {
    fc.assert(
      fc.property(fc.array(many, { maxLength: 6 }), fc.nat(), (groups, turn) => {
        const whole = text(sketchOf(groups.flat()));
        const turned = groups.map((_, index) => groups[(index + turn) % groups.length] ?? []);
        for (const order of [groups, turned, groups.toReversed()]) {
          const merged = order.map((group) => sketchOf(group.toReversed())).reduce(mergeSketches, sketchOf([]));
          expect(text(merged)).toBe(whole);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('a quantile', () => {
  const values = fc
    .array(fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: -9, max: 9 })))
    .map((given) => given.filter((value) => value === 0 || Math.abs(value) > 1e-6).concat(1));
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const truth = (of: readonly number[], at: number): number => of.toSorted((a, b) => a - b)[Math.floor(at * (of.length - 1))] ?? Number.NaN;

  test('is that of the library, which is of the paper, and within 1 % of the truth', () => {
    fc.assert(
      fc.property(values, share, (given, at) => {
        const library = new DDSketch({ relativeAccuracy: 0.01 });
        for (const value of given) library.accept(value);
        const said = quantile(sketchOf(given), at) ?? Number.NaN;
        expect(said).toBeCloseTo(library.getValueAtQuantile(at), 5);
        const is = truth(given, at);
        expect(Math.abs(said - is)).toBeLessThanOrEqual(Math.abs(is) * 0.010_001);
      }),
      { seed: 2, numRuns: 300 },
    );
    expect(quantile(sketchOf([]), 0.5)).toBeUndefined();
  });

  test('is as near after merging and a way over the wire', () => {
    fc.assert(
      fc.property(values, values, share, (one, other, at) => {
        const [here, there] = [one, other].map((given) => decodeSketch(text(sketchOf(given))));
        const said = here && there ? quantile(mergeSketches(here, there), at) : undefined;
        const is = truth([...one, ...other], at);
        expect(Math.abs((said ?? Number.NaN) - is)).toBeLessThanOrEqual(Math.abs(is) * 0.010_001);
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

describe('the text', () => {
  test('is read back, and fits a stat', () => {
    fc.assert(
      fc.property(many, (values) => {
        const written = text(sketchOf(values));
        expect(decodeSketch(written)).toEqual(sketchOf(values));
        expect(kinds.stat.schema.shape.series.element.shape.sketch.safeParse(written).success).toBe(true);
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  test('of a sketch is one alone: whatever is read is written as the same', () => {
    const small = fc.integer({ min: 0, max: 6 });
    const numbers = fc.array(fc.oneof(small, fc.nat({ max: 255 })), { maxLength: 12 }).map((bytes) => Buffer.from([1, ...bytes]));
    fc.assert(
      fc.property(fc.oneof(numbers, fc.uint8Array({ maxLength: 20 })), (bytes) => {
        const given = Buffer.from(bytes).toString('base64');
        const read = decodeSketch(given);
        if (read) expect(text(read)).toBe(given);
      }),
      { seed: 7, numRuns: 5000 },
    );
  });

  test.each([
    ['a number in more bytes than it takes', [1, 0x80, 0, 0, 0]],
    ['bins that do not ascend', [1, 0, 2, 4, 1, 1, 1, 0]],
    ['one bin twice', [1, 0, 2, 4, 1, 0, 1, 0]],
    ['an empty bin', [1, 0, 1, 4, 0, 0]],
    ['bins too far apart', [1, 0, 2, 0, 1, 0x80, 0x20, 1, 0]],
    ['more than was announced', [1, 0, 0, 0, 0]],
    ['another version', [2, 0, 0, 0]],
    ['bins without end', [1, 0, 255, 255, 255, 255, 255, 127]],
  ])('is refused with %s', (_, bytes) => {
    expect(decodeSketch(Buffer.from(bytes).toString('base64'))).toBeUndefined();
  });

  test('is refused cut off, or with anything else in it', () => {
    const whole = Buffer.from(text(sketchOf([1, 2, 3, -4])), 'base64');
    for (let cut = 0; cut < whole.length; cut++) expect(decodeSketch(whole.toString('base64', 0, cut))).toBeUndefined();
    expect(decodeSketch(` ${whole.toString('base64')}`)).toBeUndefined();
    expect(decodeSketch('rubbish')).toBeUndefined();
  });

  test('of values of every magnitude takes no more than its bins', () => {
    const values = Array.from({ length: 60_000 }, (_, index) => 10 ** ((index % 600) - 300) * (1 + index / 60_000));
    expect(text(sketchOf([...values, ...values.map((value) => -value)])).length).toBeLessThan(20_000);
  });
});
