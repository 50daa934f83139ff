/** What cadence does, shown: these are its tests and its documentation. */
import type { Example, Step } from 'sluice';
import type { config } from './config.ts';

const host = 'acme.shop.prod.web-1';
const quick = { after: '10m', least: '3m' };

const line = (minute: number): Step => ({
  at: `${minute}m`,
  event: { kind: 'log', key: `${host}.log.orders`, data: { lines: [{ body: 'order placed' }] } },
});
const minutes = (from: number, to: number, every = 1): number[] => {
  const found: number[] = [];
  for (let minute = from; minute <= to; minute += every) found.push(minute);
  return found;
};
const beat = (minute: number, more: object = {}): Step => ({
  at: `${minute}m`,
  event: { kind: 'heartbeat', key: host, data: { boot: 'b', interval: 60, ...more } },
});
const quiet = { kind: 'alert', data: { status: 'firing', severity: 'info', rule: 'unusually-quiet' } } as const;
const back = { kind: 'alert', data: { status: 'resolved', severity: 'info', rule: 'unusually-quiet' } } as const;

export const examples: readonly Example<typeof config>[] = [
  {
    doc: 'a log that has a line each minute stops: told once it is quiet for longer than ever, and again when it speaks',
    config: quick,
    given: [...minutes(0, 15).map(line), { at: '25m' }, line(30)],
    expect: [
      {
        ...quiet,
        at: '19m',
        data: {
          ...quiet.data,
          summary: 'log log orders is quiet for 4m; its longest gap in two weeks was 1m',
          since: '2026-01-01T00:15:00.000Z',
        },
      },
      { ...back, at: '30m', data: { ...back.data, summary: 'log log orders speaks again, after 15m' } },
    ],
  },
  {
    doc: 'a stream that is quiet for long now and then is not told for it, and neither is one of which little is known',
    config: { ...quick, after: '1h' },
    given: [...minutes(0, 12).map(line), ...minutes(20, 60, 8).map(line), ...minutes(61, 64).map(line), { at: '80m' }],
    expect: [],
  },
  {
    doc: 'of a server that is silent, or said goodbye, nothing is told: the roster does that',
    config: quick,
    given: [
      ...minutes(0, 15).flatMap((minute) => [beat(minute), line(minute)]),
      { at: '40m' },
      beat(41),
      line(41),
      beat(42, { goodbye: { reason: 'SIGTERM' } }),
      { at: '60m' },
    ],
    expect: [],
  },
  {
    doc: 'while the pipe is broken nothing is told, and what it was deaf for is no habit',
    config: quick,
    given: [
      ...minutes(0, 15).map(line),
      { at: '15m30s', pipe: { connected: false, caughtUp: false } },
      { at: '45m', pipe: { connected: true, caughtUp: true } },
      line(46),
      line(47),
      { at: '52m' },
    ],
    expect: [{ ...quiet, at: '51m' }],
  },
];
