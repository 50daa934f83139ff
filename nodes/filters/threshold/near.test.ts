import { duration, type Event, type Given } from 'sluice';
import { keyOn, play, playStart } from 'sluice/testing';
import { describe, expect, it } from 'vitest';
import { examples } from './examples.ts';
import { explains } from './near.ts';
import { config } from './rules.ts';
import threshold from './threshold.ts';

const metric = (seconds: number, value: number, name = 'app.free'): Given<'metric'> => {
  const time = playStart + seconds * 1000;
  const event = {
    id: `e${seconds}`,
    kind: 'metric',
    key: keyOn('web-1', 'app'),
    source: '/a/b/c/d/e',
    time,
    data: { points: [{ name, value }] },
  };
  return { event: event as Event<'metric'>, at: time };
};
const low = config.parse({
  defaults: 'off',
  rules: { low: { metric: 'app.free', warning: { below: 10, for: '1m' }, critical: { below: 5 } } },
});

describe.each(examples)('of the example "$doc"', (example) => {
  it('finds near what the filter finds firing', () => {
    const given = example.given.flatMap((step): Given<'metric'>[] => {
      if (!('event' in step) || step.event.kind !== 'metric') return [];
      const at = playStart + (duration(step.at) ?? 0);
      const time = step.event.time === undefined ? at : Date.parse(step.event.time);
      return [{ event: { ...step.event, id: step.at, source: '/a/b/c/d/e', time } as Event<'metric'>, at }];
    });
    const near = explains.nearness(config.parse(example.config ?? {}), given);
    const told = play(threshold, example.config ?? {}, example.given).came.flatMap((came) =>
      came.kind === 'alert' && came.data.status === 'firing' ? [`${came.data.rule} ${came.key} ${came.data.severity}`] : [],
    );
    const fired = near.filter(({ verdict }) => verdict === 'fired').map(({ rule, key, severity }) => `${rule} ${key} ${severity}`);
    expect(fired).toEqual(expect.arrayContaining([...new Set(told)]));
    if (told.length === 0) expect(fired).toEqual([]);
  });
});

it('says for each level how far it came, and what was missing', () => {
  const given = [metric(0, 50), metric(10, 9), metric(40, 8), metric(50, 12), metric(60, 9.5), metric(70, 20), metric(80, 1, 'app.other')];
  const [warning, critical] = explains.nearness(low, given);
  expect(warning).toEqual({
    rule: 'low',
    severity: 'warning',
    for: 60_000,
    key: keyOn('web-1', 'app'),
    verdict: 'too short',
    looked: 6,
    nearest: { value: 8, limit: 10, at: playStart + 40_000 },
    held: { from: playStart + 10_000, to: playStart + 40_000 },
    text: 'below 10 for 30s, from 00:00:10; the rule needs 1m',
  });
  expect(critical).toMatchObject({ verdict: 'within', text: 'at least 8, at 00:00:40; the rule fires below 5' });
});

it('tells a single value from a stretch, and firing from both', () => {
  expect(explains.nearness(low, [metric(0, 9), metric(5, 50)])[0]?.text).toBe('below 10 once, from 00:00:00; the rule needs 1m');
  expect(explains.nearness(low, [metric(0, 9), metric(60, 9)])[0]).toMatchObject({
    verdict: 'fired',
    text: 'below 10 for 1m, from 00:00:00; it fired at 00:01:00',
  });
  expect(explains.nearness(low, [metric(0, 9, 'app.other')])).toEqual([]);
});

it('names every level of every rule with how long it needs', () => {
  expect(explains.rules(low)).toEqual([
    { rule: 'low', severity: 'warning', for: 60_000 },
    { rule: 'low', severity: 'critical', for: 0 },
  ]);
});
