import { type Event, type History, type Kind, key, type ProbeReport, type Received } from 'sluice';
import { memoryHistory, testServices } from 'sluice/testing';
import { describe, expect, it } from 'vitest';
import type { Channel } from '../channel.ts';
import { anyone, lookerOf } from '../looker.ts';
import { createMemory } from '../memory.ts';
import { createPresent } from '../present.ts';
import type { PastSeen } from '../probe-past.ts';
import { createProbe } from './probe.ts';

const place = { company: 'acme', system: 'shop', environment: 'prod' };
let count = 0;

function metric(host: string, value: number, time: number, name = 'cpu'): Event<'metric'> {
  return {
    id: `m${count++}`,
    kind: 'metric',
    key: key({ ...place, host, resource: [name] }),
    source: `/acme/shop/prod/${host}/${name}`,
    time,
    data: {
      points: [
        { name: `system.${name}`, value },
        { name: 'other', value: -1 },
      ],
    },
  };
}

interface Frame {
  readonly events: readonly { readonly id: string; readonly data: unknown }[];
  readonly report?: ProbeReport;
  readonly past?: PastSeen;
  readonly skipped: number;
  readonly dropped?: number;
}

/** Live's memory with a probe on it, on a time that the test moves. */
function probed(
  asked: Record<string, unknown>,
  { history, looker = anyone, bytes = 1e7 }: { history?: History; looker?: typeof anyone; bytes?: number } = {},
) {
  const services = testServices({ history });
  const memory = createMemory({ ticks: 600, bytes });
  const present = createPresent({ ticks: 600, bytes: 1e6 });
  const sort = createProbe({ memory, present, services });
  let channel: Channel | undefined;
  const read = (body: Buffer) => JSON.parse(`{${body}}`) as Frame;
  return {
    now: () => services.clock.now(),
    write(event: Event) {
      const entry = memory.add(event);
      channel?.take?.(event, entry);
    },
    async second(count = 1) {
      for (let passed = 0; passed < count; passed++) {
        await services.clock.advance(1000);
        memory.tick();
        channel?.tick?.();
      }
    },
    async open() {
      channel = sort.open(sort.request.parse(asked), looker);
      return read((await channel?.snapshot()) as Buffer);
    },
    next: () => read(channel?.next() as Buffer),
    catchUp: (mark: number) => read(channel?.catchUp(mark) as Buffer),
    waiting: () => channel?.waiting,
    mark: () => channel?.mark() ?? 0,
  };
}

const field = (frame: Frame, path: string) => frame.report?.fields.find((each) => each.path === path);

