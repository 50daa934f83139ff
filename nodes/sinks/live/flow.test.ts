import { type Event, z } from 'sluice';
import { expect, it } from 'vitest';
import type { Channel, ChannelSort } from './channel.ts';
import { createFlow, type Frame, type Receiver } from './flow.ts';
import { anyone, type Looker } from './looker.ts';
import type { Entry } from './memory.ts';

interface Counted extends Channel {
  count: number;
  sent: number;
  closed: boolean;
}

/** A sort whose channels count the events that they were given: `"n":5` is a frame, `"since":3` what one missed. */
function counting(first?: () => Buffer | Promise<Buffer>) {
  const opened: Counted[] = [];
  const sort: ChannelSort = {
    name: 'count',
    request: z.unknown(),
    open() {
      const channel: Counted = {
        topics: [],
        count: 0,
        sent: 0,
        closed: false,
        snapshot: () => first?.() ?? Buffer.from(`"first":${channel.count}`),
        take: (event: Event) => {
          if (event.id === 'poison') throw new Error('it cannot take that');
          channel.count++;
        },
        get waiting() {
          return channel.count > channel.sent;
        },
        next() {
          channel.sent = channel.count;
          return Buffer.from(`"n":${channel.count}`);
        },
        mark: () => channel.sent,
        catchUp: (mark) => Buffer.from(`"n":${channel.sent},"since":${mark}`),
        close() {
          channel.closed = true;
        },
      };
      opened.push(channel);
      return channel;
    },
  };
  return { sort, opened };
}

function receiving() {
  const got: unknown[] = [];
  const frames: Frame[] = [];
  const failed: unknown[] = [];
  const receiver: Receiver & { ready: boolean } = {
    ready: true,
    send(frame, id) {
      frames.push(frame);
      got.push(JSON.parse(frame.as(id).toString()));
    },
    begin(first, id) {
      if (Buffer.isBuffer(first)) got.push(JSON.parse(`{${id === undefined ? '' : `"id":"${id}",`}${first.toString()}}`));
    },
    fail: ({ id }, thrown) => failed.push([id, (thrown as Error).message]),
  };
  return { receiver, got, frames, failed };
}

const event = (id = 'any') => ({ id }) as Event;
const entry = {} as Entry;
const part = (name: string): Looker => ({ ...anyone, part: name });

it('opens one channel for all who ask the same and may see the same, and closes it after the last', () => {
  const { sort, opened } = counting();
  const flow = createFlow();
  const [one, other] = [receiving(), receiving()];
  const members = [
    flow.join(one.receiver, 'a', sort, { x: 1, y: [2] }, anyone, undefined),
    flow.join(other.receiver, 'b', sort, { y: [2], x: 1 }, part(''), undefined),
  ];
  expect(flow.size).toBe(1);
  const apart = [
    flow.join(one.receiver, 'c', sort, { x: 2, y: [2] }, anyone, undefined),
    flow.join(one.receiver, 'd', sort, { x: 1, y: [2] }, part('acme'), undefined),
  ];
  expect(flow.size).toBe(3);
  for (const member of [...members, ...apart]) flow.leave(member);
  expect([flow.size, opened.map(({ closed }) => closed)]).toEqual([0, [true, true, true]]);
});

it('encodes a frame once for all who know it by the same id', () => {
  const { sort } = counting();
  const flow = createFlow();
  const viewers = [receiving(), receiving(), receiving()];
  for (const [index, { receiver }] of viewers.entries()) flow.join(receiver, index < 2 ? 'a' : undefined, sort, {}, anyone, undefined);
  flow.take(event(), entry);
  flow.flush();
  const last = viewers.map(({ frames }) => frames.at(-1));
  expect(last[0]?.as('a')).toBe(last[1]?.as('a'));
  expect(viewers.map(({ got }) => got.at(-1))).toEqual([{ id: 'a', n: 1 }, { id: 'a', n: 1 }, { n: 1 }]);
});

