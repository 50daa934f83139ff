/** Cadence where its examples are too small: weeks, many streams, what each event costs. */
import type { Event, Step } from 'sluice';
import { aHeartbeat, aLog, each, play, playStart } from 'sluice/testing';
import { expect, test } from 'vitest';
import { filterRun } from '../../../core/runtime/filtering.ts';
import cadence from './cadence.ts';

const hour = 3600;
const day = 24 * hour;
const told = (config: Parameters<typeof play<typeof cadence.config, typeof cadence.tables, 'log', 'alert' | 'state'>>[1], steps: Step[]) =>
  play(cadence, config, steps).came.flatMap((one) =>
    one.kind === 'alert' ? [{ at: one.at / 1000, status: one.data.status, key: one.key }] : [],
  );

test('learns nights and weekends: a first one may be told, the next are known, and a death is told in the end', () => {
  // From 8 to 18, each ten minutes; the first day is a Monday.
  const isOpen = (at: number) => Math.floor(at / day) % 7 < 5 && at % day >= 8 * hour && at % day < 18 * hour;
  const steps = each(8 * hour, 18 * day, 600, (at, seconds) => (isOpen(seconds) ? aLog(at, 'shop-1', 'order') : { at }));
  const came = told({}, [...steps, { at: `${28 * day}s` }]);
  const days = came.map(({ at, status }) => `${status} on day ${Math.floor(at / day)}`);
  // The first weekend of 62 hours is longer than three nights, the second is not told. It died on day 17: three weekends later.
  expect(days).toEqual(['firing on day 6', 'resolved on day 7', 'firing on day 25']);
});

test('says nothing of a backlog that was read all at once, nor of the time while nothing was read', () => {
  const lines = each(0, 2 * hour, 60, (at) => aLog(at, 'web-1', 'x'));
  const cut: Step[] = [{ at: `${2 * hour + 1}s`, pipe: { connected: false, caughtUp: false } }];
  const back: Step[] = [
    { at: `${10 * hour}s`, pipe: { connected: true, caughtUp: false } },
    ...Array.from({ length: 50 }, () => aLog(`${10 * hour + 1}s`, 'web-1', 'late')),
    { at: `${10 * hour + 2}s`, pipe: { connected: true, caughtUp: true } },
  ];
  const after = each(10 * hour + 60, 11 * hour, 60, (at) => aLog(at, 'web-1', 'x'));
  expect(told({ after: '1h' }, [...lines, ...cut, ...back, ...after])).toEqual([]);
});

test('tells at most a thousand at once, and takes each back when its server says goodbye', () => {
  const hosts = Array.from({ length: 1200 }, (_, index) => `web-${index}`);
  const rounds = Array.from({ length: 14 }, (_, round) => hosts.map((host) => aLog(`${round * 60}s`, host, 'x'))).flat();
  const alive = each(0, 1800, 600, (at) => ({ at })).flatMap(({ at }) => hosts.map((host) => aHeartbeat(at, host, { interval: 600 })));
  const bye = hosts.map((host) => aHeartbeat('1801s', host, { goodbye: { reason: 'SIGTERM' } }));
  const order = (one: Step) => Number.parseFloat(one.at);
  const steps = [...rounds, ...alive, ...bye].sort((one, other) => order(one) - order(other));
  const came = told({ after: '5m', least: '5m' }, [...steps, { at: '1900s' }]);
  expect(came.filter(({ status }) => status === 'firing')).toHaveLength(1000);
  expect(came.filter(({ status }) => status === 'resolved')).toHaveLength(1000);
});

test('writes nothing for a stream that speaks all the time, but twice a minute', () => {
  const run = filterRun(cadence, cadence.config.parse({}), {
    name: 'cadence',
    about: { company: 'a', system: 'b', environment: 'c', host: 'hub-1' },
  });
  let writes = 0;
  for (let second = 0; second < 60; second++) {
    const at = playStart + second * 1000;
    const event = {
      id: `${second}`,
      kind: 'log',
      key: 'a.b.c.web-1.log',
      source: '/a/b/c/web-1/log',
      time: at,
      data: { lines: [{ body: 'x' }] },
    };
    run.event(event as Event, at);
    writes += run.memory.changes().filter(({ table }) => table === 'streams').length;
    run.memory.committed();
  }
  expect(writes).toBe(2);
});
