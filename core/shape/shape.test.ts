import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardinality, hashNumber, hashText } from './cardinality.ts';
import { frequent } from './frequent.ts';
import { maxFields, type ShapeSeen, shape, wherePath } from './shape.ts';

const seen = (...values: unknown[]): ShapeSeen => {
  const found = shape();
  for (const value of values) found.take(value);
  return found.seen();
};
const field = (found: ShapeSeen, path: string) => found.fields.find((each) => each.path === path);

describe('the shape of what flows', () => {
  it('tells fields with their types, shares, ranges and values', () => {
    const found = seen(
      {
        host: 'web-1',
        points: [
          { name: 'cpu', value: 1 },
          { name: 'load', value: 3 },
        ],
      },
      { host: 'web-2', points: [{ name: 'cpu', value: 5, unit: null }] },
      { host: 'web-2', extra: { 'cpu.mode': true } },
    );
    expect(found.events).toBe(3);
    expect(field(found, 'host')).toMatchObject({
      events: 3,
      types: { string: 3 },
      distinct: 2,
      values: [
        { value: 'web-2', count: 2 },
        { value: 'web-1', count: 1 },
      ],
    });
    expect(field(found, 'points')).toMatchObject({ events: 2, types: { list: 2 }, length: { min: 1, max: 2 } });
    expect(field(found, 'points[].value')).toMatchObject({ events: 2, count: 3, types: { number: 3 }, range: { min: 1, max: 5, mean: 3 } });
    expect(field(found, 'points[].unit')).toMatchObject({ events: 1, types: { null: 1 } });
    expect(field(found, 'extra.cpu.mode')).toMatchObject({ values: [{ value: true, count: 1 }] });
  });

  it('leaves out the items of a list that are not asked for', () => {
    const found = shape();
    found.take(
      {
        points: [
          { name: 'a', value: 1 },
          { name: 'b', value: 100 },
        ],
      },
      (path, item) => path !== 'points' || (item as { name: string }).name === 'a',
    );
    expect(field(found.seen(), 'points[].value')?.range).toEqual({ min: 1, max: 1, mean: 1 });
  });

  it('holds on to anything that JSON can be, and keeps its counts true', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 6 }), { maxLength: 12 }), (values) => {
        const found = seen(...values);
        expect(found.events).toBe(values.length);
        for (const each of found.fields) {
          expect(each.events).toBeGreaterThan(0);
          expect(each.events).toBeLessThanOrEqual(Math.min(each.count, values.length));
          expect(Object.values(each.types).reduce((sum, count) => sum + count, 0)).toBe(each.count);
          expect(each.values.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(each.count);
          expect(new Set(each.values.map(({ value }) => JSON.stringify(value))).size).toBe(each.values.length);
        }
      }),
    );
  });

  it('agrees with a plain count of each field, where nothing is too much', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.oneof(fc.integer(), fc.string(), fc.boolean())), { maxLength: 40 }),
        (values) => {
          const found = seen(...values);
          for (const name of ['a', 'b', 'c', 'd']) {
            const have = values.filter((value) => Object.hasOwn(value, name));
            expect(field(found, name)?.events ?? 0).toBe(have.length);
            expect(field(found, name)?.distinct ?? 0).toBe(new Set(have.map((value) => value[name])).size);
          }
        },
      ),
    );
  });

  it.each([
    ['100,000 fields', Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`name-${index}`, index]))],
    ['a list of 100,000', { list: Array.from({ length: 100_000 }, (_, index) => ({ index })) }],
    ['a text of a million', { text: 'x\u202e'.repeat(500_000) }],
    ['500 levels', Array.from({ length: 500 }).reduce<unknown>((inner) => ({ inner }), 1)],
    ['500 lists', Array.from({ length: 500 }).reduce<unknown>((inner) => [inner], 1)],
    ['names that are long', Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`${index}`.padEnd(5000, 'n'), 1]))],
    ['names that mean something', JSON.parse('{"__proto__": {"constructor": 1}, "": 2, "a.b": 3, "*": 4, "[]": 5}')],
  ])('stays small with %s', (_, value) => {
    const found = seen(...Array.from({ length: 20 }, () => value));
    expect(found.events).toBe(20);
    expect(found.fields.length).toBeLessThanOrEqual(maxFields);
    expect(JSON.stringify(found).length).toBeLessThan(300_000);
  });

  it('tells names that are too many as one field, and how many there are', () => {
    const found = shape();
    for (let at = 0; at < 5000; at++) found.take({ [`session-${at}`]: at });
    const rest = field(found.seen(), '*');
    expect(rest?.count).toBe(5000 - 48);
    expect(rest?.distinct).toBeGreaterThan(4400);
    expect(rest?.distinct).toBeLessThan(5500);
    expect(rest?.estimated).toBe(true);
  });

  it('does not grow with new fields for ever', () => {
    const found = shape();
    for (let at = 0; at < 40; at++)
      found.take({ [`a${at}`]: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`b${index}`, 1])) });
    expect(found.seen()).toMatchObject({ more: true, fields: { length: maxFields } });
  });
});

describe('paths', () => {
  it.each([
    ['points[].name', 'points.name'],
    ['fields.http.status', 'fields.http.status'],
    ['[].name', 'name'],
    ['fields.*', undefined],
    ['*', undefined],
    ['[]', undefined],
  ])('%s is filtered by %s', (path, expected) => {
    expect(wherePath(path)).toBe(expected);
  });
});

describe('counting what differs', () => {
  it.each([10, 256, 1000, 20_000, 200_000])('is right within 10 % for %i', (count) => {
    for (const hash of [(at: number) => hashText(`name-${at}`), (at: number) => hashNumber(at / 7)]) {
      const counted = cardinality();
      for (let at = 0; at < count; at++) for (let times = 0; times < 2; times++) counted.add(hash(at));
      expect(Math.abs(counted.count - count) / count).toBeLessThan(count <= 256 ? 1e-9 : 0.1);
      expect(counted.estimated).toBe(count > 256);
    }
  });

  it('finds what is frequent among much that is not', () => {
    const counted = frequent<string>(16);
    for (let at = 0; at < 10_000; at++) counted.add(at % 3 === 0 ? 'often' : `rare-${at}`);
    expect(counted.top(1)[0]).toMatchObject({ value: 'often' });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), (values) => {
        const some = frequent<number>(8);
        for (const value of values) some.add(value);
        for (const { value, count, error } of some.top(8)) {
          const real = values.filter((each) => each === value).length;
          expect(count).toBeLessThanOrEqual(real);
          expect(count + error).toBeGreaterThanOrEqual(real);
        }
      }),
    );
  });
});