it('passes over one who is not ready, keeps a number for it, and tells it later what it missed', () => {
  const { sort } = counting();
  const flow = createFlow();
  const [quick, slow] = [receiving(), receiving()];
  for (const { receiver } of [quick, slow]) flow.join(receiver, undefined, sort, {}, anyone, undefined);
  const step = () => {
    flow.take(event(), entry);
    return flow.flush();
  };
  step();
  slow.receiver.ready = false;
  step();
  step();
  // Somebody has to be told yet: there is more to do though nothing came.
  expect(flow.flush()).toBe(true);
  expect(slow.got).toEqual([{ first: 0 }, { n: 1 }]);
  slow.receiver.ready = true;
  flow.flush();
  step();
  expect(slow.got.slice(2)).toEqual([{ n: 3, since: 1 }, { n: 4 }]);
  expect(quick.got).toEqual([{ first: 0 }, { n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  expect(flow.flush()).toBe(false);
});

it('makes a large first frame once a second, and tells who gets it late what came since', () => {
  let made = 0;
  const { sort } = counting(() => Buffer.from(`"first":${++made},"much":"${'x'.repeat(20_000)}"`));
  const flow = createFlow();
  const viewers = [receiving(), receiving(), receiving()];
  const join = (index: number, after?: string) => flow.join(viewers[index]?.receiver as Receiver, undefined, sort, {}, anyone, after);
  join(0);
  flow.take(event(), entry);
  join(1);
  flow.flush();
  expect([made, viewers[0]?.got.slice(1), viewers[1]?.got.slice(1)]).toEqual([1, [{ n: 1 }], [{ n: 1, since: 0 }]]);
  flow.tick();
  join(2);
  expect(made).toBe(2);
  // Who goes on from somewhere wants a frame of its own.
  join(2, 'there');
  expect(made).toBe(3);
});

it('sends nothing before a first frame that takes its time, and all that came meanwhile after it', async () => {
  const waiting: (() => void)[] = [];
  const { sort } = counting(() => new Promise((resolve) => waiting.push(() => resolve(Buffer.from('"first":0')))));
  const flow = createFlow();
  const { receiver, got } = receiving();
  flow.join(receiver, 'a', sort, {}, anyone, undefined);
  flow.take(event(), entry);
  flow.flush();
  expect(got).toEqual([]);
  waiting[0]?.();
  await Promise.resolve();
  flow.flush();
  expect(got).toEqual([
    { id: 'a', first: 0 },
    { id: 'a', n: 1, since: 0 },
  ]);
});

it('ends a channel that fails, tells its members, and spares the others', () => {
  const { sort, opened } = counting();
  const sound: ChannelSort = { ...sort, name: 'sound', open: (request, looker) => ({ ...sort.open(request, looker), take: () => {} }) };
  const flow = createFlow();
  const [hurt, spared] = [receiving(), receiving()];
  flow.join(hurt.receiver, 'a', sort, {}, anyone, undefined);
  flow.join(spared.receiver, 'b', sound, {}, anyone, undefined);
  flow.take(event('poison'), entry);
  expect([hurt.failed, spared.failed, flow.size]).toEqual([[['a', 'it cannot take that']], [], 1]);
  expect(opened[0]?.closed).toBe(true);
});

it('forgets a member whose first frame fails, at once or later', async () => {
  const failing = counting(() => Promise.reject(new Error('there is no past')));
  const throwing = counting(() => {
    throw new Error('not so');
  });
  const flow = createFlow();
  const { receiver, failed } = receiving();
  flow.join(receiver, 'a', failing.sort, {}, anyone, undefined);
  await new Promise((resolve) => setImmediate(resolve));
  expect(failed).toEqual([['a', 'there is no past']]);
  expect(() => flow.join(receiver, 'b', throwing.sort, {}, anyone, undefined)).toThrow('not so');
  expect(flow.size).toBe(0);
});

it('gives a channel the kinds that it wants, and those that come later too', () => {
  const { sort, opened } = counting();
  const narrow: ChannelSort = {
    ...sort,
    name: 'narrow',
    open: (...asked) => Object.assign(sort.open(...asked), { kinds: new Set(['log']) }),
  };
  const flow = createFlow();
  const { receiver } = receiving();
  const take = () => {
    for (const kind of ['log', 'metric'] as const) flow.take({ id: 'any', kind } as Event, entry);
  };
  flow.join(receiver, 'a', sort, {}, anyone, undefined);
  take();
  flow.join(receiver, 'b', narrow, {}, anyone, undefined);
  take();
  expect(opened.map(({ count }) => count)).toEqual([4, 1]);
});
