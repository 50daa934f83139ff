/**
 * Whoever may see one part of the tree sees nothing of another, whatever they ask for. What may be asked is found from the server
 * itself: a route or a sort of channel that is new fails here until this test knows how it is asked, and until its answer, which has
 * the hidden words for one who sees everything, has none of them for one who does not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Event, type Kind, type LedgerState, virtualClock } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { newLookToken, writeToken } from '../../nodes/sinks/live/door/tokens.ts';
import { type LiveServer, openLive } from '../../nodes/sinks/live/server.ts';
import { type Archive, openArchive } from '../../nodes/sinks/store/archive.ts';
import { keepAll } from '../../nodes/sinks/store/tiers.ts';

const ours = 'acme.shop.prod.web-1';
const theirs = 'acme.office.prod.pc-9';
/** In every word that is said of the other part, so that no part of an answer could be of it without this. */
const hidden = 'zzhidden';
const folder = mkdtempSync(join(tmpdir(), 'sluice-looker-'));
const tokens = join(folder, 'lookers');
const now = Date.UTC(2026, 0, 1, 12);
const clock = virtualClock(now);
const iso = (time: number) => new Date(time).toISOString();
let count = 0;

/** One of each kind about a server, and one of each state. */
function about(server: string, word: string, time: number): Event[] {
  const [company = '', system = '', environment = '', host = ''] = server.split('.');
  const event = (kind: Kind, resource: string, data: object, more: object = {}): Event =>
    ({
      ...{
        id: `${word}-${kind}-${resource}`,
        kind,
        key: `${server}.${resource}`,
        source: `/${company}/${system}/${environment}/${host}/${word}`,
        time,
      },
      ...{ bootid: 'b1', sequence: ++count, data, ...more },
    }) as unknown as Event;
  const node = {
    ...{ name: word, use: word, sort: 'monitor', doc: word, host, process: 'b1', status: 'running', since: iso(time) },
    ...{ in: [], out: ['metric'], events: { in: 0, out: 1, dead: 0, dropped: 0, holes: 0, repeats: 0 }, errors: 0 },
  };
  const process = {
    ...{
      host,
      process: 'b1',
      status: 'running',
      since: iso(time),
      version: word,
      bus: 'embedded',
      connected: true,
      blocked: false,
      linger: 0,
    },
    ...{ sent: 1, confirmed: 1, dropped: 0, expired: 0, refused: 0, unwanted: { events: 0, lost: 0 }, written: { metric: 1 } },
    spooled: { durable: { events: 0, bytes: 0 }, telemetry: { events: 0, bytes: 0 } },
  };
  const status = {
    ...{
      company,
      system,
      environment,
      host,
      status: 'alive',
      since: iso(time),
      seen: iso(time),
      first: iso(time),
      interval: 5,
      boot: 'b1',
    },
    ...{ labels: { word }, versions: { word } },
  };
  const alert = {
    ...{ rule: `${word}-rule`, status: 'firing', severity: 'critical', summary: word, since: iso(time), value: 1, threshold: 0 },
    evidence: [`${word}-metric-cpu`],
  };
  return [
    event('heartbeat', 'agent', { boot: 'b1', interval: 5, labels: { word }, versions: { word } }),
    event('state', 'server', { of: 'server', value: status }),
    event('state', `node.${word}`, { of: 'node', value: node }),
    event('state', 'process.b1', { of: 'process', value: process }),
    event('metric', 'cpu', {
      points: [
        { name: `${word}.level`, value: 1, attributes: { word } },
        { name: 'shared.level', value: 1, attributes: { word } },
        { name: 'system.cpu.utilization', value: 0.5, unit: '1', attributes: { 'cpu.mode': 'user', word } },
      ],
    }),
    event('log', 'log.app', { lines: [{ body: `${word} line`, severity: 'error', fields: { word } }] }),
    event('incident', 'door', { what: word, who: word }),
    event('stat', 'cpu', {
      from: iso(time - 60_000),
      to: iso(time),
      series: [{ name: `${word}.level`, count: 1, sum: 1, min: 1, max: 1 }],
    }),
    event('alert', `alert.${word}`, alert, { causationid: `${word}-metric-cpu` }),
    event('state', `alert.${word}.cpu`, { of: 'alert', value: alert }),
    event('outcome', 'firewall', { command: word, status: 'applied', detail: word }),
    event('command', 'firewall', { action: word, to: word }),
    event('policy', 'policy', { commit: word, document: word }),
    event('audit', 'audit', { who: word, did: word, to: word }),
    event('dead', 'dead', { reason: word, kind: 'metric', event: word }),
  ];
}

