import { type Event, virtualClock } from 'sluice';
import { describe, expect, it } from 'vitest';
import { createWriter } from '../../../../test/browser/imitate.ts';
import type { Body } from '../channel.ts';
import { anyone, type Looker } from '../looker.ts';
import { createMemory, type Entry } from '../memory.ts';
import { createPresent } from '../present.ts';
import { createSubscribe } from './subscribe.ts';

const start = virtualClock().now();
const write = createWriter();
const log = (body: string, host = 'web-1', severity: 'info' | 'error' = 'info'): Event =>
  write({ kind: 'log', host, resource: ['log'], time: start, data: { lines: [{ body, severity }] } });
const state = (name: string, value: unknown): Event =>
  write({ kind: 'state', host: 'web-1', resource: ['own', name], time: start, data: { of: 'own', value } as never });

interface Frame {
  snapshot?: Event[];
  events?: Event[];
  dropped?: number;
  skipped?: number;
  omitted?: number;
  resumed?: string;
  last: string;
}

/** A memory, and channels to what comes into it. */
function world(bytes = 1e6) {
  const memory = createMemory({ ticks: 600, bytes });
  const present = createPresent({ ticks: 600, bytes });
  const sort = createSubscribe({ memory, present });
  const channels: ReturnType<typeof sort.open>[] = [];
  return {
    memory,
    take(...events: Event[]) {
      for (const event of events) {
        const entry: Entry = memory.add(event);
        if (event.kind === 'state') present.take(event, entry);
        for (const channel of channels) channel.take?.(event, entry);
      }
    },
    tick(times = 1) {
      for (let time = 0; time < times; time++) {
        memory.tick();
        present.tick(memory.now);
        for (const channel of channels) channel.tick?.();
      }
    },
    open(request: unknown, looker: Looker = anyone) {
      const channel = sort.open(sort.request.parse(request), looker);
      channels.push(channel);
      return channel;
    },
  };
}

const read = (body: Body | Promise<Body>): Frame => JSON.parse(`{${(body as Body).toString()}}`) as Frame;
const bodies = (events: Event[] | undefined) => events?.map(({ data }) => ('lines' in data ? data.lines[0]?.body : 'state'));
const values = (events: Event[] | undefined) => events?.flatMap(({ data }) => ('value' in data ? [data.value] : []));

describe('what comes', () => {
  it('is what is wanted by key and content, and may be seen', () => {
    const { open, take } = world();
    const errors = open({ kind: 'log', where: { 'lines.severity': ['error'] } });
    const mine = open({ kind: 'log' }, { ...anyone, sees: (key) => key.includes('.web-2.') });
    take(log('a'), log('b', 'web-1', 'error'), log('c', 'web-2'));
    expect([bodies(read(errors.next()).events), bodies(read(mine.next()).events)]).toEqual([['b'], ['c']]);
    expect([bodies(read(errors.snapshot()).snapshot), bodies(read(mine.snapshot()).snapshot)]).toEqual([['b'], ['c']]);
    expect([errors.waiting, mine.waiting]).toEqual([false, false]);
  });

  it('holds the last word of a state alone', () => {
    const { open, take } = world();
    const channel = open({ kind: 'state' });
    take(state('a', 1), state('b', 1), state('a', 2), state('b', null));
    expect(values(read(channel.next()).events)).toEqual([2, null]);
  });

  it('is at most what was asked for in a second, drawn from all of it, with the count of the rest', () => {
    const { open, take, tick } = world();
    const channel = open([{ kind: 'log', rate: 10 }, { kind: 'state' }]);
    const second = () => {
      let sent = 0;
      let skipped = 0;
      const seen: number[] = [];
      for (let part = 0; part < 10; part++) {
        take(...Array.from({ length: 10 }, (_, index) => log(`${part * 10 + index}`)), state('a', part));
        const frame = read(channel.next());
        const lines = bodies(frame.events)?.filter((body) => body !== 'state') ?? [];
        sent += lines.length;
        seen.push(...lines.map(Number));
        skipped += frame.skipped ?? 0;
        expect(values(frame.events)).toEqual([part]);
      }
      tick();
      return { sent, skipped, seen };
    };
    expect(second()).toMatchObject({ sent: 10, skipped: 90 });
    const { sent, skipped, seen } = second();
    expect([sent, skipped]).toEqual([10, 90]);
    // Not the first ten.
    expect(Math.max(...seen)).toBeGreaterThan(80);
    // What was left out is told also when nothing else is.
    take(...Array.from({ length: 25 }, () => log('x')));
    channel.next();
    take(log('left out'));
    expect(channel.waiting).toBe(false);
    tick();
    expect([channel.waiting, read(channel.next())]).toMatchObject([true, { events: [], skipped: 1 }]);
  });
});

