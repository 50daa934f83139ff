import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Event, virtualClock } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createWriter } from '../../../test/browser/imitate.ts';
import { createSubscribe } from './channels/subscribe.ts';
import { anyone, type Looker } from './looker.ts';
import { createMemory } from './memory.ts';
import { createPresent } from './present.ts';
import { createViewers } from './viewers.ts';

const start = virtualClock().now();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const write = createWriter();
const log = (body: string): Event =>
  write({ kind: 'log', host: 'web-1', resource: ['log'], time: start, data: { lines: [{ body, severity: 'info' }] } });

/** Viewers over real sockets, whose seconds are the test's. */
async function open(looker: Looker = anyone) {
  const memory = createMemory({ ticks: 600, bytes: 8e6 });
  const present = createPresent({ ticks: 600, bytes: 1e6 });
  const viewers = createViewers([createSubscribe({ memory, present })], 100);
  const server = createServer().listen(0, '127.0.0.1');
  server.on('upgrade', (request, socket, head: Buffer) => viewers.accept(request, socket, head, looker));
  await once(server, 'listening');
  closing.push(() => server.close());
  closing.push(() => viewers.close());
  return {
    viewers,
    port: (server.address() as AddressInfo).port,
    publish: (event: Event) => viewers.publish(event, memory.add(event)),
  };
}

interface Frame {
  id?: string;
  error?: string;
  snapshot?: unknown[];
  events?: Event[];
  dropped?: number;
}

/** A viewer that reads. `next` waits for the next frame that fits; `settle` until all that it said was heard. */
async function view(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`);
  closing.push(() => socket.terminate());
  const frames: Frame[] = [];
  let arrived = () => {};
  let ended: number | undefined;
  socket.on('message', (data: Buffer) => {
    frames.push(JSON.parse(data.toString()) as Frame);
    arrived();
  });
  socket.on('close', (code: number) => {
    ended = code;
    arrived();
  });
  await once(socket, 'open');
  const next = async (fits: (frame: Frame) => unknown = () => true): Promise<Frame> => {
    for (;;) {
      const index = frames.findIndex(fits);
      if (index >= 0) return frames.splice(0, index + 1).at(-1) ?? {};
      if (ended !== undefined) throw new Error(`ended: ${ended}`);
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const say = (value: unknown) => socket.send(JSON.stringify(value));
  const settle = () => {
    say({ id: 'settle' });
    return next(({ id }) => id === 'settle');
  };
  return { socket, frames, next, say, settle };
}

/** Asks for all that is remembered and to come, in WebSocket's own bytes, and never reads. */
async function stick(port: number) {
  const socket = connect(port, '127.0.0.1');
  closing.push(() => socket.destroy());
  const key = Buffer.alloc(16).toString('base64');
  const head = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
  socket.write(`GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${head}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  const text = Buffer.from('{"subscribe":{"kind":"log"}}');
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), Buffer.alloc(4), text]));
  return socket;
}

it('lets one go that never reads, and spares those who do', async () => {
  const { viewers, port, publish } = await open();
  const reader = await view(port);
  reader.say({ subscribe: { kind: 'log' } });
  const stuck = await stick(port);
  const gone = once(stuck, 'close').catch(() => {});
  await reader.settle();
  const line = 'x'.repeat(20_000);
  // More than any kernel takes for a socket.
  for (let count = 0; count < 1000; count++) {
    publish(log(`${count} ${line}`));
    if (count % 10 === 9) await reader.next(({ events }) => JSON.stringify(events?.at(-1)?.data ?? '').includes(`"${count} x`));
  }
  for (let tries = 0; viewers.count > 1 && tries < 20; tries++) {
    for (let second = 0; second < 15; second++) viewers.tick();
    // Its answer to the question whether it is there was on its way before.
    await reader.settle();
  }
  expect(viewers.count).toBe(1);
  stuck.on('error', () => {}).resume();
  await gone;
  publish(log('still here'));
  await reader.next(({ events }) => events?.length);
});

it('answers a flood of requests with room for others, and ends it past its bound', async () => {
  const { viewers, port, publish } = await open();
  const [rude, other] = [await view(port), await view(port)];
  other.say({ subscribe: { kind: 'log' } });
  await other.next();
  for (let count = 0; count < 100; count++) rude.say({ id: 'same', subscribe: { kind: 'log', host: `web-${count}` } });
  publish(log('between'));
  await other.next(({ events }) => events?.length);
  await rude.settle();
  // Of all that it asked under one id the last is open.
  expect(viewers.channels).toBe(2);
  const ended = once(rude.socket, 'close');
  for (let count = 0; count < 200; count++) rude.say({ subscribe: { kind: 'log' } });
  expect((await ended)[0]).toBe(1008);
  publish(log('after'));
  await other.next(({ events }) => events?.length);
  expect([viewers.count, viewers.channels]).toEqual([1, 1]);
});

