/** Threshold where its examples are too small: rules as they are written, time, keys, words, and what the default rules say of a healthy machine. */
import fc from 'fast-check';
import { parse } from 'sluice';
import { aMetric, anEvent, each, keyOn, play, playStart, type Saved } from 'sluice/testing';
import { describe, expect, test } from 'vitest';
import { filterRun } from '../../../core/runtime/filtering.ts';
import { globs } from './glob.ts';
import threshold from './threshold.ts';
import { alertKeys, fill, formatValue } from './words.ts';

type Config = Parameters<typeof play<typeof threshold.config, typeof threshold.tables, 'metric', 'alert' | 'state'>>[1];

/** What came, in short. */
const alerts = (config: Config, steps: Parameters<typeof play>[2], saved?: Saved) =>
  play(threshold, config, steps, saved ? { saved } : {}).came.flatMap((came) =>
    came.kind === 'dead'
      ? [came.data.reason]
      : came.kind === 'alert'
        ? [`${came.at / 1000} ${came.data.status} ${came.data.severity}`]
        : [],
  );
const only = (rule: object): Config => ({ defaults: 'off', rules: { rule: { metric: 'x', ...rule } } }) as Config;
const x = (at: string, value: number) => aMetric(at, 'web-1', 'x', value);

describe('time', () => {
  test('a backlog is judged as it happened, not as it arrived', () => {
    const late = (second: number, value: number) => {
      const step = x('100s', value);
      return 'event' in step ? { ...step, event: { ...step.event, time: `${second}s` } } : step;
    };
    expect(alerts(only({ warning: { above: 1, for: '30s' } }), [late(0, 2), late(20, 2), late(40, 2)])).toEqual(['100 firing warning']);
    expect(alerts(only({ warning: { above: 1, for: '30s' } }), [late(0, 2), late(20, 0), late(40, 2)])).toEqual([]);
  });

  test("a point's own time goes before its event's", () => {
    const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
    const points = [0, 10, 20].map((second) => ({ name: 'x', value: 5, time: at(second) }));
    expect(alerts(only({ warning: { above: 1, for: '15s' } }), [anEvent('30s', 'metric', keyOn('a', 'x'), { points })])).toEqual([
      '30 firing warning',
    ]);
  });

  test('the wait starts anew when the writer sets its clock back', () => {
    const stamped = (at: string, time: string) => {
      const step = x(at, 5);
      return 'event' in step ? { ...step, event: { ...step.event, time } } : step;
    };
    const steps = [stamped('1s', '50m'), stamped('2s', '10s'), stamped('20s', '28s'), stamped('32s', '40s')];
    expect(alerts(only({ warning: { above: 1, for: '30s' } }), steps)).toEqual(['32 firing warning']);
  });

  test('a rule that is gone from the config resolves what it had raised', () => {
    const { saved } = play(threshold, only({ warning: { above: 1 } }), [x('1s', 2)]);
    expect(alerts({ defaults: 'off' }, [{ at: '10s' }], saved)).toEqual(['10 resolved warning']);
  });

  test('a process that stood still lets go of nothing until it has listened for the whole time again', () => {
    const config = only({ warning: { above: 1 }, forget: '1m' });
    const { saved } = play(threshold, config, [x('1s', 2), { at: '20s' }]);
    const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
    const rows = (name: string) => [...(saved.get(name) ?? [])].map(([key, text]) => [key, JSON.parse(text)] as const);
    const run = filterRun(threshold, threshold.config.parse(config), { name: 'threshold', about }, rows);
    const woken = playStart + 7_200_000;
    for (let at = woken; at < woken + 60_000; at += 10_000) expect(run.tick(at)).toEqual([]);
    expect(run.tick(woken + 60_000)).toHaveLength(1);
  });
});

test('a worse level raises the same alert, and its end leaves the milder one standing', () => {
  const rule = only({ warning: { above: 10, clear: 8, for: '10s' }, critical: { above: 20 } });
  expect(alerts(rule, [x('1s', 15), x('5s', 25), x('6s', 15), x('7s', 9), x('8s', 8)])).toEqual([
    ...['5 firing critical', '6 firing warning', '8 resolved warning'],
  ]);
});