const ledger: LedgerState = {
  process: 'b1',
  lost: [ours, theirs].map((key) => ({
    ...{
      node: 'store',
      source: key === ours ? '/x' : `/${hidden}`,
      boot: 'b1',
      kind: 'metric',
      key: `${key}.cpu`,
      lost: 1,
      repeats: 0,
      gaps: ['1-1'],
    },
    moved: iso(now),
  })),
  heard: [{ node: 'store', kind: 'metric', since: iso(now), events: { [hidden]: 1 } }],
};

const span = `from=${now - 3_600_000}&to=${now + 3_600_000}`;
const json = { 'content-type': 'application/json' };
const post = (body: object): RequestInit => ({ method: 'POST', headers: json, body: JSON.stringify(body) });
const sql = (text: string) => post({ sql: text });

interface Example {
  readonly path: string;
  readonly init?: RequestInit;
  /** What tells of the other part, where that is not a hidden word. */
  readonly tells?: string;
  /** It has nothing of anybody, for this reason. */
  readonly bare?: string;
}
const gets = (...paths: string[]): Example[] => paths.map((path) => ({ path }));

/** How each route is asked so that it tells of the other part, where it does. */
const examples: Readonly<Record<string, readonly Example[]>> = {
  'GET /api/servers': gets('/api/servers'),
  'GET /api/servers/past': [{ path: `/api/servers/past?server=${theirs}&${span}`, tells: 'alive' }],
  'GET /api/nodes': gets('/api/nodes'),
  'GET /api/processes': gets('/api/processes'),
  'GET /api/ledger': gets('/api/ledger'),
  'GET /api/graph': gets('/api/graph'),
  'GET /api/metrics': gets('/api/metrics', '/api/metrics?name=shared.level', '/api/metrics?q=level'),
  'GET /api/marks': gets(`/api/marks?${span}`, `/api/marks?${span}&server=${theirs}`),
  'POST /api/series': [
    { path: '/api/series', init: post({ metric: 'shared.level', from: now - 60_000, to: now + 60_000, step: 1000 }) },
    { path: '/api/series', init: post({ metric: 'shared.level', by: ['word'], from: now - 60_000, to: now + 60_000, step: 1000 }) },
  ],
  'GET /api/alerts': gets('/api/alerts', `/api/alerts?${span}`, `/api/alerts?${span}&key=%23`, `/api/alerts?${span}&key=${theirs}.%23`),
  'GET /api/logs': gets(
    `/api/logs?${span}`,
    `/api/logs?${span}&host=pc-9`,
    `/api/logs?${span}&text=line`,
    `/api/logs?${span}&severity=error`,
  ),
  'GET /api/logs/context': gets(`/api/logs/context?id=${hidden}-log-log.app&line=0`),
  'GET /api/logs/counts': [{ path: `/api/logs/counts?${span}&steps=10`, bare: 'numbers, of which the test of logs asks' }],
  'GET /api/history': gets(
    ...['metric', 'log', 'alert', 'state', 'audit', 'dead', 'heartbeat'].map((kind) => `/api/history?kind=${kind}&pattern=%23&${span}`),
    `/api/history?kind=log&pattern=${theirs}.%23&${span}`,
    `/api/history?kind=log&pattern=%23.app&${span}`,
  ),
  'GET /api/history/coverage': [{ path: `/api/history/coverage?${span}`, bare: 'when the store ran' }],
  'GET /api/events/:id': gets(`/api/events/${hidden}-log-log.app`, `/api/events/${hidden}-metric-cpu?led=${hidden}-alert-alert.${hidden}`),
  'GET /api/events/:id/why': gets(`/api/events/${hidden}-alert-alert.${hidden}/why`),
  'GET /api/why': gets('/api/why?about=pc-9', '/api/why?about=*'),
  'GET /api/why-not': [{ path: `/api/why-not?about=pc-9&at=${iso(now)}`, bare: 'no filter runs here; it reads as why does' }],
  'POST /api/query': [
    { path: '/api/query', init: sql('SELECT * FROM events') },
    { path: '/api/query', init: sql('SELECT * FROM points') },
    { path: '/api/query', init: sql('SELECT * FROM logs') },
  ],
  'GET /api/live': [{ path: '/api/live', bare: 'is asked over a WebSocket' }],
  'GET /api/session': [{ path: '/api/session', bare: 'who looks' }],
  'POST /api/session': [{ path: '/api/session', init: post({}), bare: 'who looks' }],
  'DELETE /api/session': [{ path: '/api/session', init: { method: 'DELETE' }, bare: 'nothing' }],
  'POST /api/ticket': [{ path: '/api/ticket', init: { method: 'POST' }, bare: 'a secret' }],
  'POST /api/emit': [
    { path: '/api/emit', init: post({ kind: 'log', key: `${theirs}.log`, data: { lines: [{ body: 'x' }] } }), bare: 'an id' },
  ],
  'GET /healthz': [{ path: '/healthz', bare: 'how much there is' }],
  'GET /metrics': gets('/metrics'),
};

