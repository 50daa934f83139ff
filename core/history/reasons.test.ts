/** Why an alert came, and why none did, asked of a running page: what the commands say with --json. */
import { afterEach, expect, it } from 'vitest';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { openLive } from '../../nodes/sinks/live/server.ts';
import { dayEnd, dayRules, onDay, recordedDay } from '../../test/fixtures/day.ts';
import { virtualClock } from '../clock.ts';
import type { Event } from '../event.ts';
import type { History, Received } from '../history.ts';
import type { PlacedFilter } from '../node.ts';
import { memoryHistory } from '../testing/history.ts';
import { testServices } from '../testing/services.ts';
import { targetOf } from './target.ts';
import { why } from './why.ts';
import { whyNot } from './why-not.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const night = recordedDay().filter(({ event }) => event.time < onDay('03:00:00') && event.key.includes('web-3'));
const alertAt = (id: string, index: number, status: 'firing' | 'resolved'): Received => {
  const { event, received } = night[index] as Received;
  const data = { rule: 'old', status, severity: 'info', summary: id, since: new Date(event.time).toISOString(), evidence: [] };
  return { received, event: { ...event, id, kind: 'alert', causationid: event.id, data } as unknown as Event };
};
const alerts = [alertAt('first', 100, 'firing'), alertAt('second', 200, 'firing'), alertAt('end', 300, 'resolved')];
const kept = [...night, ...alerts].sort((one, other) => one.received - other.received);
const filters: PlacedFilter[] = [
  { name: 'threshold', node: threshold, config: threshold.config.parse(dayRules), confighash: 'abc', reads: threshold.in },
];

async function serve(given: { history?: History; filters?: PlacedFilter[]; now?: number }) {
  const services = testServices({ history: given.history, filters: given.filters ?? [], clock: virtualClock(given.now ?? dayEnd) });
  const server = await openLive({ host: '127.0.0.1', port: 0 }, { seconds: 60, bytes: 1_048_576, viewers: 2 }, services);
  closing.push(() => server.close());
  return async (path: string, query: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/api/${path}?${new URLSearchParams(query)}`);
    const text = await response.text();
    return { status: response.status, text, json: () => JSON.parse(text) as unknown };
  };
}
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

it('says why the latest alert came that fired there, as for its id', async () => {
  const history = memoryHistory(kept);
  const ask = await serve({ history });
  const byAbout = await ask('why', { about: 'web-3/filesystem' });
  expect(byAbout.status).toBe(200);
  expect(byAbout.json()).toEqual(asJson(await why(history, (alerts[1] as Received).event)));
  expect((await ask('events/second/why')).json()).toEqual(byAbout.json());
  expect((await ask('why', { about: 'web-3/old' })).json()).toMatchObject({ event: { id: 'second' } });
});

it('says why no alert came, by the filters of the process', async () => {
  const history = memoryHistory(kept);
  const ask = await serve({ history, filters });
  const told = await ask('why-not', { about: 'web-3/filesystem', at: '2026-03-03T02:12' });
  expect(told.status).toBe(200);
  expect(told.json()).toEqual(asJson(await whyNot(history, filters, targetOf('web-3/filesystem'), onDay('02:12:00'))));
  const near = { rule: 'filesystem-space', verdict: 'too short', confighash: 'abc' };
  expect(told.json()).toHaveProperty('rules.0', expect.objectContaining(near));
  // A time of the day is the latest such one, on the process's clock.
  expect((await ask('why-not', { about: 'web-3/filesystem', at: '02:12' })).json()).toEqual(told.json());
});

it('answers one why-not at a time', async () => {
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  let asked = () => {};
  const reached = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const slow: History = {
    ...memoryHistory(kept),
    async coverage() {
      asked();
      await gate;
      return [];
    },
  };
  const ask = await serve({ history: slow, filters });
  const first = ask('why-not', { about: 'web-3', at: '02:12' });
  await reached;
  expect(await ask('why-not', { about: 'web-3', at: '02:12' })).toMatchObject({ status: 429, text: expect.stringMatching(/ask again/) });
  go();
  expect((await first).status).toBe(200);
  expect((await ask('why-not', { about: 'web-3', at: '02:12' })).status).toBe(200);
});

it.each([
  ['why', {}, 400, /about is missing; add about=web-3\/filesystem/],
  ['why', { about: '/filesystem' }, 400, /names no host; write host\/resource/],
  ['why', { about: 'web-9/filesystem' }, 404, /no alert about that is kept .*; ask \/api\/why-not/],
  ['why-not', { at: '02:12' }, 400, /about is missing/],
  ['why-not', { about: 'web-3' }, 400, /at is missing; add at=02:12/],
  ['why-not', { about: 'web-3', at: 'tea' }, 400, /at "tea" is no time; write/],
  ['why-not', { about: '/', at: '02:12' }, 400, /names no host/],
])('refuses %s with %o', async (path, query, status, text) => {
  const ask = await serve({ history: memoryHistory(kept), filters });
  expect(await ask(path, query as Record<string, string>)).toMatchObject({ status, text: expect.stringMatching(text) });
});

it('says which process to ask where this one cannot tell', async () => {
  const nothingKept = await serve({ filters });
  for (const path of ['why', 'why-not'])
    expect(await nothingKept(path, { about: 'web-3', at: '02:12' })).toMatchObject({
      status: 503,
      text: expect.stringMatching(/run the store/),
    });
  const noFilter = await serve({ history: memoryHistory(kept) });
  expect(await noFilter('why-not', { about: 'web-3', at: '02:12' })).toMatchObject({
    status: 503,
    text: expect.stringMatching(/runs no filter; ask one that does/),
  });
  const later = await serve({ history: memoryHistory(kept), now: dayEnd + 31 * 86_400_000 });
  expect((await later('why', { about: 'web-3/filesystem' })).status).toBe(404);
});
