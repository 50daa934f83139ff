import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { Frame } from './flow.ts';
import { anyone } from './looker.ts';
import { createViewer } from './viewer.ts';

/** A socket whose reader is the test. */
function reading() {
  const sent: string[] = [];
  const writing: (() => void)[] = [];
  const pings: string[] = [];
  const listeners = new Map<string, (said: Buffer) => void>();
  const socket = {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    on: (name: string, listener: (said: Buffer) => void) => listeners.set(name, listener),
    send: (data: Buffer | string, options: { fin?: boolean }, written?: () => void) => {
      if (written) writing.push(written);
      socket.bufferedAmount += data.length;
      sent.push(`${data.toString()}${options.fin === false ? '…' : ''}`);
    },
    ping: (text: string) => pings.push(text),
    take: () => {
      for (const written of writing.splice(0)) written();
    },
  };
  const viewer = createViewer(socket as unknown as WebSocket, new Duplex(), anyone);
  /** It reads all that the socket has, and gets what waited for that. */
  const read = () => {
    socket.bufferedAmount = 0;
    const done = writing.splice(0);
    for (const ping of pings.splice(0)) listeners.get('pong')?.(Buffer.from(ping));
    for (const written of done) written();
  };
  return { socket, viewer, sent, read, pings, pong: (said: string) => listeners.get('pong')?.(Buffer.from(said)) };
}

const frameOf = (text: string): Frame => ({ body: Buffer.from(text), as: (id) => Buffer.from(`{"id":"${id}",${text}}`) });
const small = frameOf('"n":1');
const large = frameOf(`"n":"${'x'.repeat(100_000)}"`);

/** How many of the next turns it is ready in. */
function readyIn(turns: number, from: number, viewer: ReturnType<typeof createViewer>): number {
  let ready = 0;
  for (let turn = from; turn < from + turns; turn++) {
    viewer.turn(turn);
    if (viewer.ready) ready++;
  }
  return ready;
}

it('gets a small frame whole and a large one in parts, so that its body is the same bytes for all', () => {
  const { viewer, sent } = reading();
  viewer.send(small, 'a');
  viewer.send(large, 'a');
  expect(sent).toEqual(['{"id":"a","n":1}', '{"id":"a",…', `${large.body.toString()}…`, '}']);
});

it('gets nothing while its socket is full, then less and less often, and again as before once it keeps up', () => {
  const { viewer, socket } = reading();
  expect(readyIn(32, 1, viewer)).toBe(32);
  viewer.send(large, 'a');
  expect(readyIn(320, 33, viewer)).toBe(0);
  // It has read some, and stays slow.
  socket.bufferedAmount = 1;
  expect(readyIn(320, 353, viewer)).toBe(10);
  socket.bufferedAmount = 0;
  readyIn(32 + 16 + 8 + 4 + 2, 673, viewer);
  expect(readyIn(32, 800, viewer)).toBe(32);
});

it('is not slow for reading a large first frame', () => {
  const { viewer, read } = reading();
  viewer.begin(large.body, 'a');
  expect(readyIn(100, 1, viewer)).toBe(0);
  read();
  read();
  expect(readyIn(32, 101, viewer)).toBe(32);
});

it('gets a long first frame as it reads, and nothing within it', () => {
  const { viewer, socket, sent, read } = reading();
  const items = Array.from({ length: 1000 }, (_, index) => Buffer.from(`${index > 0 ? ',' : ''}"${index} ${'x'.repeat(500)}"`));
  const listed = { bytes: 505_000, parts: () => [Buffer.from('"snapshot":['), ...items, Buffer.from(']')] };
  viewer.begin(listed, 'a');
  viewer.begin(small.body, 'b');
  const whole = viewer.waiting;
  viewer.say({ error: 'x' });
  expect(socket.bufferedAmount).toBeLessThan(140_000);
  expect([viewer.ready, whole > 500_000]).toEqual([false, true]);
  for (let tries = 0; viewer.waiting > 0 && tries < 50; tries++) read();
  const messages = sent
    .join('')
    .split(/(?<!…)(?<=\})(?=\{)/)
    .map((text) => JSON.parse(text.replaceAll('…', '')) as { snapshot?: string[] });
  expect(messages.slice(1)).toEqual([{ id: 'b', n: 1 }, { error: 'x' }]);
  expect(messages[0]).toMatchObject({ id: 'a' });
  expect(messages[0]?.snapshot?.map((text) => Number(text.split(' ')[0]))).toEqual(items.map((_, index) => index));
  viewer.turn(1);
  expect(viewer.ready).toBe(true);
});

it('is given no more than a window of what it has not said to have read, whatever the kernel takes', () => {
  const { viewer, socket, sent, pings, pong } = reading();
  const parts = Array.from({ length: 80 }, (_, index) =>
    Buffer.from(`${index === 0 ? '"n":"' : ''}${'x'.repeat(50_000)}${index === 79 ? '"' : ''}`),
  );
  viewer.begin({ bytes: 4_000_000, parts: () => parts }, 'a');
  const flow = () => {
    for (let tries = 0; tries < 100; tries++) {
      socket.bufferedAmount = 0;
      socket.take();
    }
  };
  const given = () => sent.reduce((sum, { length }) => sum + length, 0);
  flow();
  // The first of it, until it says that it reads; then twice as much each time.
  expect(given()).toBeGreaterThan(50_000);
  expect(given()).toBeLessThan(130_000);
  expect([viewer.ready, viewer.mayAsk]).toEqual([false, false]);
  pong(pings.shift() ?? '');
  flow();
  expect(given()).toBeGreaterThan(130_000);
  expect(given()).toBeLessThan(300_000);
  const before = given();
  for (const ping of pings.splice(0)) pong(ping);
  flow();
  expect(given() - before).toBeLessThan(1_200_000);
  for (let tries = 0; tries < 10; tries++) {
    for (const ping of pings.splice(0)) pong(ping);
    flow();
  }
  expect(given()).toBeGreaterThan(4_000_000);
  viewer.turn(1);
  expect([viewer.ready, viewer.mayAsk]).toEqual([true, true]);
});

it('is there while it answers within half a minute', () => {
  const { viewer, pings, pong } = reading();
  expect(viewer.isThere()).toBe(true);
  expect(viewer.isThere()).toBe(true);
  pong(pings[1] ?? '');
  expect(viewer.isThere()).toBe(true);
  // Nobody asked for that, or it was answered.
  for (const wrong of ['', '0', '99', pings[0] ?? '']) pong(wrong);
  expect(viewer.isThere()).toBe(true);
  expect(viewer.isThere()).toBe(false);
});