test('below is as above, the other way round', () => {
  const rule = only({ warning: { below: 5, clear: 7 }, critical: { below: 1 } });
  expect(alerts(rule, [x('1s', 5), x('2s', 4), x('3s', 0), x('4s', 6), x('5s', 7)])).toEqual([
    ...['2 firing warning', '3 firing critical', '4 firing warning', '5 resolved warning'],
  ]);
});

test('an alert carries what decided it: the first event beyond the limit and the last', () => {
  const { came } = play(threshold, only({ warning: { above: 1, for: '5s' } }), [x('1s', 2), x('3s', 3), x('6s', 4)]);
  const [alert, state] = came;
  expect(alert?.kind === 'alert' && alert.data).toMatchObject({ value: 4, threshold: 1, since: '2026-01-01T00:00:01.000Z' });
  expect(alert?.causes).toHaveLength(2);
  expect(alert?.causes?.[1]).toBe(alert?.causationid);
  expect(state?.data).toEqual({ of: 'alert', value: { ...alert?.data } });
});

describe('rules as they are written', () => {
  const problem = (rules: object) => {
    const checked = threshold.config.safeParse({ defaults: 'off', rules });
    return checked.success ? undefined : checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  };
  test.each([
    [{ a: { metric: 'x' } }, /^rules\.a: has no level/],
    [{ a: { warning: { above: 1 } } }, /^rules\.a: has no metric/],
    [{ a: { metric: 'x', warning: { above: 1, below: 2 } } }, /takes one of above and below/],
    [{ a: { metric: 'x', warning: { above: 1, clear: 2 } } }, /wrong side of the limit/],
    [{ a: { metric: 'x', warning: { above: 1, for: 'soon' } } }, /is no duration; write it as 30s/],
    [{ 'A b': { metric: 'x', warning: { above: 1 } } }, /is no name|Invalid key/],
  ])('%j says what is wrong', (rules, message) => {
    expect(problem(rules)).toMatch(message);
  });

  test('a default rule can be changed in part, and ended', () => {
    const filesystem = (share: number) =>
      anEvent('1s', 'metric', keyOn('a', 'filesystem'), {
        points: [{ name: 'system.filesystem.utilization', value: share, attributes: { 'system.filesystem.mountpoint': '/' } }],
      });
    expect(alerts({ rules: { 'filesystem-space': { warning: { above: 0.5 } } } }, [filesystem(0.6)])).toEqual(['1 firing warning']);
    expect(alerts({ without: ['filesystem-space'] }, [filesystem(0.99), filesystem(0.99)])).toEqual([]);
    expect(threshold.config.safeParse({ rules: { 'filesystem-space': { warning: {} } } }).success).toBe(false);
    expect(threshold.config.safeParse({ without: ['filesystem-spice'] }).success).toBe(false);
  });
});

test('where takes patterns, several of them, and what must not be', () => {
  const cases: [string[], unknown, boolean][] = [
    [['/var*'], '/var/log', true],
    [['/var*'], '/srv', false],
    [['/a', '/b'], '/b', true],
    [['!/run*'], '/run/user', false],
    [['!/run*'], undefined, true],
    [['/x'], undefined, false],
    [['*', '!/x'], '/x', false],
    [['?da'], 'sda', true],
    [['a.c'], 'abc', false],
    [['true'], true, true],
    [['*a*a*a*b'], 'a'.repeat(30_000), false],
  ];
  for (const [patterns, value, fits] of cases) expect([patterns, globs(patterns)(value)]).toEqual([patterns, fits]);
});