describe('one who was too slow', () => {
  it('is told an even part of what it slept through, how much is missing, and the last word of each state', () => {
    const { open, take } = world(1e7);
    const channel = open([{ kind: 'log' }, { kind: 'state' }]);
    take(state('same', 1), state('ended', 1), log('before'));
    channel.next();
    const mark = channel.mark();
    take(state('changed', 1), state('changed', 2), state('ended', null));
    for (let count = 0; count < 2000; count++) take(log(`${count} ${'x'.repeat(1000)}`));
    channel.next();
    const { events, dropped = 0 } = read(channel.catchUp(mark));
    expect(values(events)).toEqual([2, null]);
    const numbers = bodies(events)?.flatMap((body) => (body === 'state' ? [] : [Number(body?.split(' ')[0])])) ?? [];
    expect(numbers.length + dropped).toBe(2000);
    expect(dropped).toBeGreaterThan(0);
    expect(numbers.at(-1)).toBe(1999);
    expect(numbers[0]).toBeLessThan(20);
    expect(channel.dropped).toBe(dropped);
    // Another as slow is told, and counted, the same.
    expect(read(channel.catchUp(mark)).dropped).toBe(dropped);
    expect(channel.dropped).toBe(2 * dropped);
  });

  it('is told what the memory has lost meanwhile as missing too', () => {
    const { open, take } = world(20_000);
    const channel = open({ kind: 'log' });
    const mark = channel.mark();
    for (let count = 0; count < 500; count++) {
      take(log(`${count}`));
      channel.next();
    }
    const { events = [], dropped = 0 } = read(channel.catchUp(mark));
    expect(events.length + dropped).toBe(500);
    expect(bodies(events)?.at(-1)).toBe('499');
  });

  it('holds nothing of a first frame that it does not read: what is forgotten meanwhile is counted', () => {
    const { open, take } = world(20_000);
    for (let count = 0; count < 20; count++) take(log(`${count}`));
    const first = open([{ kind: 'log' }, { kind: 'state' }]).long?.();
    for (let count = 20; count < 50; count++) take(log(`${count}`));
    const { snapshot, omitted = 0 } = read(Buffer.concat([...(first?.parts() ?? [])]));
    expect(omitted).toBeGreaterThan(0);
    expect(omitted + (snapshot?.length ?? 0)).toBe(20);
    expect(bodies(snapshot)?.at(-1)).toBe('19');
  });

  it('is told all when it fits', () => {
    const { open, take } = world();
    const channel = open({ kind: 'log' });
    take(log('a'));
    channel.next();
    const mark = channel.mark();
    take(log('b'), log('c'));
    channel.next();
    expect(read(channel.catchUp(mark))).toMatchObject({ events: [{}, {}], dropped: 0 });
  });
});

describe('one who comes back', () => {
  it('gets what came since, with the ends of states, and hears that it is all', () => {
    const { open, take } = world();
    const channel = open([{ kind: 'log' }, { kind: 'state' }]);
    take(log('a'), state('kept', 1), state('ended', 1));
    const { last } = read(channel.next());
    take(log('b'), state('ended', null));
    channel.next();
    const frame = read(channel.snapshot(last));
    expect([bodies(frame.snapshot), values(frame.snapshot), frame.resumed]).toEqual([['b', 'state'], [null], 'all']);
    expect(read(channel.snapshot(frame.last))).toMatchObject({ snapshot: [], resumed: 'all' });
  });

  it('hears that a part is forgotten', () => {
    const { open, take } = world(3000);
    const channel = open({ kind: 'log' });
    take(log('a'));
    const { last } = read(channel.next());
    for (let count = 0; count < 20; count++) take(log(`${count}`));
    channel.next();
    const frame = read(channel.snapshot(last));
    expect(frame.resumed).toBe('some');
    expect(bodies(frame.snapshot)?.at(-1)).toBe('19');
    expect(frame.snapshot?.length).toBeLessThan(20);
  });

  it('gets everything anew from another memory, and when the end of a state is forgotten', () => {
    const [before, after] = [world(), world()];
    const { last } = read(before.open({ kind: 'log' }).next());
    after.take(log('a'));
    for (const strange of [last, 'nonsense', `${after.memory.id}.999`, `${after.memory.id}.-1`])
      expect(read(after.open({ kind: 'log' }).snapshot(strange))).toMatchObject({ snapshot: [{}], resumed: 'none' });
    after.take(state('kept', 1), state('ended', 1));
    const channel = after.open({ kind: 'state' });
    const known = read(channel.snapshot()).last;
    after.take(state('ended', null));
    after.tick(300);
    after.take(state('kept', 2));
    after.tick(301);
    expect(read(channel.snapshot(known))).toMatchObject({ snapshot: [{}], resumed: 'none' });
  });

  it('is not told of a hole where a quiet stream lost nothing', () => {
    const { open, take } = world(5000);
    const channel = open({ kind: 'alert' });
    channel.snapshot();
    for (let count = 0; count < 50; count++) take(log(`${count}`));
    const { last } = read(channel.idle as Body);
    expect(read(channel.snapshot(last)).resumed).toBe('all');
  });
});
