/** A sketch says what its values were to within 1 %, merges exactly, and is the same bytes for the same contents. */
import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeSketch, encodeSketch, mergeSketches, quantile, sketchOf } from './sketch.ts';

const anything = fc.double({ noNaN: true, noDefaultInfinity: true });
const many = fc.array(anything, { maxLength: 60 });

test('merged sketches are one over all values, in whatever order and groups', () => {
  fc.assert(
    fc.property(fc.array(many, { maxLength: 6 }), fc.nat(), (groups, turn) => {
      const whole = encodeSketch(sketchOf(groups.flat()));
      const turned = groups.map((_, index) => groups[(index + turn) % groups.length] ?? []);
      for (const order of [groups, turned, groups.toReversed()]) {
        const merged = order.map((group) => sketchOf(group.toReversed())).reduce(mergeSketches, sketchOf([]));
        expect(encodeSketch(merged)).toBe(whole);
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('what is written is read back, and nothing else is', () => {
  fc.assert(
    fc.property(many, (values) => {
      const text = encodeSketch(sketchOf(values));
      expect(encodeSketch(decodeSketch(text) ?? sketchOf([]))).toBe(text);
    }),
  );
  fc.assert(fc.property(fc.base64String(), (text) => void decodeSketch(text)));
  const whole = Buffer.from(encodeSketch(sketchOf([1, 2, 3, -4])), 'base64');
  for (let cut = 0; cut < whole.length; cut++) expect(decodeSketch(whole.toString('base64', 0, cut))).toBeUndefined();
  expect(decodeSketch(Buffer.from([1, 0, 255, 255, 255, 255, 255, 127]).toString('base64'))).toBeUndefined();
});

test('quantiles are those of the library, which is of the paper, and within 1 % of the truth', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: -9, max: 9 })), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (given, share) => {
        const values = given.filter((value) => value === 0 || Math.abs(value) > 1e-6).concat(1);
        const library = new DDSketch({ relativeAccuracy: 0.01 });
        for (const value of values) library.accept(value);
        const said = quantile(sketchOf(values), share) ?? Number.NaN;
        expect(said).toBeCloseTo(library.getValueAtQuantile(share), 5);
        const truth = values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
        expect(Math.abs(said - truth)).toBeLessThanOrEqual(Math.abs(truth) * 0.010_001);
      },
    ),
    { seed: 2, numRuns: 300 },
  );
  expect(quantile(sketchOf([]), 0.5)).toBeUndefined();
});

test('values of every magnitude take no more than their bins', () => {
  const values = Array.from({ length: 60_000 }, (_, index) => 10 ** ((index % 600) - 300) * (1 + index / 60_000));
  expect(encodeSketch(sketchOf(values)).length).toBeLessThan(10_000);
});