it('says of which request it speaks when something is wrong with it, and keeps the rest', async () => {
  const { viewers, port } = await open();
  const viewer = await view(port);
  const wrong: [unknown, string | undefined, string][] = [
    [{ id: 'a' }, 'a', 'one of subscribe'],
    [{ id: 'a', watchh: {} }, 'a', 'not watchh'],
    [{ id: 'a', subscribe: { kind: 'log' }, more: 1 }, 'a', 'not subscribe and more'],
    [{ id: 'a', subscribe: { kind: 'log', where: { a: [] } } }, 'a', 'where'],
    [{ id: 'a', subscribe: { kind: 'log', rate: -1 } }, 'a', 'rate'],
    [{ id: 'x'.repeat(65), subscribe: { kind: 'log' } }, undefined, 'id'],
    [{ id: 'a', subscribe: { kind: 'log' }, after: 'x'.repeat(65) }, undefined, 'after'],
    [{ unsubscribe: 'a' }, undefined, 'no subscription "a"'],
    [{ unsubscribe: 'a', subscribe: {} }, undefined, 'subscribe'],
    ['subscribe', undefined, 'expected'],
    [null, undefined, 'expected'],
  ];
  for (const [said, id, expected] of wrong) {
    viewer.say(said);
    const { error, id: whose } = await viewer.next();
    expect([said, whose, error]).toEqual([said, id, expect.stringContaining(expected)]);
  }
  for (let count = 0; count < 64; count++) viewer.say({ id: `${count}`, subscribe: { kind: 'log' } });
  await viewer.next(({ id }) => id === '63');
  viewer.say({ id: 'more', subscribe: { kind: 'log' } });
  expect(await viewer.next()).toMatchObject({ id: 'more', error: expect.stringContaining('64') as string });
  viewer.say({ id: '5', subscribe: { kind: 'alert' } });
  expect(await viewer.next()).toMatchObject({ id: '5', snapshot: [] });
  expect(viewers.channels).toBe(2);
});

it('stops what is unsubscribed, and closes a channel with the last who looked', async () => {
  const { viewers, port, publish } = await open();
  const [one, other] = [await view(port), await view(port)];
  for (const viewer of [one, other]) viewer.say({ id: 'logs', subscribe: { kind: 'log' } });
  await Promise.all([one.next(), other.next()]);
  expect(viewers.channels).toBe(1);
  one.say({ unsubscribe: 'logs' });
  await one.settle();
  publish(log('x'));
  await other.next(({ events }) => events);
  expect(one.frames).toEqual([]);
  other.socket.terminate();
  for (let tries = 0; viewers.count > 1 && tries < 200; tries++) await one.settle();
  expect([viewers.count, viewers.channels]).toEqual([1, 0]);
});

it('gives a sign of life each five seconds, whatever was asked', async () => {
  const { viewers, port } = await open();
  const [silent, subscribed] = [await view(port), await view(port)];
  subscribed.say({ id: 'logs', subscribe: { kind: 'log' } });
  await subscribed.next();
  await silent.settle();
  for (let second = 0; second < 5; second++) viewers.tick();
  expect(await silent.next()).toEqual({});
  expect(await subscribed.next()).toMatchObject({ id: 'logs', events: [], dropped: 0 });
});

it('shows nobody what they may not see, and sends away those of whom that has changed', async () => {
  const { viewers, port, publish } = await open({ ...anyone, name: 'token-1', part: 'acme.shop.prod.web-2', sees: () => false });
  const viewer = await view(port);
  publish(log('before'));
  viewer.say({ subscribe: { kind: 'log' } });
  expect(await viewer.next()).toMatchObject({ snapshot: [] });
  publish(log('secret'));
  for (let second = 0; second < 5; second++) viewers.tick();
  expect(await viewer.next()).toMatchObject({ events: [] });
  viewers.dismiss(({ name }) => name === 'other');
  await viewer.settle();
  const ended = once(viewer.socket, 'close');
  viewers.dismiss(({ name }) => name === 'token-1');
  expect((await ended)[0]).toBe(1008);
});
