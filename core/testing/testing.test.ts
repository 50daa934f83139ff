/** The testing kit tests itself: it lets through what keeps the contract, and names what does not. */
import { AssertionError } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { defineFilter, table, z } from '../node.ts';
import { aMetric, checkFilter, each, keyOn, play, runExample } from './index.ts';

const hot = defineFilter({
  name: 'hot',
  doc: 'Tells when a value passes a limit for the first time.',
  config: z.strictObject({ limit: z.number().default(10) }),
  in: [{ kind: 'metric' }],
  out: ['incident', 'state'],
  tables: { known: table(z.object({ times: z.number() }), { bound: 100 }) },
  tickEvery: 1000,
  examples: [
    {
      doc: 'passes the limit',
      given: [aMetric('1s', 'web-1', 'x', 5), aMetric('2s', 'web-1', 'x', 11), aMetric('3s', 'web-1', 'x', 12)],
      expect: [{ kind: 'incident', at: '2s', key: keyOn('web-1', 'test'), data: { what: 'hot', fields: { value: 11 } } }],
    },
  ],
  create({ limit }, { known }) {
    return {
      event(event) {
        const value = event.data.points[0]?.value ?? 0;
        const times = (known.get(event.key)?.times ?? 0) + 1;
        if (value <= limit) return [];
        known.set(event.key, { times });
        if (times > 1) return [];
        return [
          { kind: 'state', key: event.key, data: { of: 'hot', value } },
          { kind: 'incident', key: event.key, data: { what: 'hot', fields: { value, limit } } },
        ];
      },
    };
  },
});

describe('checkFilter', () => {
  test('lets through a filter that keeps its examples and its contract', () => {
    expect(checkFilter(hot)).toMatchObject({ passed: true, determinism: { passed: true }, restart: { passed: true } });
  });

  test('says what was expected and what came, with an AssertionError', () => {
    const wrong = defineFilter({
      ...hot,
      examples: hot.examples.map((example) => ({ ...example, expect: [{ kind: 'incident', at: '3s', data: { what: 'hot' } }] })),
    });
    const thrown = (() => {
      try {
        checkFilter(wrong);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(AssertionError);
    expect((thrown as Error).message).toBe(
      [
        'hot: example "passes the limit":',
        '  event 1: it came at 2s',
        '    expected incident  at 3s  {"what":"hot"}',
        '    came     incident  at 2s  acme.shop.prod.web-1.test  {"what":"hot","severity":"info","fields":{"value":11,"limit":10}}',
      ].join('\n'),
    );
    expect(checkFilter(wrong, { failing: 'is reported' })).toMatchObject({ passed: false, examples: [{ passed: false }] });
  });

  test('finds what is remembered outside the tables', () => {
    const forgetful = defineFilter({
      ...hot,
      create(config, tables, here) {
        let told = false;
        const inner = hot.create(config, tables, here);
        return { event: (event, at) => (told ? [] : inner.event(event, at).filter(() => (told = true))) };
      },
      examples: [{ doc: 'two hosts', given: [aMetric('1s', 'a', 'x', 11), aMetric('2s', 'b', 'x', 11)], expect: [{ kind: 'incident' }] }],
    });
    const report = checkFilter(forgetful, { failing: 'is reported' });
    expect(report.examples[0]?.passed).toBe(true);
    expect(report.restart.problem).toMatch(/event 3 differs\n.*nothing\n.*made anew after each input {2}state/);
    expect(() => checkFilter(forgetful)).toThrow(/keep it in a table/);
  });

  test('finds a table entry that was changed in place and not written', () => {
    const sloppy = defineFilter({
      ...hot,
      create: (_config, { known }) => ({
        event(event) {
          const entry = known.get('all') ?? { times: 0 };
          entry.times++;
          if (entry.times === 1) known.set('all', entry);
          else Object.assign(known.get('all') ?? {}, entry);
          return [{ kind: 'incident' as const, key: event.key, data: { what: `${known.get('all')?.times}` } }];
        },
      }),
      examples: [{ doc: 'counts', given: each(1, 3, 1, (at) => aMetric(at, 'a', 'x', 1)), expect: [] }],
    });
    expect(checkFilter(sloppy, { failing: 'is reported' }).restart.passed).toBe(false);
  });

  test('finds what comes from anywhere but the input', () => {
    let calls = 0;
    const random = defineFilter({
      ...hot,
      create: () => ({ event: (event) => [{ kind: 'incident' as const, key: event.key, data: { what: `${calls++}` } }] }),
    });
    expect(checkFilter(random, { failing: 'is reported' }).determinism.passed).toBe(false);
  });
});

describe('play', () => {
  const ticking = defineFilter({
    ...hot,
    tickEvery: 500,
    create: () => ({
      event: () => [],
      tick: (at) => [{ kind: 'incident' as const, key: ['tick'], data: { what: `${at % 10_000}` } }],
      pipe: (pipe) => [{ kind: 'incident' as const, key: ['pipe'], data: { what: `${pipe.connected}` } }],
    }),
    examples: [],
  });
  const said = (steps: Parameters<typeof play>[2]) =>
    play(ticking, {}, steps).came.map((came) => ('what' in came.data ? came.data.what : ''));

  test('runs every tick on the way, and starts with a healthy pipe', () => {
    expect(said([{ at: '1s' }])).toEqual(['true', '0', '500', '1000']);
    expect(said([{ at: '500ms', pipe: { connected: false, caughtUp: false } }])).toEqual(['0', 'false']);
  });

  test('an event is a fact: to change it is to fail', () => {
    const vandal = defineFilter({
      ...hot,
      create: () => ({
        event(event) {
          Object.assign(event.data.points, { 0: undefined });
          return [];
        },
      }),
    });
    expect(play(vandal, {}, [aMetric('1s', 'a', 'x', 1)]).came[0]).toMatchObject({
      kind: 'dead',
      data: { reason: expect.stringContaining('read only') },
    });
  });

  test('names a step that is none', () => {
    expect(() => play(hot, {}, [{ at: 'soon' }])).toThrow('a step\'s at "soon" is no time');
    expect(() => play(hot, {}, [{ at: '2s' }, { at: '1s' }])).toThrow('put the steps in order');
    expect(() => play(hot, { limit: 'x' as unknown as number }, [])).toThrow('hot: config: limit: ');
    expect(() => play(hot, {}, [{ at: '1s', event: { kind: 'metric', key: keyOn('a'), data: {} } }])).toThrow(
      'the metric at step 1: data.points',
    );
    expect(runExample(hot, { doc: 'x', given: [{ at: 'soon' }], expect: [] })).toMatchObject({
      passed: false,
      problem: expect.stringContaining('soon'),
    });
  });
});

test('a state is left out unless it is named, and then it must come', () => {
  const [example] = hot.examples;
  if (!example) throw new Error('hot has an example');
  const named = (value: number) =>
    runExample(hot, { ...example, expect: [...example.expect, { kind: 'state', data: { of: 'hot', value } }] });
  expect(named(11).passed).toBe(true);
  expect(named(12).problem).toMatch(/^a state did not come\n {2}expected state {2}\{"of":"hot","value":12\}\n {2}came {5}state/);
});
