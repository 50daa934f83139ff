import { once } from 'node:events';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type Event, virtualClock } from 'sluice';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createFleet, createWriter, firing, statesOf } from '../../../test/browser/imitate.ts';
import { createSubscribe } from './channels/subscribe.ts';
import live from './live.ts';
import { anyone } from './looker.ts';
import { createMemory } from './memory.ts';
import { createPresent } from './present.ts';
import { type Limits, type LiveServer, openLive } from './server.ts';
import { createViewers } from './viewers.ts';

const start = virtualClock().now();
const limits: Limits = { seconds: 600, bytes: 8_388_608, viewers: 4 };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(changed: Partial<Limits> = {}): Promise<LiveServer> {
  const server = await openLive({ host: '127.0.0.1', port: 0 }, { ...limits, ...changed });
  closing.push(() => server.close());
  return server;
}

/** Fetch sets Host by itself; this sends what it is told. */
function ask(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, method }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
    });
    asked.on('error', reject).end();
  });
}

interface Frame {
  id?: string;
  snapshot?: { id: string; subject: string; type: string; data: unknown }[];
  events?: { id: string; subject: string; type: string; data: unknown }[];
  dropped?: number;
  omitted?: number;
  error?: string;
}

/** A viewer that keeps its frames; `next` waits for the first one not yet looked at that fits. */
async function view(server: Pick<LiveServer, 'url'>, subscribe?: unknown) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/live`);
  closing.push(() => socket.terminate());
  const frames: Frame[] = [];
  let arrived = () => {};
  socket.on('message', (data: Buffer) => {
    frames.push(JSON.parse(data.toString()) as Frame);
    arrived();
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const next = async (fits: (frame: Frame) => unknown = () => true): Promise<Frame> => {
    for (;;) {
      const index = frames.findIndex(fits);
      if (index >= 0) return frames.splice(0, index + 1).at(-1) ?? {};
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  if (subscribe !== undefined) socket.send(JSON.stringify({ subscribe }));
  return { socket, frames, next };
}

const write = createWriter();
const logLine = (body: string, host = 'web-1', time = start): Event =>
  write({ kind: 'log', host, resource: ['log', 'app'], time, data: { lines: [{ body, severity: 'info' }] } });
const bodies = (events: Frame['events']) => events?.map((event) => (event.data as { lines: { body: string }[] }).lines[0]?.body);

describe('the API', () => {
  it('answers with what states and metrics said', async () => {
    const server = await open();
    server.write([...statesOf(['web-1', 'web-2'], start), ...createFleet(['web-1'])(start), ...firing('web-1', start)]);
    const get = async (path: string) => JSON.parse((await ask(server.url + path)).body) as unknown;
    expect(await get('/api/servers')).toMatchObject([
      { host: 'web-1', status: 'alive', key: 'acme.shop.prod.web-1.server' },
      { host: 'web-2', status: 'silent' },
    ]);
    expect(await get('/api/nodes')).toHaveLength(6);
    expect(await get('/api/graph')).toMatchObject({
      edges: expect.arrayContaining([
        { from: 'acme.shop.prod.web-1.node.cpu', to: 'acme.shop.prod.web-1.node.threshold', kind: 'metric' },
      ]) as unknown,
    });
    expect(await get('/api/alerts')).toMatchObject({
      firing: [{ rule: 'disk-full', value: 0.913 }],
      recent: [{ type: 'sluice.alert.v1' }],
    });
    // What is said of a server that is silent waits until it is heard again.
    server.write(firing('web-2', start));
    expect(await get('/api/alerts')).toMatchObject({
      firing: [{ key: expect.stringContaining('.web-1.') }],
      held: [{ rule: 'disk-full' }],
    });
    expect(await get('/api/metrics')).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'system.network.io',
          unit: 'By',
          type: 'counter',
          series: expect.arrayContaining([expect.objectContaining({ host: 'web-1' })]) as unknown,
        }),
      ]) as object,
    );
    expect(await get('/healthz')).toMatchObject({ status: 'ok' });
    const metrics = (await ask(`${server.url}/metrics`)).body;
    expect(metrics).toContain('sluice_node_events_total{host="web-1",node="cpu",process="1",direction="out"} 20');
    expect(metrics).toContain('sluice_servers{status="silent"} 1');
    expect(metrics).toContain('sluice_live_events_total{kind="metric"} 7');
  });

  it('forgets a state that ended, and takes none that breaks its schema', async () => {
    const server = await open();
    const state = (value: unknown) =>
      write({ kind: 'state', host: 'web-1', resource: ['server'], time: start, data: { of: 'server', value } as never });
    server.write(statesOf(['web-1'], start));
    server.write([state({ host: 'web-1', status: 'on fire' })]);
    expect(JSON.parse((await ask(`${server.url}/api/servers`)).body)).toMatchObject([{ status: 'alive' }]);
    server.write([state(null)]);
    expect(JSON.parse((await ask(`${server.url}/api/servers`)).body)).toEqual([]);
  });

  it('says what there is, where nothing is, and what is not allowed', async () => {
    const server = await open();
    expect(await ask(`${server.url}/../../etc/passwd`)).toMatchObject({
      status: 404,
      body: expect.stringContaining('/api/servers') as string,
    });
    expect(await ask(`${server.url}/api/servers`, {}, 'POST')).toMatchObject({ status: 405 });
    expect(await ask(`${server.url}/api/live`)).toMatchObject({ status: 426 });
  });
});

describe('the guard', () => {
  it('answers only under its own names, and only to its own page', async () => {
    const server = await open();
    const { port } = new URL(server.url);
    const status = async (headers: Record<string, string>) => (await ask(`${server.url}/api/servers`, headers)).status;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'localhost:9000', 'LOCALHOST'])
      expect([host, await status({ host })]).toEqual([host, 200]);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '169.254.1.1',
      'localhost:80:80',
    ])
      expect([host, (await status({ host })) >= 400]).toEqual([host, true]);
    const own = { host: 'localhost:9000' };
    expect(await status({ ...own, origin: 'http://localhost:9000' })).toBe(200);
    for (const origin of ['http://localhost:9001', 'https://localhost:9000', 'http://evil.example', 'null', ''])
      expect([origin, await status({ ...own, origin })]).toEqual([origin, 403]);
    const refused = await ask(`${server.url}/`, { host: 'evil.example' });
    expect(refused.body).toContain('open http://localhost');
  });

  it('guards the socket as well', async () => {
    const server = await open();
    const refused = await new Promise<string>((resolve) => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/live`, { origin: 'http://evil.example' });
      socket.on('error', (error) => resolve(error.message));
    });
    expect(refused).toContain('403');
  });

  it('lets nothing in from elsewhere', async () => {
    const server = await open();
    const { headers } = await ask(`${server.url}/api/servers`);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('the socket', () => {
  it('sends what is remembered, then what comes', async () => {
    const server = await open();
    server.write([logLine('before'), ...statesOf(['web-1'], start)]);
    const viewer = await view(server, [{ kind: 'log' }, { kind: 'state', resource: 'server' }]);
    const { snapshot } = await viewer.next();
    expect(snapshot?.map((event) => event.type)).toEqual(['sluice.log.v1', 'sluice.state.v1']);
    server.write([logLine('after')]);
    const frame = await viewer.next();
    expect([bodies(frame.events), frame.dropped]).toEqual([['after'], 0]);
  });

  it('selects by host, by pattern and by time', async () => {
    const server = await open();
    server.write([logLine('old'), logLine('other', 'web-2'), logLine('new', 'web-1', start + 60_000)]);
    const since = new Date(start + 30_000).toISOString();
    expect(bodies((await (await view(server, { kind: 'log', host: 'web-1', since })).next()).snapshot)).toEqual(['new']);
    expect(bodies((await (await view(server, { kind: 'log', pattern: '#.web-2.#', since: '1h' })).next()).snapshot)).toEqual(['other']);
  });

  it('says what its viewers look at, each topic once, and again while they do', async () => {
    const looked: string[] = [];
    const memory = createMemory({ ticks: 600, bytes: 1e6 });
    const present = createPresent({ ticks: 600, bytes: 1e6 });
    const viewers = createViewers([createSubscribe({ memory, present })], 4, (topics) =>
      looked.push(topics.map(({ kind, pattern }) => `${kind} ${pattern}`).join(', ')),
    );
    const server = createHttpServer().listen(0, '127.0.0.1');
    server.on('upgrade', (request, socket, head: Buffer) => viewers.accept(request, socket, head, anyone));
    await once(server, 'listening');
    closing.push(() => server.close());
    closing.push(() => viewers.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (let turn = 0; turn < 10; turn++) viewers.tick();
    const first = await view({ url }, [{ kind: 'metric', host: 'web-1' }, { kind: 'log' }]);
    await first.next();
    const second = await view({ url }, { kind: 'log' });
    await second.next();
    expect(looked).toEqual(['metric *.*.*.web-1.#, log #', 'log #']);
    for (let turn = 0; turn < 10; turn++) viewers.tick();
    expect(looked.slice(2)).toEqual(['metric *.*.*.web-1.#, log #']);
    const ended = [once(first.socket, 'close'), once(second.socket, 'close')];
    first.socket.close();
    second.socket.close();
    await Promise.all(ended);
    for (let turn = 0; turn < 20; turn++) viewers.tick();
    expect(looked).toHaveLength(3);
  });

  it('keeps subscriptions apart by their ids', async () => {
    const server = await open();
    const viewer = await view(server);
    viewer.socket.send('{"id":"one","subscribe":{"kind":"log","host":"web-1"}}');
    viewer.socket.send('{"id":"two","subscribe":{"kind":"log","host":"web-2"}}');
    expect([(await viewer.next()).id, (await viewer.next()).id]).toEqual(['one', 'two']);
    server.write([logLine('x', 'web-2')]);
    expect(await viewer.next()).toMatchObject({ id: 'two' });
    viewer.socket.send('{"unsubscribe":"two"}');
    viewer.socket.send('{"unsubscribe":"two"}');
    expect((await viewer.next()).error).toContain('no subscription "two"');
  });

  it('answers what it cannot read with what is wrong, and goes on', async () => {
    const server = await open();
    const viewer = await view(server);
    const complaints: [string, string][] = [
      ['{', 'not JSON'],
      ['{"subscribe":{"kind":"metrics"}}', 'kind'],
      ['{"subscribe":{"kind":"log","hosst":"a"}}', 'hosst'],
      ['{"subscribe":{"kind":"log","pattern":"a*"}}', 'whole words'],
      ['{"subscribe":{"kind":"log","since":"yesterday"}}', 'yesterday'],
      ['{"subscribe":{"kind":"log","host":"a","pattern":"#"}}', 'not both'],
      ['[]', 'subscribe'],
    ];
    for (const [sent, expected] of complaints) {
      viewer.socket.send(sent);
      expect((await viewer.next()).error).toContain(expected);
    }
    viewer.socket.send('{"subscribe":{"kind":"log"}}');
    expect((await viewer.next()).snapshot).toEqual([]);
  });

  it('ends a socket that sends too much, and no other', async () => {
    const server = await open();
    const [rude, bystander] = [await view(server), await view(server, { kind: 'log' })];
    const code = new Promise((resolve) => rude.socket.once('close', resolve));
    rude.socket.send('x'.repeat(100_000));
    expect(await code).toBe(1009);
    server.write([logLine('still here')]);
    expect(bodies((await bystander.next((frame) => frame.events)).events)).toEqual(['still here']);
  });

  it('refuses more viewers than its limit', async () => {
    const server = await open({ viewers: 1 });
    await view(server);
    await expect(view(server)).rejects.toThrow('503');
  });
});

describe('a slow viewer', () => {
  it('loses the oldest, counted, and holds up nobody', async () => {
    const server = await open();
    const quick = await view(server, { kind: 'log' });
    const slow = await view(server, [{ kind: 'log' }, { kind: 'state' }]);
    await slow.next();
    slow.socket.pause();
    const big = 'x'.repeat(60_000);
    const count = 600;
    let received = 0;
    server.write(statesOf(['web-1'], start));
    for (let index = 0; index < count; index += 10) {
      server.write(Array.from({ length: 10 }, (_, nth) => logLine(`${index + nth} ${big}`)));
      const { events } = await quick.next((frame) => frame.events?.length);
      received += events?.length ?? 0;
    }
    expect(received).toBe(count);
    slow.socket.resume();
    let lost = 0;
    let got = 0;
    let states = 0;
    let last: string | undefined;
    while (!last?.startsWith(`${count - 1} `)) {
      const { events = [], dropped = 0 } = await slow.next((frame) => frame.events);
      lost += dropped;
      const logs = events.filter((event) => event.type === 'sluice.log.v1');
      states += events.length - logs.length;
      got += logs.length;
      last = bodies(logs)?.at(-1) ?? last;
    }
    expect(lost).toBeGreaterThan(0);
    expect(lost + got).toBe(count);
    expect(states).toBe(4);
    expect((await ask(`${server.url}/metrics`)).body).toContain(`sluice_live_dropped_total ${lost}`);
  });
});

describe('starting and stopping', () => {
  const settings = (listen: string) => live.create(live.config.parse({ listen }));

  it('says who to stop when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    closing.push(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await expect(settings(`127.0.0.1:${port}`).start?.()).rejects.toThrow(
      `sluice: live: 127.0.0.1:${port} is taken; stop the other program or use --port`,
    );
  });

  it('listens on loopback only', () => {
    for (const listen of ['0.0.0.0:7400', '192.168.1.2:7400', '[::]:7400', 'example.com:7400'])
      expect(() => settings(listen)).toThrow('tunnel');
    for (const listen of ['7400', 'localhost', '127.0.0.1:99999', '']) expect(() => settings(listen)).toThrow('is no address');
    expect(() => live.create(live.config.parse({ memory: 'long' }))).toThrow('is no duration');
  });

  it('stops at once with viewers and half a request open, twice if asked, and never started', async () => {
    await settings('127.0.0.1:0').stop?.();
    const server = await open();
    const { socket } = await view(server, { kind: 'log' });
    const half = connect(Number(new URL(server.url).port), '127.0.0.1');
    closing.push(() => half.destroy());
    half.on('error', () => {});
    await new Promise<void>((resolve) => half.write('GET / HTTP/1.1\r\nHost: loc', () => resolve()));
    const gone = new Promise((resolve) => socket.once('close', resolve));
    const began = performance.now();
    await server.close();
    await server.close();
    // Without asking, half a request would be waited for: a minute and more.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await gone).toBe(1001);
    await expect(ask(server.url)).rejects.toThrow('ECONNREFUSED');
  });
});
