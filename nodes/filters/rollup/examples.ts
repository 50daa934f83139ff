/** What rollup does, shown: these are its tests and its documentation. */
import type { Example, Step } from 'sluice';
import type { config } from './config.ts';

const host = 'acme.shop.prod.web-1';
const step = (at: string, point: object, time?: string): Step => ({
  at,
  event: { kind: 'metric', key: `${host}.app`, data: { points: [point] }, ...(time !== undefined && { time }) },
});
const queue = (at: string, value: number, time?: string): Step => step(at, { name: 'app.queue', value, unit: '{job}' }, time);
const served = (at: string, value: number): Step => step(at, { name: 'app.requests', value, type: 'counter', unit: '{request}' });

const minuteOne = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T00:01:00.000Z' };

export const examples: readonly Example<typeof config>[] = [
  {
    doc: 'a minute is told 15 s after its end; the same values a minute later are its ten minutes',
    given: [queue('0s', 3), queue('20s', 9), queue('40s', 6), { at: '10m15s' }],
    expect: [
      {
        kind: 'stat',
        at: '1m15s',
        key: `${host}.app`,
        data: { ...minuteOne, series: [{ name: 'app.queue', unit: '{job}', count: 3, sum: 18, min: 3, max: 9, last: 6 }] },
      },
      { kind: 'stat', at: '10m15s', data: { to: '2026-01-01T00:10:00.000Z', series: [{ count: 3, sum: 18, last: 6 }] } },
    ],
  },
  {
    doc: 'a counter is summed up by its rates; where it falls it was restarted at 0',
    given: [served('0s', 1000), served('10s', 1500), served('20s', 300), { at: '1m15s' }],
    expect: [
      {
        kind: 'stat',
        at: '1m15s',
        data: { series: [{ name: 'app.requests', unit: '{request}/s', count: 2, sum: 80, min: 30, max: 50, last: 30 }] },
      },
    ],
  },
  {
    doc: 'a late point within the allowance counts as if it had come in time; a later one is told as a further part, and counted',
    given: [queue('30s', 4), queue('1m10s', 2, '20s'), queue('2m', 8, '40s'), { at: '4m' }],
    expect: [
      { kind: 'stat', at: '1m15s', data: { ...minuteOne, series: [{ count: 2, sum: 6, last: 4 }] } },
      { kind: 'stat', at: '3m15s', data: { ...minuteOne, series: [{ count: 1, sum: 8, last: 8 }] } },
      { kind: 'state', at: '3m', key: 'acme.shop.prod.hub-1.rollup', data: { of: 'rollup', value: { late: 1, refused: 0, leftOut: 0 } } },
    ],
  },
  {
    doc: 'past its bound a new series is left out, and that is counted',
    config: { series: 1 },
    given: [queue('0s', 1), step('1s', { name: 'app.other', value: 1 }), { at: '1m15s' }],
    expect: [
      { kind: 'state', at: '1m', data: { value: { leftOut: 1 } } },
      { kind: 'stat', at: '1m15s', data: { series: [{ name: 'app.queue' }] } },
    ],
  },
  {
    doc: 'nothing is told of a minute that is still open',
    given: [queue('0s', 1), queue('59s', 2), { at: '1m14s' }],
    expect: [],
  },
];