/** How each sort of channel is asked. */
const requests: Readonly<Record<string, readonly object[]>> = {
  subscribe: [{ kind: 'log' }, { kind: 'state' }, { kind: 'metric', pattern: '#.cpu' }, [{ kind: 'alert' }, { kind: 'audit', rate: 10 }]],
  graph: [{}, { of: hidden }, { servers: [theirs] }],
  fleet: [{}],
  alerts: [{}],
  tail: [{}, { host: ['pc-9'] }, { text: 'line' }],
  watch: [
    { metric: 'shared.level' },
    { metric: 'shared.level', by: ['word'] },
    { metric: 'shared.level', where: { server: [theirs] } },
    { metric: 'shared.level', by: ['label:word'] },
  ],
  catalog: [{}],
  probe: [
    { topics: { kind: 'metric' }, since: '1h' },
    { topics: { kind: 'log', pattern: '#.app' }, since: '1h' },
  ],
};

let archive: Archive;
let server: LiveServer;
let whole: string;
let scoped: string;
const undo: (() => unknown)[] = [];

const write = async (time: number, word: string): Promise<void> => {
  const events = [...about(ours, 'plain', time), ...about(theirs, word, time)];
  await archive.write(events.map((event, index) => ({ ...event, id: `${event.id}${word === hidden ? '' : `-${time}-${index}`}` })));
  server.write(events);
};

beforeAll(async () => {
  archive = await openArchive({ folder: join(folder, 'history'), keep: keepAll, say: () => {}, now: clock.now });
  const services = { ...testServices({ history: archive.history, clock }), ledger: () => ledger };
  server = await openLive({ host: '127.0.0.1', port: 0, tokens }, { seconds: 600, bytes: 1e7, viewers: 8 }, services);
  undo.push(
    () => server.close(),
    () => archive.close(),
  );
  const make = (scope: string): string => {
    const { text, id, hash } = newLookToken();
    writeToken(tokens, { id, hash, role: 'viewer', scope, made: iso(now), ends: iso(now + 86_400_000), by: 'test' });
    return text;
  };
  whole = make('*');
  scoped = make('acme.shop');
  await write(now, hidden);
}, 60_000);
afterAll(async () => {
  for (const step of undo) await step();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async ({ path, init }: Example, token: string): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${server.url}${path}`, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token}` } });
  return { status: answer.status, text: await answer.text() };
};
/** The words of the other part, and its name where it was not the asker who said it. */
const leaks = (text: string, asked: string): boolean =>
  text.includes(hidden) ? !isEcho(text, asked) : text.includes('pc-9') && !asked.includes('pc-9');
