import { describe, expect, it } from 'vitest';
import { compileGlance, compilePath, compileWhere, keepOf, where } from './where.ts';

const metric = {
  points: [
    { name: 'system.cpu.utilization', value: 0.5, attributes: { 'cpu.mode': 'user' } },
    { name: 'system.memory.usage', value: 7 },
  ],
};
const fits = (paths: Parameters<typeof compileWhere>[0], data: unknown = metric) => compileWhere(where.parse(paths))(data);

it('goes through lists by any element, with or without the word data', () => {
  expect(fits({ 'points.name': ['system.memory.usage'] })).toBe(true);
  expect(fits({ 'data.points.name': ['x', 'system.memory.usage'] })).toBe(true);
  expect(fits({ 'points.name': ['system.memory'] })).toBe(false);
  expect(fits({ 'points.attributes.cpu.mode': ['user'] })).toBe(true);
  expect(fits({ 'points.name': ['system.memory.usage'], 'points.value': ['7'] })).toBe(true);
  expect(fits({ 'points.name': ['system.memory.usage'], 'points.value': [8] })).toBe(false);
});

it('compares plain values as they are written, and nothing else', () => {
  expect(fits({ ok: [true], code: ['5'], none: ['null'] }, { ok: true, code: 5, none: null })).toBe(true);
  expect(fits({ points: ['[object Object]'] })).toBe(false);
  expect(fits({ 'points.length': [2] })).toBe(false);
  expect(fits({ 'constructor.name': ['Object'] })).toBe(false);
  expect(fits({ a: ['x'] }, undefined)).toBe(false);
});

it('is bounded in what it takes and in what it does', () => {
  const refused = (value: unknown) => expect(where.safeParse(value).success).toBe(false);
  refused({ [Array.from({ length: 13 }, () => 'a').join('.')]: ['x'] });
  refused({ a: [] });
  refused({ a: Array.from({ length: 65 }, String) });
  refused(Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`a${index}`, ['x']])));
  // Names that may be cut in many ways, in data that was made to have them all.
  const nested = (depth: number): unknown =>
    depth === 0
      ? 'y'
      : Object.fromEntries(
          Array.from({ length: depth }, (_, index) => [
            Array(index + 1)
              .fill('a')
              .join('.'),
            nested(depth - index - 1),
          ]),
        );
  const wide = { list: Array.from({ length: 5000 }, () => nested(8)) };
  expect(fits({ 'list.a.a.a.a.a.a.a.a': ['x'] }, wide)).toBe(false);
});

describe('within a list', () => {
  const points = [
    { name: 'cpu', value: 1 },
    { name: 'load', value: 2 },
    { name: 'cpu', value: 3 },
  ];
  const numbersAt = (path: string, data: unknown, keep?: ReturnType<typeof keepOf>) => {
    const found: unknown[] = [];
    compilePath(path)(data, (value) => found.push(value) < 0, keep);
    return found;
  };

  it('keeps the elements that fit by themselves', () => {
    const keep = keepOf({ 'points.name': ['cpu'] });
    expect(numbersAt('points.value', { points }, keep)).toEqual([1, 3]);
    expect(numbersAt('data.points.value', { points })).toEqual([1, 2, 3]);
    expect(keep?.('lines', {})).toBe(true);
  });

  it('keeps all where nothing is asked', () => {
    expect(keepOf({})).toBeUndefined();
  });
});

it('passes over at a glance only what cannot fit', () => {
  const odd = { text: 'a "quote" \u2028 ü', number: 1e21, small: 5e-7, ok: false };
  const json = Buffer.from(JSON.stringify(odd));
  for (const [path, value] of Object.entries(odd)) {
    expect([path, compileGlance({ [path]: [value] })(json)]).toEqual([path, true]);
    expect([path, compileGlance({ [path]: ['elsewhere', String(value)] })(json)]).toEqual([path, true]);
    expect([path, fits({ [path]: [value] }, odd)]).toEqual([path, true]);
  }
  expect(compileGlance({ text: ['absent'] })(json)).toBe(false);
});
