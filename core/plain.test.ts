/** What is recognised as plain, the schemas give back unchanged; and what sluice itself writes is recognised. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Event, encode, envelope, fromWire } from './event.ts';
import { kinds } from './kinds.ts';
import { isPlainEnvelope, isPlainMetric } from './plain.ts';

/** A value as it comes from the wire. */
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    '',
    'x'.repeat(256),
    'x'.repeat(64),
    0,
    -1,
    true,
    null,
    [],
    {},
    'gauge',
    '2026-01-01T00:00:00Z',
    JSON.parse('{"__proto__": 1}'),
  ),
);
/** The fields, of which those that are needed are there, but for one in a few that is strange, gone or not known. */
const shaken = (shape: Record<string, fc.Arbitrary<unknown>>, needed: readonly string[]) =>
  fc
    .tuple(
      fc.record(shape, { requiredKeys: [...needed] }),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.tuple(fc.oneof(fc.constantFrom(...Object.keys(shape)), fc.string()), odd) },
      ),
    )
    .map(([value, change]) => (change ? { ...value, [change[0]]: change[1] } : value));
const written = { min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true };
const time = fc
  .oneof({ weight: 9, arbitrary: fc.date(written) }, { weight: 1, arbitrary: fc.date({ noInvalidDate: true }) })
  .map((date) => date.toISOString());
const short = fc.string({ minLength: 1, maxLength: 20 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const attributes = fc.oneof(
  fc.dictionary(short, fc.oneof(fc.string(), number, fc.boolean()), { maxKeys: 3 }),
  fc.dictionary(fc.string(), odd, { maxKeys: 3 }),
);
const type = fc.constantFrom('gauge', 'counter', 'updown');
const point = shaken({ name: short, value: number, unit: fc.string(), type, attributes }, ['name', 'value']);
const metric = shaken({ points: fc.array(point, { maxLength: 3 }) }, ['points']);
const wire = shaken(
  {
    specversion: fc.constant('1.0'),
    id: short,
    source: short,
    type: short,
    time,
    data: fc.constant(1),
    subject: short,
    bootid: short,
    sequence: fc.nat().map((count) => String(count).padStart(16, '0')),
    expirytime: time,
    causationid: short,
    partitionkey: short,
  },
  ['specversion', 'id', 'source', 'type', 'time', 'data'],
);

it('recognises no metric that the schema would refuse or change', () => {
  let recognised = 0;
  fc.assert(
    fc.property(metric.map(json), (data) => {
      if (!isPlainMetric(data)) return;
      recognised += 1;
      const checked = kinds.metric.schema.safeParse(data);
      expect(checked.success && checked.data).toEqual(data);
    }),
    { numRuns: 5000 },
  );
  expect(recognised).toBeGreaterThan(500);
});

it('recognises no envelope that the schema would refuse or change', () => {
  let recognised = 0;
  fc.assert(
    fc.property(wire.map(json), (event) => {
      if (!isPlainEnvelope(event)) return;
      recognised += 1;
      const checked = envelope.safeParse(event);
      expect(checked.success && checked.data).toEqual(event);
    }),
    { numRuns: 5000 },
  );
  expect(recognised).toBeGreaterThan(500);
});

it('recognises what sluice writes, and reads it back as it was', () => {
  const event: Event<'metric'> = {
    id: 'abc',
    kind: 'metric',
    key: 'a.b.c.web-1.disk',
    source: '/a/b/c/web-1/disk',
    time: Date.UTC(2026, 0, 1),
    bootid: 'boot',
    sequence: 7,
    data: {
      points: [{ name: 'system.disk.io', value: 1.5, type: 'counter', unit: 'By', attributes: { 'system.device': 'sda', idle: false } }],
    },
  };
  const written: unknown = JSON.parse(encode(event));
  expect(isPlainEnvelope(written) && isPlainMetric(written.data)).toBe(true);
  expect(fromWire(written, { kind: 'metric', at: event.time })).toEqual(event);
});

it("does not take a stranger's attributes for what an event is", () => {
  const wire = { specversion: '1.0', id: '1', source: '/a', type: 'sluice.metric.v1', time: '2026-01-01T00:00:00Z', subject: 'a.b.c.d' };
  const strange = { ...wire, kind: 'command', key: 'x.y.z.w', shade: 'blue', data: { points: [{ name: 'n', value: 1 }] } };
  expect(fromWire(strange, { kind: 'metric', at: 1e15 })).toMatchObject({ kind: 'metric', key: 'a.b.c.d', shade: 'blue' });
});

it.each([
  ['an infinite value', '{"points": [{"name": "n", "value": 1e999}]}'],
  ['a name that is a prototype', '{"points": [{"name": "n", "value": 1, "attributes": {"__proto__": 1}}]}'],
  ['no points', '{"points": []}'],
  ['attributes that nest', '{"points": [{"name": "n", "value": 1, "attributes": {"a": {}}}]}'],
  ['a field that is not known', '{"points": [{"name": "n", "value": 1, "constructor": 1}]}'],
])('leaves %s to the schema', (_, text) => {
  expect(isPlainMetric(JSON.parse(text))).toBe(false);
});