describe('words', () => {
  test.each([
    [0.934, '1', '93 %'],
    [0.9996, '1', '99.9 %'],
    [0.004, '1', '0.4 %'],
    [1, '1', '100 %'],
    [1_288_490_189, 'By', '1.2 GiB'],
    [0.35, 's', '350 ms'],
    [-95, 's', '-1m35s'],
    [2.34567, '', '2.35'],
    [12, '{job}', '12 job'],
  ])('%d %s reads %s', (value, unit, text) => {
    expect(formatValue(value, unit)).toBe(text);
  });

  test('a template takes what it names, once, cut to a bearable length; what it does not know stays', () => {
    expect(fill('{a} {b} {toString}', { a: '{b}', b: 'x'.repeat(500) })).toBe(`{b} ${'x'.repeat(200)}… {toString}`);
  });

  test('any attributes of any host give keys of at most 255 bytes, different for different series', () => {
    const words = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 3 });
    fc.assert(
      fc.property(words, words, (one, other) => {
        const keys = [one, other].map((values) =>
          alertKeys(
            'rule',
            keyOn('h'.repeat(150), 'filesystem'),
            values.map((value) => ['x', value.toWellFormed()]),
          ),
        );
        for (const each of keys) {
          expect(parse(each.alert).host).toBe('h'.repeat(150));
          expect(parse(each.state).resource.slice(0, 2)).toEqual(['alert', 'rule']);
        }
        const texts = [one, other].map((values) => values.map((value) => value.toWellFormed() || '-').join('\0'));
        expect(keys[0]?.alert === keys[1]?.alert).toBe(texts[0] === texts[1]);
      }),
      { numRuns: 40 },
    );
  });
});

test('hostile attributes are dead-lettered by no one: they are cut, and told apart', () => {
  const nasty = ['\u001b[2J', '{value}', '', '.'.repeat(300), '\ud800', '__proto__'];
  const steps = nasty.map((name, index) => aMetric(`${index}s`, 'a', 'x', 5, { name }));
  const { came } = play(threshold, only({ warning: { above: 1 } }), steps);
  expect(came.filter(({ kind }) => kind === 'dead')).toEqual([]);
  expect(new Set(came.filter(({ kind }) => kind === 'alert').map(({ key }) => key)).size).toBe(nasty.length);
});

test('what the monitors say of a healthy machine for a day raises nothing', () => {
  const healthy = (at: string) =>
    anEvent(at, 'metric', keyOn('a', 'all'), {
      points: [
        {
          name: 'system.filesystem.utilization',
          value: 0.85,
          attributes: { 'system.filesystem.mountpoint': '/', 'system.filesystem.state': 'used' },
        },
        {
          name: 'system.filesystem.utilization',
          value: 1,
          attributes: { 'system.filesystem.mountpoint': '/mnt/cd', 'system.filesystem.mode': 'ro', 'system.filesystem.state': 'used' },
        },
        { name: 'system.filesystem.responding', value: 1, attributes: { 'system.filesystem.mountpoint': '/' } },
        { name: 'system.memory.utilization', value: 0.85, attributes: { 'system.memory.state': 'used' } },
        { name: 'system.memory.utilization', value: 0.99, attributes: { 'system.memory.state': 'cached' } },
        { name: 'system.paging.utilization', value: 0.6, attributes: { 'system.paging.state': 'used' } },
        { name: 'system.cpu.load_per_core.15m', value: 1.5 },
        { name: 'sluice.reader.lost', value: 0, attributes: { 'sluice.node': 'rollup' } },
        { name: 'system.clock.synchronized', value: 1 },
        { name: 'system.clock.offset', value: -0.02 },
      ],
    });
  expect(play(threshold, {}, each(0, 86_400, 600, healthy)).came).toEqual([]);
});

test('events that a reader lost are one alert, that ends when no more are', () => {
  const lost = (value: number) => (at: string) => aMetric(at, 'hub-1', 'sluice.reader.lost', value, { 'sluice.node': 'rollup' });
  const { came } = play(threshold, {}, [...each(0, 60, 30, lost(0)), ...each(90, 360, 30, lost(5000)), ...each(390, 420, 30, lost(0))]);
  const told = came.flatMap((one) => (one.kind === 'alert' ? [[one.at / 1000, one.data.status, one.data.summary]] : []));
  expect(told).toEqual([
    [120, 'firing', 'rollup has lost 5000 events in five minutes on their way to it'],
    [390, 'resolved', 'rollup has lost 0 events in five minutes on their way to it'],
  ]);
});
