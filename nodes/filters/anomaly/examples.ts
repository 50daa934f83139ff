/** What anomaly does, shown: these are its tests and its documentation. */
import type { Example, Step } from 'sluice';
import type { config } from './config.ts';

const host = 'acme.shop.prod.web-1';
/** What rollup says at the end of the hour of a play, of one series whose mean is `value`. */
const hourly = (hour: number, value: number): Step => ({
  at: `${hour + 1}h`,
  event: {
    kind: 'stat',
    key: `${host}.network`,
    data: {
      from: new Date(Date.UTC(2026, 0, 1, hour)).toISOString(),
      to: new Date(Date.UTC(2026, 0, 1, hour + 1)).toISOString(),
      series: [
        {
          name: 'system.network.io',
          unit: 'By/s',
          attributes: { 'network.interface.name': 'eth0', 'network.io.direction': 'receive' },
          ...{ count: 3600, sum: value * 3600, min: 0, max: 3 * value, last: value },
        },
      ],
    },
  },
});
/** Busy by day, quiet by night. */
const usual = (hour: number): number => (hour % 24 < 12 ? 8e6 : 1e6) * (1 + ((hour * 7) % 10) / 100);
/** Some hours of the first day of each week. */
const weeks = (count: number): Step[] =>
  Array.from({ length: count }, (_, week) => [6, 18, 19, 20].map((hour) => hourly(week * 168 + hour, usual(week * 168 + hour)))).flat();

export const examples: readonly Example<typeof config>[] = [
  {
    doc: 'after three weeks, eight times as much at night as on other such nights is told, for the record, and that it is over',
    given: [...weeks(3), hourly(504 + 18, 8e6), hourly(504 + 19, 8e6), hourly(504 + 20, 1e6)],
    expect: [
      {
        kind: 'alert',
        at: '523h',
        key: `${host}.network.system%2Enetwork%2Eio.eth0.receive`,
        data: { rule: 'anomaly', status: 'firing', severity: 'info', value: 8e6, unit: 'By/s' },
      },
      { kind: 'alert', at: '525h', data: { status: 'resolved', severity: 'info' } },
    ],
  },
  {
    doc: 'as much by day is as ever',
    given: [...weeks(3), hourly(504 + 6, 8e6)],
    expect: [],
  },
  {
    doc: 'before three weeks are known nothing is said',
    given: [...weeks(2), hourly(336 + 18, 5e7)],
    expect: [],
  },
];
