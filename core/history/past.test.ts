/** The past asked over HTTP and read from a file: the same events as from memory, page after page, whatever stands in between. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openLive } from '../../nodes/sinks/live/server.ts';
import { until } from '../../test/contract/collect.ts';
import { seeded, utilization } from '../../test/fixtures/day.ts';
import { type Event, encode, topic } from '../event.ts';
import type { History, Received } from '../history.ts';
import { memoryHistory } from '../testing/history.ts';
import { testServices } from '../testing/services.ts';
import { fileHistory } from './file.ts';
import { toLine } from './line.ts';
import { remoteHistory } from './remote.ts';

const start = Date.UTC(2026, 2, 3);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** More than two pages; many were received in the same millisecond, also where a page ends. */
function many(count = 45_000): Received[] {
  const random = seeded(7);
  let received = start;
  return Array.from({ length: count }, (_, index) => {
    if (index % 7 === 0) received += Math.floor(random() * 3);
    const key = `acme.shop.prod.web-${index % 3}.filesystem`;
    const event: Event<'metric'> = {
      id: `m${index}`,
      kind: 'metric',
      key,
      source: '/acme/shop/prod/web-1/filesystem',
      time: received - 5,
      data: { points: [utilization('/', 0.5)] },
    };
    return { event, received };
  });
}

async function serve(history: History | undefined): Promise<{ url: string; past: History }> {
  const server = await openLive({ host: '127.0.0.1', port: 0 }, { seconds: 60, bytes: 1_048_576, viewers: 2 }, testServices({ history }));
  closing.push(() => server.close());
  return { url: server.url, past: remoteHistory(server.url) };
}

async function fileOf(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-past-'));
  closing.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'past.jsonl'), text);
  return join(folder, 'past.jsonl');
}

async function all(history: History, from = start, to = Number.POSITIVE_INFINITY, pattern = '#'): Promise<Received[]> {
  const got: Received[] = [];
  for await (const one of history.read(topic('metric', pattern), from, to)) got.push(one);
  return got;
}

it('comes over HTTP whole and in order, across pages', async () => {
  const kept = many();
  const { past } = await serve(memoryHistory(kept));
  expect(await all(past)).toEqual(kept);
  const [from, to] = [kept[100]?.received ?? 0, kept[40_000]?.received ?? 0];
  expect(await all(past, from, to, '*.*.*.web-1.#')).toEqual(await all(memoryHistory(kept), from, to, '*.*.*.web-1.#'));
  expect(await past.byId('m77')).toEqual(kept[77]);
  expect(await past.byId('nobody')).toBeUndefined();
  expect(await past.coverage(start, start + 10)).toEqual([{ from: kept[0]?.received, to: start + 10, resolution: 'raw' }]);
});

it('asks the store for no more than is read', async () => {
  let asked = 0;
  let ended = false;
  const kept = many(1)[0];
  if (!kept) throw new Error('one was asked for');
  const endless: History = {
    ...memoryHistory([]),
    async *read() {
      try {
        for (; ; asked++) yield { ...kept, event: { ...kept.event, id: `e${asked}` }, received: start + asked };
      } finally {
        ended = true;
      }
    },
  };
  const { past } = await serve(endless);
  let seen = 0;
  for await (const _ of past.read(topic('metric'), start, start + 1e9)) if (++seen === 6000) break;
  await until('the page to be let go', () => ended);
  // A page would have been 20,000: what lies between is what the sockets hold.
  expect(asked).toBeLessThan(15_000);
});

it('says when the other end breaks off, and is no end itself', async () => {
  const breaking: History = {
    ...memoryHistory([]),
    async *read() {
      yield* many(3000);
      throw new Error('the disk is gone');
    },
  };
  const { past } = await serve(breaking);
  await expect(all(past)).rejects.toThrow('the disk is gone');
});

it('refuses over HTTP what is none, and says when nothing is kept', async () => {
  const { url } = await serve(memoryHistory([]));
  const status = async (path: string) => (await fetch(`${url}${path}`)).status;
  expect(await status('/api/history?kind=nothing&from=0&to=1')).toBe(400);
  expect(await status('/api/history?kind=metric&pattern=a%23b&from=0&to=1')).toBe(400);
  expect(await status('/api/history?kind=metric&from=0&to=soon')).toBe(400);
  expect(await status('/api/history?kind=metric&from=0')).toBe(400);
  expect(await status('/api/events/x/why')).toBe(404);
  const none = await serve(undefined);
  await expect(all(none.past)).rejects.toThrow('sluice: live: no history is kept by this process; run the store beside it');
});

it('explains an event over HTTP', async () => {
  const [cause] = many(1);
  if (!cause) throw new Error('one was asked for');
  const data = {
    rule: 'r',
    status: 'firing',
    severity: 'warning',
    summary: 'full',
    since: new Date(start).toISOString(),
    evidence: ['m0'],
  };
  const alert = {
    ...cause.event,
    id: 'alert/1',
    kind: 'alert',
    causationid: 'm0',
    source: '/acme/shop/prod/hub-1/threshold',
    data,
  } as Event;
  const { url } = await serve(memoryHistory([cause, { event: alert, received: cause.received }]));
  const told = (await (await fetch(`${url}/api/events/${encodeURIComponent('alert/1')}/why`)).json()) as {
    causes: unknown;
    sentences: string[];
  };
  expect(told.causes).toMatchObject([{ sort: 'event', event: { id: 'm0' } }]);
  expect(told.sentences).toContain('The filter threshold on hub-1 decided it (no policy commit: its config was in no git checkout).');
});

it('is read from a file, its lines as the API sends them or as tap saves them, and what is no event is told once', async () => {
  const kept = many(20);
  const lines = kept.map(toLine);
  const told: string[] = [];
  const past = fileHistory(await fileOf([...lines.slice(0, 10), 'rubbish\n', '{"a":1}\n', ...lines.slice(10)].join('')), (flaw) =>
    told.push(flaw),
  );
  expect(await all(past)).toEqual(kept);
  expect(await all(past)).toEqual(kept);
  expect(told).toEqual([
    expect.stringMatching(/:11: history: not JSON/),
    expect.stringMatching(/:12: history: type "undefined" is unknown/),
  ]);
  expect(await past.coverage(0, Number.POSITIVE_INFINITY)).toEqual([
    { from: kept[0]?.received, to: (kept.at(-1)?.received ?? 0) + 1, resolution: 'raw' },
  ]);

  const saved = fileHistory(await fileOf(kept.map(({ event }) => `${encode(event)}\n`).join('')), () => {});
  const events = await all(saved, 0);
  expect(events.map(({ event }) => event)).toEqual(kept.map(({ event }) => event));
  expect(events.every(({ received, event }) => received === event.time)).toBe(true);
});
