/** How series went, asked over HTTP: by a script, and by another process's history. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Event, virtualClock } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterEach, expect, it } from 'vitest';
import { remoteHistory } from '../../../../core/history/remote.ts';
import { openArchive } from '../../store/archive.ts';
import { keepAll } from '../../store/tiers.ts';
import { openLive } from '../server.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const start = virtualClock().now();

it('answers with what was kept and what is remembered', async () => {
  const clock = virtualClock(start);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-series-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const archive = await openArchive({ folder, keep: keepAll, say: () => {}, now: clock.now });
  undo.push(() => archive.close());
  const services = testServices({ history: archive.history, clock });
  const live = await openLive({ host: '127.0.0.1', port: 0 }, { seconds: 60, bytes: 1_048_576, viewers: 2 }, services);
  undo.push(() => live.close());
  const stored: Event[] = [];
  for (let second = 0; second < 100; second++) {
    const event: Event = {
      id: `e${second}`,
      kind: 'metric',
      key: 'acme.shop.prod.web-1.cpu',
      source: '/acme/shop/prod/web-1/cpu',
      time: start + second * 1000,
      data: { points: [{ name: 'load', unit: '1', value: second, attributes: { core: 3 } }] },
    };
    await clock.advance(1000);
    live.write([event]);
    if (second < 95) stored.push(event);
  }
  await archive.write(stored);
  const ask = (body: unknown, type = 'application/json') =>
    fetch(`${live.url}/api/series`, { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) });
  const answer = await ask({ metric: 'load', by: ['host'], from: start, to: start + 100_000, step: 10_000 });
  expect([answer.status, await answer.json()]).toMatchObject([
    200,
    {
      metric: 'load',
      unit: '1',
      fold: 'mean',
      of: 1,
      series: [{ host: 'web-1', members: 1, values: [4.5, 14.5, 24.5, 34.5, 44.5, 54.5, 64.5, 74.5, 84.5, 94.5] }],
      coverage: [{ resolution: 'raw' }],
    },
  ]);
  const course = await remoteHistory(live.url).series?.({
    metric: 'load',
    servers: ['acme.shop.prod.web-1'],
    attributes: { core: ['3'] },
    from: start + 50_000,
    to: start + 100_000,
    step: 25_000,
    most: 10,
  });
  expect(course).toMatchObject({ of: 1, series: [{ key: 'acme.shop.prod.web-1.cpu', attributes: { core: 3 }, type: 'gauge' }] });
  expect([course?.series[0]?.mean, course?.series[0]?.high].map((values) => [...(values ?? [])])).toEqual([
    [62, 87],
    [74, 99],
  ]);
  const long = await ask({ metric: 'load', from: start - 1e9, to: start - 9e8, step: 1e6 });
  expect(await long.json()).toEqual({
    metric: 'load',
    from: expect.any(Number) as number,
    to: expect.any(Number) as number,
    step: 1e6,
    of: 0,
    series: [],
    coverage: [],
  });
  const refused = await ask({ metric: 'load', from: start });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringMatching(/^sluice: live: to .*send JSON such as/)]);
  expect((await ask({}, 'text/plain')).status).toBe(415);
  expect((await fetch(`${live.url}/api/series`)).status).toBe(405);
});
