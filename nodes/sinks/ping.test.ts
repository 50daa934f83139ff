/** The dead man's switch, against a real HTTP server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Event, originalId } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterEach, expect, test } from 'vitest';
import ping from './ping.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

/** A server that answers as it is told, and tells each call. */
async function listening(): Promise<{ url: string; answer: (status: number) => void; called(): Promise<string> }> {
  let status = 200;
  let number = 0;
  const calls: string[] = [];
  const waiting: ((call: string) => void)[] = [];
  const server = createServer((request, response) => {
    const call = `${request.method} ${request.url}`;
    const next = waiting.shift();
    if (next) next(call);
    else calls.push(call);
    // With a body and without, on connections that are kept.
    response.writeHead(status).end(++number % 2 === 0 ? 'OK' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`,
    answer: (next) => {
      status = next;
    },
    called: () => {
      const call = calls.shift();
      return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call);
    },
  };
}

const beat = (): Event<'heartbeat'> => ({
  id: originalId('/a', 'b', 'heartbeat', 'k', 1),
  kind: 'heartbeat',
  key: 'acme.shop.prod.hub-1.roster',
  source: '/acme/shop/prod/hub-1/roster',
  time: 0,
  data: { boot: 'roster', interval: 5, labels: {}, versions: {} },
});

async function started(url: string) {
  const services = testServices();
  const sink = ping.create(ping.config.parse({ url, interval: '30s' }));
  await sink.start?.(services);
  undo.push(() => sink.stop?.());
  return { services, sink };
}

test('calls for as long as a roster beats, at most once in its time, and not when it does not', async () => {
  const { url, called } = await listening();
  const { services, sink } = await started(url);
  await sink.write([beat()]);
  expect(await called()).toBe('GET /secret-path');
  for (let seconds = 5; seconds < 30; seconds += 5) {
    await services.clock.advance(5000);
    await sink.write([beat()]);
  }
  await services.clock.advance(5000);
  await sink.write([beat(), beat()]);
  expect(await called()).toBe('GET /secret-path');
  // An hour without a beat is an hour without a call: the next one is the first that comes.
  await services.clock.advance(3_600_000);
  await sink.write([beat()]);
  expect(await called()).toBe('GET /secret-path');
});

test('says once that it cannot call, and that it can again, and never the whole address', async () => {
  const { url, answer, called } = await listening();
  const { services, sink } = await started(url);
  const round = async (said: number): Promise<void> => {
    await services.clock.advance(30_000);
    await sink.write([beat()]);
    await called();
    for (let turn = 0; services.said.length < said && turn < 1000; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  answer(404);
  await round(1);
  await round(1);
  answer(200);
  await round(2);
  expect(services.said.map(({ level }) => level)).toEqual(['warn', 'info']);
  expect(services.said[0]?.text).toMatch(/^cannot call 127\.0\.0\.1:\d+: it answers 404; correct url/);
  expect(JSON.stringify(services.said)).not.toContain('secret');
});

test('a server that is not there is a warning, and holds nothing up', async () => {
  const { services, sink } = await started('http://127.0.0.1:1/secret');
  expect(sink.write([beat()])).toBeUndefined();
  for (let turn = 0; services.said.length === 0 && turn < 1000; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(services.said[0]?.text).toMatch(/^cannot call 127\.0\.0\.1:1: /);
  expect(JSON.stringify(services.said)).not.toContain('secret');
});

test('takes no address but one to call', () => {
  for (const url of ['', 'ftp://a/b', 'http://', 'https://user:pass@a/b', 'file:///etc/passwd', 'hc-ping.com/x'])
    expect(ping.config.safeParse({ url }).success).toBe(false);
  expect(ping.config.safeParse({ url: 'https://hc-ping.com/b3ff0000' }).success).toBe(true);
});
