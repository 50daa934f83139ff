/** The alerts that were kept, a page at a time, newest first. */
import { type Event, type History, key, type Received, virtualClock } from 'sluice';
import { memoryHistory, testServices } from 'sluice/testing';
import { afterEach, expect, it } from 'vitest';
import type { AlertsPage } from './pastalerts.ts';
import { openLive } from './server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const end = Date.UTC(2026, 2, 3);
const hour = 3_600_000;
const place = { company: 'acme', system: 'shop', environment: 'prod' };

function alert(id: string, at: number, more: Record<string, unknown> = {}, host = 'web-1'): Received {
  const data = {
    rule: 'disk-full',
    status: 'firing',
    severity: 'warning',
    summary: id,
    since: new Date(at).toISOString(),
    evidence: [],
    ...more,
  };
  const about = key({ ...place, host, resource: ['filesystem', id] });
  return { received: at, event: { id, kind: 'alert', key: about, source: '/acme/shop/prod/hub/test', time: at, data } as Event<'alert'> };
}

async function serve(history?: History) {
  const services = testServices({ history, clock: virtualClock(end) });
  const server = await openLive({ host: '127.0.0.1', port: 0 }, { seconds: 60, bytes: 1_048_576, viewers: 2 }, services);
  closing.push(() => server.close());
  return async (query: Record<string, string | number>) => {
    const answer = await fetch(`${server.url}/api/alerts?${new URLSearchParams(query as Record<string, string>)}`);
    const text = await answer.text();
    return { status: answer.status, text, page: () => JSON.parse(text) as AlertsPage };
  };
}

it('goes back page by page to the first, and misses none', async () => {
  const kept = Array.from({ length: 1_000 }, (_, nth) => alert(`a${nth}`, end - 20 * 24 * hour + nth * 0.4 * hour));
  const ask = await serve(memoryHistory(kept));
  const told: string[] = [];
  let to = end;
  for (let pages = 0; pages < 50; pages++) {
    const { alerts, next } = (await ask({ to, from: end - 25 * 24 * hour })).page();
    told.push(...alerts.map(({ summary }) => summary));
    if (next === undefined) break;
    to = next;
  }
  expect([...new Set(told)]).toEqual(kept.map(({ event }) => event.id).reverse());
});

it('says how each ended, and of which that is not known', async () => {
  const since = new Date(end - 3 * hour).toISOString();
  const over = { ...alert('var', end - hour, { status: 'resolved', since }) };
  const ask = await serve(
    memoryHistory([alert('var', end - 3 * hour), alert('tmp', end - 2 * hour), { ...over, event: { ...over.event, id: 'end' } as Event }]),
  );
  expect((await ask({ to: end })).page()).toEqual({
    alerts: [
      expect.objectContaining({ summary: 'var', state: 'resolved', since: end - 3 * hour, ended: end - hour, event: 'var' }),
      expect.objectContaining({ summary: 'tmp', state: 'unknown', event: 'tmp' }),
    ],
  });
});

it('finds those of a key and a rule', async () => {
  const kept = [alert('var', end - 3 * hour), alert('var', end - 2 * hour, { rule: 'disk-filling' }), alert('tmp', end - hour)];
  const ask = await serve(memoryHistory(kept));
  const { alerts } = (await ask({ key: kept[0]?.event.key ?? '', rule: 'disk-full' })).page();
  expect(alerts.map(({ rule, key: about }) => [rule, about])).toEqual([['disk-full', 'acme.shop.prod.web-1.filesystem.var']]);
});

it('says what is wrong with a question, and who else to ask', async () => {
  const ask = await serve(memoryHistory([]));
  expect(await ask({ from: 'tea' })).toMatchObject({ status: 400, text: expect.stringMatching(/from "tea" is no time/) });
  expect(await (await serve())({ from: 0 })).toMatchObject({ status: 503, text: expect.stringMatching(/run the store/) });
});