describe('a probe', () => {
  it('begins in what is remembered, and goes on with what comes', async () => {
    const live = probed({
      topics: { kind: 'metric', host: 'web-1' },
      source: 'cpu',
      since: '5m',
      where: { 'points.name': ['system.cpu'] },
      meter: 'points.value',
    });
    for (let second = 0; second < 5; second++) {
      live.write(metric('web-1', second, live.now()));
      live.write(metric('web-2', 100, live.now()));
      live.write(metric('web-1', 50, live.now(), 'disk'));
      await live.second();
    }
    const first = await live.open();
    expect(first.events).toHaveLength(5);
    expect(first.past).toMatchObject({ stored: 0 });
    // Of the points those of the name that was asked for.
    expect(field(first, 'points[].value')).toMatchObject({ events: 5, count: 5, range: { min: 0, max: 4, mean: 2 } });
    expect(first.report).toMatchObject({
      events: 5,
      counts: [1, 1, 1, 1, 1],
      meter: [
        [0, 0, 0],
        [1, 1, 1],
        [2, 2, 2],
        [3, 3, 3],
        [4, 4, 4],
      ],
    });
    live.write(metric('web-1', 9, live.now()));
    expect(live.next()).toMatchObject({ events: [{ data: { points: [{ value: 9 }, {}] } }], skipped: 0 });
    await live.second();
    expect(live.next().report).toMatchObject({
      events: 6,
      keys: [{ value: 'acme.shop.prod.web-1.cpu', count: 6 }],
      sources: [{ count: 6 }],
    });
  });

  it('asks the store where the memory does not reach, each event once', async () => {
    const start = testServices().clock.now();
    const kept: Received[] = Array.from({ length: 300 }, (_, second) => {
      const time = start - (300 - second) * 1000;
      return { event: metric('web-1', second, time), received: time };
    });
    const live = probed({ topics: { kind: 'metric' }, since: '2m' }, { history: memoryHistory(kept) });
    // The last stored one is remembered, too.
    const last = kept.at(-1)?.event;
    if (last) live.write(last);
    live.write(metric('web-1', 300, live.now()));
    const first = await live.open();
    expect(first.past).toMatchObject({ stored: 119, whole: true, from: start - 120_000 });
    expect(first.report?.events).toBe(121);
    expect(first.events.at(-1)?.data).toMatchObject({ points: [{ value: 300 }, {}] });
    expect(field(first, 'points[].value')?.range).toMatchObject({ max: 300 });
  });

  it('says when the store fails, and goes on', async () => {
    const history: History = {
      ...memoryHistory([]),
      read: () => {
        throw new Error('the disk is gone');
      },
    };
    const live = probed({ topics: { kind: 'metric' }, since: '2m' }, { history });
    live.write(metric('web-1', 1, live.now()));
    expect(await live.open()).toMatchObject({ past: { whole: false, error: 'the disk is gone' }, report: { events: 1 } });
  });

  it('shows no more than its rate, says how many not, and knows all of them', async () => {
    const live = probed({ topics: { kind: 'metric' }, rate: 5 });
    await live.open();
    let [shown, skipped] = [0, 0];
    for (let second = 0; second < 10; second++) {
      for (let each = 0; each < 100; each++) live.write(metric('web-1', each, live.now()));
      await live.second();
      const frame = live.next();
      shown += frame.events.length;
      skipped = frame.skipped;
    }
    expect(shown).toBeLessThanOrEqual(55);
    expect(shown).toBeGreaterThanOrEqual(40);
    expect(shown + skipped).toBe(1000);
    live.write(metric('web-1', 0, live.now()));
    await live.second();
    expect(live.next().report).toMatchObject({ events: 1001, counts: [...Array.from({ length: 10 }, () => 100), 1] });
  });

  it('tells one who was slow what it missed', async () => {
    const live = probed({ topics: { kind: 'metric' }, rate: 500 });
    await live.open();
    const mark = live.mark();
    for (let each = 0; each < 300; each++) live.write(metric('web-1', each, live.now()));
    live.next();
    const { events, dropped, report } = live.catchUp(mark);
    expect([events.length, dropped, report?.events]).toEqual([100, 200, 300]);
  });

  it('shows nobody what they may not see', async () => {
    const start = testServices().clock.now();
    const stored = memoryHistory([
      { event: { ...metric('web-1', 7, start - 60_000), key: 'acme.other.prod.db.cpu' }, received: start - 60_000 },
    ]);
    const live = probed({ topics: { kind: 'metric' }, since: '5m' }, { history: stored, looker: lookerOf('t1', 'viewer', 'acme.other') });
    live.write(metric('web-1', 1, live.now()));
    const first = await live.open();
    live.write(metric('web-1', 2, live.now()));
    expect(first.report).toMatchObject({ events: 1, keys: [{ value: 'acme.other.prod.db.cpu' }] });
    expect(live.next().events).toEqual([]);
  });

  it('has the present of states, and no past of them', async () => {
    const live = probed({ topics: { kind: 'state' satisfies Kind }, since: '5m' });
    expect((await live.open()).report?.events).toBe(0);
  });

  it.each([
    [{ topics: [] }],
    [{ topics: { kind: 'metric' }, rate: 0 }],
    [{ topics: { kind: 'metric' }, rate: 1e9 }],
    [{ topics: { kind: 'metric' }, where: { [`${'a.'.repeat(20)}b`]: ['x'] } }],
    [{ topics: { kind: 'metric' }, meter: 'x'.repeat(300) }],
  ])('refuses %j', async (asked) => {
    await expect(probed(asked).open()).rejects.toThrow();
  });

  it('refuses a time that is none', async () => {
    await expect(probed({ topics: { kind: 'metric' }, since: 'soon' }).open()).rejects.toThrow('since "soon" is none');
  });
});