/** A refusal may name what was asked for. */
const isEcho = (text: string, asked: string): boolean => text.length < 400 && asked.includes(hidden) && text.startsWith('sluice: ');

describe('who sees one part of the tree', () => {
  it('is asked of every route', () => {
    const routes = server.asked.routes.filter(({ method, path }) => method !== 'ALL' && path !== '*' && path !== '/*');
    const found = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    expect(found.size).toBeGreaterThan(15);
    expect([...found].sort()).toEqual(Object.keys(examples).sort());
  });

  it.each(Object.keys(examples))('gets nothing of another from %s', async (route) => {
    for (const example of examples[route] ?? []) {
      const asked = `${example.path} ${String(example.init?.body ?? '')}`;
      if (example.bare === undefined)
        expect((await ask(example, whole)).text, `${asked}, which tells the others`).toContain(example.tells ?? hidden);
      const { text } = await ask(example, scoped);
      expect(leaks(text, asked) || (example.tells !== undefined && text.includes(example.tells)), `${asked} → ${text.slice(0, 2000)}`).toBe(
        false,
      );
    }
  });

  it('is asked of every sort of channel', () => expect([...server.asked.channels].sort()).toEqual(Object.keys(requests).sort()));

  it.each(Object.keys(requests))(
    'gets nothing of another from the channel %s, of the past or the present',
    { timeout: 60_000 },
    async (sort) => {
      const [theirSocket, ourSocket] = await Promise.all([look(whole), look(scoped)]);
      const all = (requests[sort] ?? []).map((request, index) => ({ id: `${sort}-${index}`, [sort]: request }));
      for (const request of all) {
        theirSocket.send(request);
        ourSocket.send(request);
      }
      // What is there, then what comes.
      for (const { id } of all) await theirSocket.told(id, hidden);
      const later = `${hidden}later${sort}`;
      await clock.advance(1000);
      await write(clock.now(), later);
      if (sort !== 'watch' && sort !== 'graph') await theirSocket.told(`${sort}-0`, later);
      // Frames leave in one turn for all: what follows them has come after them.
      ourSocket.send({ id: 'end', subscribe: { kind: 'outcome' } });
      await ourSocket.told('end', 'plain');
      for (const text of ourSocket.frames) expect(leaks(text, JSON.stringify(all)), text.slice(0, 2000)).toBe(false);
      theirSocket.end();
      ourSocket.end();
    },
  );

  it('is told that what it names is not for it', async () => {
    for (const path of [`/api/history?kind=log&pattern=${theirs}.%23&${span}`, `/api/events/${hidden}-log-log.app`]) {
      const { status, text } = await ask({ path }, scoped);
      expect([status, text]).toEqual([403, expect.stringContaining('outside your part of the tree')]);
    }
    expect(await ask({ path: '/metrics' }, scoped)).toMatchObject({ status: 403 });
    const socket = await look(scoped);
    socket.send({ id: 'other', subscribe: { kind: 'log', pattern: `${theirs}.#` } });
    await socket.told('other', 'outside your part of the tree');
    socket.end();
  });

  it('still gets what is theirs', async () => {
    for (const path of [
      '/api/servers',
      '/api/nodes',
      '/api/alerts',
      `/api/logs?${span}`,
      `/api/history?kind=log&pattern=%23&${span}`,
      '/api/metrics',
    ])
      expect((await ask({ path }, scoped)).text, path).toContain('plain');
    expect((await ask({ path: '/api/events/plain-alert-alert.plain/why' }, scoped)).text).toContain('plain.level');
  });
});

/** A socket that keeps what it is told. */
async function look(token: string) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/live`, { headers: { authorization: `Bearer ${token}` } });
  const frames: string[] = [];
  let heard = () => {};
  socket.on('message', (data: Buffer) => {
    frames.push(data.toString());
    heard();
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    frames,
    send: (value: object) => socket.send(JSON.stringify(value)),
    end: () => socket.terminate(),
    async told(id: string, word: string): Promise<void> {
      while (!frames.some((text) => text.includes(word) && text.includes(`"id":"${id}"`)))
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
    },
  };
}
