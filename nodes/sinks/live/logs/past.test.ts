import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import type { Event, History } from 'sluice';
import { memoryHistory } from 'sluice/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createWriter } from '../../../../test/browser/imitate.ts';
import { openArchive } from '../../store/archive.ts';
import { keepAll } from '../../store/tiers.ts';
import { anyone, type LiveEnv } from '../looker.ts';
import { createMemory } from '../memory.ts';
import { compileFilter } from './filter.ts';
import { createLogs } from './http.ts';
import { noCounts, type Shown } from './line.ts';
import { counts, page } from './past.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const start = Date.UTC(2026, 0, 1, 12);
type Lines = Extract<Event, { kind: 'log' }>['data']['lines'];
const line = (body: string, more: Partial<Lines[0]> = {}): Lines[0] => ({ body, severity: 'info', ...more });
const write = createWriter();
const log = (lines: Lines, { host = 'web-1', time = start, file = '/var/log/app.log' } = {}) =>
  write({ kind: 'log', host, resource: ['log', 'app'], time, data: { lines, file } }) as Event<'log'>;

/** A store on a folder of the test's own, with these events in it. */
async function stored(events: readonly Event[]): Promise<History> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-logs-'));
  const archive = await openArchive({ folder, keep: keepAll, say: () => {}, now: () => start + 60_000 });
  undo.push(async () => {
    await archive.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await archive.write(events);
  return archive.history;
}
const inMemory = async (events: readonly Event[]) => memoryHistory(events.map((event) => ({ event, received: event.time })));

describe.each([
  ['a store', stored],
  ['a history without SQL', inMemory],
])('the past in %s', (_, keep) => {
  const hosts = ['web-1', 'web-2'];
  const events = Array.from({ length: 60 }, (_, index) =>
    log(
      [
        line(`GET /orders/${index} it's`, { fields: { status: index % 10 === 0 ? 500 : 200, 'a "b"/c~': 'yes' } }),
        line(`Done ${index}`, { severity: index % 20 === 0 ? 'error' : 'info', time: new Date(start + index * 1000 - 400).toISOString() }),
      ],
      { time: start + index * 1000, host: hosts[index % 2] ?? '' },
    ),
  );
  /** Older ones are in the store alone, newer ones in memory alone, and some in both. */
  const open = async (looker = anyone) => {
    const memory = createMemory({ ticks: 600, bytes: 64_000_000 });
    for (const event of events.slice(30)) memory.add(event);
    const history = await keep(events.slice(0, 50));
    const logs = createLogs({ memory, labelsOf: () => undefined, clock: undefined });
    const app = new Hono<LiveEnv>();
    app.use(async (context, next) => {
      context.set('looker', looker);
      context.set('history', history);
      await next();
    });
    app.route('/api', logs);
    return async (path: string) => {
      const answer = await app.request(`/api/logs${path}`);
      const text = await answer.text();
      return answer.ok ? (JSON.parse(text) as { lines: Shown[]; more: boolean; searched: number; counts: number[][] }) : text;
    };
  };
  const to = start + 100_000;
  const bodies = (answer: unknown) => (typeof answer === 'string' ? answer : (answer as { lines: Shown[] }).lines.map(({ body }) => body));

  it('goes back page by page, each line once', async () => {
    const ask = await open();
    const all: string[] = [];
    let before = '';
    for (let pages = 0; pages < 20; pages++) {
      const page = await ask(`?from=${start - 60_000}&to=${to}&limit=17${before}`);
      if (typeof page === 'string') throw new Error(page);
      all.push(...page.lines.map(({ body }) => body));
      const last = page.lines.at(-1);
      if (!page.more || !last) break;
      before = `&before=${encodeURIComponent(`${last.at}.${last.line}.${last.id}`)}`;
    }
    expect(all).toEqual(events.flatMap(({ data }, index) => [`Done ${index}`, data.lines[0]?.body]).reverse());
  });

  it('asks by everything that the tail does', async () => {
    const ask = await open();
    const range = `?from=${start}&to=${to}`;
    expect(bodies(await ask(`${range}&text=${encodeURIComponent("orders/59 IT'S")}`))).toEqual(["GET /orders/59 it's"]);
    expect(bodies(await ask(`${range}&regex=${encodeURIComponent('^Done [13]$')}`))).toEqual(['Done 3', 'Done 1']);
    expect(bodies(await ask(`${range}&severity=error`))).toEqual(['Done 40', 'Done 20']);
    expect(bodies(await ask(`${range}&field.status=500&host=web-1&limit=2`))).toEqual(["GET /orders/50 it's", "GET /orders/40 it's"]);
    const odd = encodeURIComponent('a "b"/c~');
    expect(bodies(await ask(`${range}&field.${odd}=yes&not.field.status=200&server=acme.shop.prod.web-1&limit=1`))).toEqual([
      "GET /orders/50 it's",
    ]);
    expect(bodies(await ask(`${range}&file=/var/log/app.log&limit=1`))).toHaveLength(1);
    expect(bodies(await ask(`${range}&not.file=/var/log/app.log`))).toEqual([]);
    expect(bodies(await ask(`${range}&regex=(`))).toMatch(/missing closing \)/);
    expect(bodies(await ask(`${range}&limit=a`))).toMatch(/limit/);
    const closed = await open({ ...anyone, part: 'other', sees: () => false });
    expect(bodies(await closed(range))).toEqual([]);
  });

  it('tells the lines around one, and counts', async () => {
    const ask = await open();
    const context = (await ask(`/context?id=${events[40]?.id}&line=0&lines=2`)) as unknown as Record<'before' | 'after', Shown[]> & {
      line: Shown;
    };
    expect(context.line.body).toBe("GET /orders/40 it's");
    expect(context.before.map(({ body }) => body)).toEqual(['Done 40', "GET /orders/38 it's"]);
    expect(context.after.map(({ body }) => body)).toEqual(['Done 42', "GET /orders/42 it's"]);
    expect(bodies(await ask('/context?id=nothing&line=0'))).toMatch(/no such line/);
    const counted = await ask(`/counts?from=${start}&to=${start + 60_000}&steps=2`);
    if (typeof counted === 'string') throw new Error(counted);
    const expected = [noCounts(), noCounts()];
    for (const [index, { data }] of events.entries()) {
      const [own, late] = [expected[index < 30 ? 0 : 1], expected[index * 1000 - 400 < 30_000 ? 0 : 1]];
      if (own) own[2] += 1;
      if (late && index > 0) late[data.lines[1]?.severity === 'error' ? 4 : 2] += 1;
    }
    expect(counted.counts).toEqual(expected);
  });
});

it('does not ask the store for what memory has all of', async () => {
  const memory = createMemory({ ticks: 600, bytes: 64_000_000 });
  for (let second = 0; second < 300; second++) memory.add(log([line(`${second}`)], { time: start + second * 1000 }));
  const refuse = () => Promise.reject(new Error('nobody asks'));
  const history = { ...memoryHistory([]), query: refuse, read: () => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) }) };
  const needs = { memory, history, monotonic: () => 0 };
  const filter = compileFilter({}, anyone, () => undefined);
  const stretch = { from: start, to: start + 300_000 };
  const { lines } = await page(needs, filter, stretch, 10, 'newest');
  expect(lines.map(({ body }) => body)).toEqual(['290', '291', '292', '293', '294', '295', '296', '297', '298', '299']);
  const counted = await counts(needs, filter, { from: start + 200_000, to: start + 300_000 }, 1);
  expect(counted).toEqual([[0, 0, 100, 0, 0, 0]]);
  // What may have been forgotten at memory's edge is looked for.
  await expect(page(needs, filter, stretch, 290, 'newest')).rejects.toThrow('nobody asks');
});
