/** Why no forecast came: each condition that was missing is named, with how near it was; and what fired is found firing. */
import { type Event, type Given, parse } from 'sluice';
import { keyOn, play, playStart } from 'sluice/testing';
import { describe, expect, it, test } from 'vitest';
import { targetOf } from '../../../core/history/target.ts';
import { whyNot } from '../../../core/history/why-not.ts';
import { memoryHistory } from '../../../core/testing/history.ts';
import { config } from './config.ts';
import { examples } from './examples.ts';
import forecast from './forecast.ts';
import { explains } from './near.ts';
import { fresh, limitsOf, missing } from './verdict.ts';

const hour = 3_600_000;
const looks = (hours: number, share: (hour: number) => number, from = 0): Given<'metric'>[] =>
  Array.from({ length: Math.round((hours - from) * 12) }, (_, index): Given<'metric'> => {
    const at = playStart + from * hour + index * 300_000;
    const attributes = { 'system.filesystem.mountpoint': '/var', 'system.filesystem.state': 'used' };
    const data = { points: [{ name: 'system.filesystem.utilization', value: share(from + index / 12), unit: '1', attributes }] };
    const event: Event<'metric'> = {
      id: `m${at}`,
      kind: 'metric',
      key: keyOn('web-1', 'filesystem'),
      source: '/a/b/c/d/e',
      time: at,
      data,
    };
    return { event, at };
  });
/** Of the warning, asked about the last half hour. */
const asked = (inputs: Given<'metric'>[]) => {
  const found = explains.nearness(config.parse({}), inputs, (inputs.at(-1)?.at ?? 0) - hour / 2);
  return found.find(({ severity }) => severity === 'warning');
};

describe.each(examples)('of the example "$doc"', (example) => {
  it('finds near what the filter finds firing', () => {
    const given = example.given.flatMap((step, index): Given<'metric'>[] => {
      if (!('event' in step) || step.event.kind !== 'metric') return [];
      const at = playStart + index * 300_000;
      return [{ event: { ...step.event, id: step.at, source: '/a/b/c/d/e', time: at } as Event<'metric'>, at }];
    });
    const told = play(forecast, {}, example.given).came.flatMap((came) =>
      came.kind === 'alert' && came.data.status === 'firing' ? [`${came.data.rule} ${came.key} ${came.data.severity}`] : [],
    );
    const fired = explains.nearness(config.parse({}), given).filter(({ verdict }) => verdict === 'fired');
    expect(fired.map(({ rule, key, severity }) => `${rule} ${key} ${severity}`).sort()).toEqual([...new Set(told)].sort());
  });
});

describe('names what was missing', () => {
  test.each([
    [
      'the level',
      (at: number) => 0.2 + 0.015 * at,
      30,
      /is 6\d % full and grows 1\.5 % an hour: full in about .+; missing: a level of 70 %$/,
    ],
    [
      'the rate',
      (at: number) => 0.7 + 0.002 * at,
      40,
      /grows 0\.2 % an hour: full in about \d+d.* \(.+ to .+\), at .+; missing: a rate over six hours that fills it within 24h$/,
    ],
    ['both', (at: number) => 0.3 + 0.0001 * at, 30, /missing: a level of 70 %, and a rate over six hours/],
    ['a rise at all', () => 0.8, 30, /is 80 % full and grows no more, at .+; missing: a rate/],
    [
      'the peak of a rotation',
      (at: number) => 0.55 + 0.011 * (at % 24),
      47,
      /missing: a level above the 81 % from which it was emptied before: it may be a rotation/,
    ],
    ['a day that is known', (at: number) => 0.6 + 0.015 * at, 20, /missing: a day that is known/],
  ])('%s', (_, share, hours, text) => {
    const near = asked(looks(hours, share));
    expect(near).toMatchObject({ rule: 'filesystem-space-forecast', verdict: 'within', for: 900_000 });
    expect(near?.text).toMatch(text);
  });

  test('certainty', () => {
    const [, warning] = limitsOf(config.parse({}));
    if (!warning) throw new Error('there are two limits');
    const course = { share: 0.8, rate: 0.02, full: 10 * hour, earliest: 8 * hour, latest: Number.POSITIVE_INFINITY };
    const known = { ...fresh, about: '', metric: '', mountpoint: '', begun: 0 };
    expect(missing(warning, course, known, 48 * hour)).toEqual(['certainty']);
    expect(missing(warning, { ...course, latest: 12 * hour }, known, 48 * hour)).toEqual([]);
  });

  test('six hours that are known', () => {
    const near = asked(looks(3, () => 0.9));
    expect(near).toMatchObject({ verdict: 'within', looked: 7, nearest: { value: 0 } });
    expect(near?.text).toContain(
      'is known by 36 looks of the last six hours (50 % of them); missing: a rate, which needs at least six hours',
    );
  });

  test('a third look that says so', () => {
    const rising = (at: number): number => 0.35 + 0.014 * at;
    const given = looks(40, rising);
    const first = explains.nearness(config.parse({}), given).find(({ severity }) => severity === 'warning');
    const firedAt = playStart + (given.findIndex(({ event }) => (event.data.points[0]?.value ?? 0) >= 0.7) + 2) * 300_000;
    expect(first).toMatchObject({ verdict: 'fired', held: { to: given.at(-1)?.at } });
    const cut = given.filter(({ at }) => at < firedAt);
    expect(asked(cut)).toMatchObject({ verdict: 'too short' });
    expect(asked(cut)?.text).toMatch(/missing: 3 looks in a row/);
  });
});

it('is asked by why-not, with a day of memory before the moment', async () => {
  const rotating = (at: number): number => 0.55 + 0.011 * (at % 24);
  const kept = looks(49, rotating).map(({ event, at }) => ({ event, received: at }));
  const filters = [{ name: 'forecast', node: forecast, config: config.parse({}), confighash: 'abc', reads: forecast.in }];
  const told = await whyNot(memoryHistory(kept), filters, targetOf('web-1/filesystem'), playStart + 46.8 * hour);
  expect(parse(told.rules[0]?.key ?? '').resource).toEqual(['filesystem', '/var']);
  expect(told.rules[0]).toMatchObject({ severity: 'warning', nearest: { unit: '1', limit: expect.closeTo(0.832, 2) } });
  expect(told.sentences.join('\n')).toMatch(
    /^ *web-1\/filesystem\.\/var: \/var is 8[01] % full and grows 1\.1 % an hour: full in about 1\dh.*; missing: a level above the .* from which it was emptied before.*/m,
  );
  const unwanted = await whyNot(memoryHistory(kept), filters, targetOf('web-1/memory'), playStart + 46.8 * hour);
  expect(unwanted.sentences.join()).toContain('No rule looks at web-1/memory');
});
