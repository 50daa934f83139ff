/** Why an hour was not unusual: how far it was from what is usual, or which weeks were not known. */
import type { Event, Given } from 'sluice';
import { keyOn, play, playStart } from 'sluice/testing';
import { describe, expect, it, test } from 'vitest';
import { targetOf } from '../../../core/history/target.ts';
import { whyNot } from '../../../core/history/why-not.ts';
import { memoryHistory } from '../../../core/testing/history.ts';
import anomaly from './anomaly.ts';
import { config } from './config.ts';
import { examples } from './examples.ts';
import { explains } from './near.ts';

const hour = 3_600_000;
const hours = (count: number, value: (hour: number) => number): Given<'stat'>[] =>
  Array.from({ length: count }, (_, index): Given<'stat'> => {
    const [from, to] = [playStart + index * hour, playStart + (index + 1) * hour];
    const mean = value(index);
    const series = [{ name: 'system.network.io', unit: 'By/s', count: 60, sum: mean * 60, min: mean, max: mean }];
    const data = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), series };
    const event: Event<'stat'> = { id: `s${index}`, kind: 'stat', key: keyOn('web-1', 'network'), source: '/a/b/c/d/e', time: to, data };
    return { event, at: to };
  });
/** Asked about the last hour. */
const asked = (inputs: Given<'stat'>[]) => explains.nearness(config.parse({}), inputs, inputs.at(-1)?.at)[0];

describe.each(examples)('of the example "$doc"', (example) => {
  it('finds near what the filter finds firing', () => {
    const given = example.given.flatMap((step): Given<'stat'>[] => {
      if (!('event' in step) || step.event.kind !== 'stat') return [];
      const event = { ...step.event, id: step.at, source: '/a/b/c/d/e', time: 0 } as Event<'stat'>;
      return [{ event, at: Date.parse(event.data.to) }];
    });
    const told = play(anomaly, example.config ?? {}, example.given).came.flatMap((came) =>
      came.kind === 'alert' && came.data.status === 'firing' ? [came.key] : [],
    );
    const fired = explains.nearness(config.parse(example.config ?? {}), given).filter(({ verdict }) => verdict === 'fired');
    expect(fired.map(({ key }) => key).sort()).toEqual([...new Set(told)].sort());
  });
});

test('says how far it was from what is usual', () => {
  const near = asked(hours(4 * 168, (index) => (index === 4 * 168 - 1 ? 5e6 : 4e6)));
  expect(near).toMatchObject({
    rule: 'anomaly',
    severity: 'info',
    verdict: 'within',
    looked: 1,
    nearest: { value: 5e6, limit: 6e6, unit: 'By/s' },
  });
  expect(near?.text).toBe(
    'system.network.io was 5000000 By/s over the hour from 23:00; at this hour of 3 earlier weeks, 4000000 By/s to 4000000 By/s; missing: it is unusual above 6000000 By/s, and was 50 % of the way there',
  );
  expect(asked(hours(4 * 168, (index) => (index === 4 * 168 - 1 ? 9e6 : 4e6)))).toMatchObject({ verdict: 'fired' });
});

test('says how many weeks are missing', () => {
  const near = asked(hours(2 * 168, () => 4e6));
  expect(near).toMatchObject({ verdict: 'within', nearest: { value: 1, limit: 3, unit: '{week}' } });
  expect(near?.text).toContain('missing: 3 earlier weeks of that hour, of which 1 is known');
});

it('is asked by why-not, with the weeks before the moment', async () => {
  const kept = hours(4 * 168, (index) => (index === 4 * 168 - 1 ? 5e6 : 4e6)).map(({ event, at }) => ({ event, received: at }));
  const filters = [{ name: 'anomaly', node: anomaly, config: config.parse({}), confighash: 'abc', reads: anomaly.in }];
  const told = await whyNot(memoryHistory(kept), filters, targetOf('web-1/network'), playStart + 4 * 168 * hour);
  expect(told.sentences.join('\n')).toMatch(
    /^ *web-1\/network\.system%2Enetwork%2Eio: system\.network\.io was 5000000 By\/s over .*; missing: it is unusual above 6000000 By\/s/m,
  );
});
