/**
 * What every bus does, as a suite to be run on each. A harness opens a bus for a test, ends it after, and says how the two
 * differ where the port leaves it open: whether a publish is over when the message is stored, or when it is handled.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Bus, Subscription } from '../../core/bus/bus.ts';
import { Reject } from '../../core/errors.ts';
import { matcher } from '../../core/key.ts';
import type { Kind } from '../../core/kinds.ts';
import { collect, message, until } from './collect.ts';
import { cases, someKey, somePattern } from './topics.ts';

export interface Harness {
  open(): Bus;
  /** A queue's or a key's name that no other test and no other run has. */
  unique(name: string): string;
  /** Lets time pass for the bus. */
  pass(ms: number): Promise<void>;
  /** Waits for a publish that no reader acknowledges: in process there is nothing to wait for. */
  stored(published: Promise<void>): Promise<void>;
  /** Ends what the test opened. */
  end(): Promise<void>;
}

const lasting: Kind[] = ['alert', 'metric', 'heartbeat'];

export function busContract(harness: Harness): void {
  afterEach(() => harness.end());
  const { open, unique, stored } = harness;
  const reads = (kind: Kind, pattern: string, queue: Subscription['queue'], prefetch = 1000): Subscription => ({
    topics: [{ kind, pattern }],
    queue,
    prefetch,
  });
  const own = (name: string) => ({ name: unique(name) });

  /** Which of the keys each pattern's queue got. */
  async function routed(bus: Bus, patterns: readonly string[], keys: readonly string[]): Promise<string[][]> {
    const fence = unique('fence');
    const queues: Awaited<ReturnType<typeof collect>>[] = [];
    for (const pattern of patterns) {
      const topics = [pattern, fence].map((each) => ({ kind: 'incident' as const, pattern: each }));
      queues.push(await collect(bus, { topics, queue: 'viewer', prefetch: 1000 }));
    }
    await Promise.all([...keys, fence].map((key) => bus.publish(message('incident', key, key))));
    await until('the fence in each queue', () => queues.every(({ deliveries }) => deliveries.at(-1)?.message.keys[0] === fence));
    await Promise.all(queues.map((queue) => queue.close()));
    return queues.map((queue) => queue.bodies().slice(0, -1));
  }

  describe('routing', () => {
    it(`delivers by topic: ${cases.length} cases, each pattern against each key`, async () => {
      const patterns = [...new Set(cases.map(([pattern]) => pattern))];
      const keys = [...new Set(cases.map(([, key]) => key))];
      const got = await routed(open(), patterns, keys);
      for (const [pattern, key, matches] of cases)
        expect({ pattern, key, matches: got[patterns.indexOf(pattern)]?.includes(key) }).toEqual({ pattern, key, matches });
      expect(got).toEqual(patterns.map((pattern) => keys.filter(matcher(pattern))));
    });

    it('agrees with the matcher on topics that nobody thought of', async () => {
      const patterns = [...new Set(fc.sample(somePattern, 40))];
      const keys = [...new Set(fc.sample(someKey, 150))];
      const got = await routed(open(), patterns, keys);
      expect(got).toEqual(patterns.map((pattern) => keys.filter(matcher(pattern))));
    });

    it('keeps kinds apart', async () => {
      const bus = open();
      const alerts = await collect(bus, reads('alert', '#', 'viewer'));
      const both = await collect(bus, {
        topics: [
          { kind: 'alert', pattern: '#' },
          { kind: 'outcome', pattern: '#' },
        ],
        queue: 'viewer',
        prefetch: 10,
      });
      await bus.publish(message('outcome', 'a', '1'));
      await bus.publish(message('alert', 'a', '2'));
      await Promise.all([alerts.count(1), both.count(2)]);
      expect(alerts.bodies()).toEqual(['2']);
      expect(both.deliveries.map(({ message: { kind } }) => kind)).toEqual(['outcome', 'alert']);
    });

    it('gives a queue one copy of a message, whichever of its keys it wants, and all of the keys', async () => {
      const bus = open();
      const keys = ['a.x', 'b.y', 'c.z', 'a.w'];
      const wide = await collect(bus, {
        topics: [
          { kind: 'metric', pattern: 'a.#' },
          { kind: 'metric', pattern: '#.y' },
        ],
        queue: own('wide'),
        prefetch: 10,
      });
      const narrow = await collect(bus, reads('metric', 'c.*', own('narrow')));
      const none = await collect(bus, reads('metric', 'd.#', own('none')));
      await bus.publish(message('metric', keys, 'batch', { batch: true }));
      await bus.publish(message('metric', ['a.end', 'c.end', 'd.end'], 'end'));
      await Promise.all([wide.count(2), narrow.count(2), none.count(1)]);
      expect(wide.bodies()).toEqual(['batch', 'end']);
      expect(narrow.bodies()).toEqual(['batch', 'end']);
      expect(none.bodies()).toEqual(['end']);
      expect(wide.deliveries[0]?.message.keys).toEqual(keys);
    });

    it('hands over what was published, byte for byte', async () => {
      const bus = open();
      const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
      for (const kind of [...lasting, 'state'] as const) {
        const key = unique(kind);
        const got = await collect(bus, reads(kind, key, kind === 'state' ? 'viewer' : own(kind)));
        await bus.publish(message(kind, [key, `${key}.é`], body, { batch: true, encoding: 'gzip', expires: 60_000 }));
        await got.count(1);
        expect(got.deliveries[0]?.message).toMatchObject({ kind, keys: [key, `${key}.é`], batch: true, encoding: 'gzip' });
        // Less by what it waited for its turn.
        expect(got.deliveries[0]?.message.expires).toBeLessThanOrEqual(60_000);
        expect(got.deliveries[0]?.message.expires).toBeGreaterThan(50_000);
        expect(got.deliveries[0]?.message.body.equals(body)).toBe(true);
        expect(got.deliveries[0]?.redelivered).toBe(false);
      }
    });

    it('refuses what no bus could route', async () => {
      const bus = open();
      await expect(bus.publish(message('alert', [], 'no key'))).rejects.toThrow(Reject);
      await expect(bus.publish(message('alert', 'x'.repeat(256), 'long'))).rejects.toThrow(Reject);
      await expect(bus.publish(message('alert', 'é'.repeat(128), 'long in bytes'))).rejects.toThrow(Reject);
      const reader = { deliver() {}, pipe() {} };
      await expect(bus.subscribe({ topics: [], queue: 'viewer', prefetch: 1 }, reader)).rejects.toThrow(Reject);
      await expect(bus.subscribe(reads('alert', 'a*', 'viewer'), reader)).rejects.toThrow(Reject);
      const mixed = { topics: [...reads('alert', '#', 'viewer').topics, ...reads('metric', '#', 'viewer').topics], prefetch: 1 };
      await expect(bus.subscribe({ ...mixed, queue: 'viewer' }, reader)).rejects.toThrow(Reject);
    });
  });

  describe('delivering', () => {
    it.each([
      ['metric', 2000],
      ['alert', 200],
    ] as const)('keeps the order of a publisher: %s', async (kind, many) => {
      const bus = open();
      const got = await collect(bus, reads(kind, 'order.#', own('order'), 7));
      const bodies = Array.from({ length: many }, (_, index) => String(index));
      await Promise.all(bodies.map((body, index) => bus.publish(message(kind, `order.${index % 3}`, body))));
      await got.count(many);
      expect(got.bodies()).toEqual(bodies);
    });

    it('has no more than the prefetch unacknowledged', async () => {
      const bus = open();
      const got = await collect(bus, reads('metric', 'held.#', own('held'), 3), 'never');
      const published = Array.from({ length: 20 }, (_, index) => bus.publish(message('metric', 'held.x', String(index))));
      for (let handled = 0; handled < 20; handled++) {
        await got.count(Math.min(20, handled + 3));
        // The next message cannot be there: the one that would make room is acknowledged below.
        expect(got.deliveries.length).toBe(Math.min(20, handled + 3));
        got.deliveries[handled]?.ack();
      }
      await Promise.all(published);
    });

    it.each(lasting)('delivers again what was not acknowledged, and only that: %s', async (kind) => {
      const bus = open();
      const queue = own('again');
      const first = await collect(bus, reads(kind, 'again', queue), 'never');
      const published = ['a', 'b', 'c', 'd'].map((body) => bus.publish(message(kind, 'again', body)));
      await first.count(4);
      expect(first.deliveries.map(({ redelivered }) => redelivered)).toEqual([false, false, false, false]);
      first.deliveries[1]?.ack();
      await first.close();
      // Too late: these will be delivered to the next reader.
      first.deliveries[0]?.ack();
      const second = await collect(bus, reads(kind, 'again', queue));
      await second.count(3);
      expect(second.bodies()).toEqual(['a', 'c', 'd']);
      expect(second.deliveries.every(({ redelivered }) => redelivered)).toBe(true);
      await Promise.all(published);
    });

    it('keeps what comes while nobody reads', async () => {
      const bus = open();
      const queue = own('absent');
      await (await collect(bus, reads('alert', 'absent', queue))).close();
      const published = ['a', 'b'].map((body) => bus.publish(message('alert', 'absent', body)));
      await Promise.all(published.map(stored));
      const got = await collect(bus, reads('alert', 'absent', queue));
      await got.count(2);
      expect(got.bodies()).toEqual(['a', 'b']);
      await Promise.all(published);
    });

    it('shares a queue among its readers', async () => {
      const bus = open();
      const queue = own('shared');
      const readers = [await collect(bus, reads('metric', 'shared', queue, 5)), await collect(bus, reads('metric', 'shared', queue, 5))];
      await Promise.all(Array.from({ length: 200 }, (_, index) => bus.publish(message('metric', 'shared', String(index)))));
      const all = () => readers.flatMap((reader) => reader.bodies());
      await until('all of them', () => all().length >= 200);
      expect(new Set(all()).size).toBe(200);
      expect(all()).toHaveLength(200);
      for (const reader of readers) expect(reader.deliveries.length).toBeGreaterThan(20);
    });

    it('lets expired messages vanish', async () => {
      const bus = open();
      const queue = own('expiry');
      await (await collect(bus, reads('alert', 'expiry', queue))).close();
      const published = [
        bus.publish(message('alert', 'expiry', 'short', { expires: 20 })),
        bus.publish(message('alert', 'expiry', 'long', { expires: 60_000 })),
        bus.publish(message('alert', 'expiry', 'shorter', { expires: 10 })),
        bus.publish(message('alert', 'expiry', 'for ever')),
      ];
      await Promise.all(published.map(stored));
      await harness.pass(200);
      const got = await collect(bus, reads('alert', 'expiry', queue));
      await got.count(2);
      await Promise.all(published);
      expect(got.bodies()).toEqual(['long', 'for ever']);
    });

    it('says when the pipe is there, and when it is drained', async () => {
      const bus = open();
      const queue = own('pipe');
      const early = await collect(bus, reads('alert', 'pipe', queue));
      await until('drained', () => early.pipes.at(-1)?.caughtUp === true);
      await early.close();
      const published = ['a', 'b', 'c'].map((body) => bus.publish(message('alert', 'pipe', body)));
      await Promise.all(published.map(stored));
      const late = await collect(bus, reads('alert', 'pipe', queue, 2), 'never');
      await late.count(2);
      late.deliveries[0]?.ack();
      await late.count(3);
      expect(late.pipes.at(-1)).toEqual({ connected: true, caughtUp: false });
      late.deliveries[1]?.ack();
      late.deliveries[2]?.ack();
      await until('drained', () => late.pipes.at(-1)?.caughtUp === true);
      expect(late.pipes.at(-1)).toEqual({ connected: true, caughtUp: true });
      await Promise.all(published);
    });

    it('shields publishers and other readers from a reader that throws', async () => {
      const bus = open();
      let calls = 0;
      await bus.subscribe(reads('metric', 'throw', 'viewer'), {
        deliver() {
          calls++;
          throw new Error('a reader that breaks its contract');
        },
        pipe() {
          throw new Error('in every way');
        },
      });
      const got = await collect(bus, reads('metric', 'throw', own('shielded')));
      await bus.publish(message('metric', 'throw', 'a'));
      await bus.publish(message('metric', 'throw', 'b'));
      await got.count(2);
      await until('the other was called as well', () => calls === 2);
    });
  });

  describe('viewers', () => {
    it('never stop a publisher, and miss the oldest', async () => {
      const bus = open();
      const slow = await collect(bus, reads('metric', 'view', 'viewer', 10), 'never');
      const many = 5000;
      const body = 'x'.repeat(500);
      for (let sent = 0; sent < many; sent += 500) {
        await Promise.all(Array.from({ length: 500 }, (_, index) => bus.publish(message('metric', 'view', `${sent + index} ${body}`))));
      }
      await slow.count(10);
      expect(slow.deliveries).toHaveLength(10);
      for (let index = 0; slow.bodies().at(-1) !== `${many - 1} ${body}`; index++) {
        slow.deliveries[index]?.ack();
        await slow.count(Math.min(index + 11, slow.deliveries.length + 1));
      }
      // A thousand are kept, besides those that it holds: what a viewer costs is bounded.
      expect(slow.deliveries.length).toBeGreaterThan(500);
      expect(slow.deliveries.length).toBeLessThanOrEqual(1100);
    });

    it('see only what comes after them', async () => {
      const bus = open();
      await bus.publish(message('metric', 'before', 'x'));
      const got = await collect(bus, reads('metric', '#', 'viewer'));
      await bus.publish(message('metric', 'after', 'y'));
      await got.count(1);
      expect(got.bodies()).toEqual(['y']);
      expect(got.pipes.at(-1)).toEqual({ connected: true, caughtUp: true });
    });
  });

  describe('state', () => {
    it('gives a late joiner the last of each key, then what changes', async () => {
      const bus = open();
      const at = unique('state');
      const say = (key: string, body: string, more = {}) => bus.publish(message('state', `${at}.${key}`, body, more));
      for (const [key, body] of ['a1', 'b1', 'a2', 'c1', 'b2', 'a3'].map((text) => [text.slice(0, 1), text] as const)) await say(key, body);
      await bus.publish(message('state', 'elsewhere', 'not wanted'));
      const got = await collect(bus, reads('state', `${at}.#`, 'viewer', 1), 'never');
      for (const expected of [1, 2, 3]) {
        await got.count(expected);
        expect(got.pipes.at(-1)?.caughtUp).toBe(false);
        got.deliveries[expected - 1]?.ack();
      }
      expect(got.bodies()).toEqual(['c1', 'b2', 'a3']);
      await until('drained', () => got.pipes.at(-1)?.caughtUp === true);
      await Promise.all(['a4', 'd1', 'a5'].map((text) => say(text.slice(0, 1), text)));
      for (const expected of [4, 5, 6]) {
        await got.count(expected);
        got.deliveries[expected - 1]?.ack();
      }
      expect(got.bodies().slice(3)).toEqual(['a4', 'd1', 'a5']);
    });

    it('is read by all, and taken by none', async () => {
      const bus = open();
      const key = unique('state');
      const queue = own('state');
      await bus.publish(message('state', key, 'now'));
      for (const reader of [queue, queue, 'viewer'] as const) {
        const got = await collect(bus, reads('state', key, reader));
        await got.count(1);
        expect(got.bodies()).toEqual(['now']);
      }
    });

    it('ends when it expires', async () => {
      const bus = open();
      const at = unique('state');
      await bus.publish(message('state', `${at}.a`, 'gone', { expires: 20 }));
      await bus.publish(message('state', `${at}.b`, 'here', { expires: 60_000 }));
      await harness.pass(50);
      const got = await collect(bus, reads('state', `${at}.*`, 'viewer'));
      await until('drained', () => got.pipes.at(-1)?.caughtUp === true);
      expect(got.bodies()).toEqual(['here']);
    });
  });

  describe('looks', () => {
    it('are told to those who write, each time that somebody looks', async () => {
      const bus = open();
      const heard: string[] = [];
      bus.listen((topics) => void heard.push(topics.map(({ kind, pattern }) => `${kind} ${pattern}`).join(', ')));
      const pattern = unique('looked');
      // It may be lost, as while a listener is not there yet: so it is said again.
      let turns = 0;
      await until('the look', () => {
        const topics = [
          { kind: 'metric', pattern: `${pattern}.#` },
          { kind: 'log', pattern },
        ] as const;
        if (turns++ % 1000 === 0) bus.look(topics);
        return heard.includes(`metric ${pattern}.#, log ${pattern}`);
      });
    });
  });

  describe('closing', () => {
    it('says whether it is connected, at once and at the end', async () => {
      const bus = open();
      const seen: boolean[] = [];
      bus.watch((connected) => seen.push(connected));
      expect(seen).toEqual([bus.connected]);
      await until('connected', () => bus.connected);
      await bus.close();
      expect(bus.connected).toBe(false);
      expect(seen.at(-1)).toBe(false);
      await bus.close();
      await expect(bus.publish(message('alert', 'late', 'x'))).rejects.toThrow('closed');
      await expect(bus.subscribe(reads('alert', '#', 'viewer'), { deliver() {}, pipe() {} })).rejects.toThrow('closed');
    });

    it('waits for what is being handled', async () => {
      const bus = open();
      const got = await collect(bus, reads('alert', 'slow', own('slow')), 'never');
      const published = bus.publish(message('alert', 'slow', 'x'));
      await got.count(1);
      let closed = false;
      const closing = bus.close(60_000).then(() => {
        closed = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(closed).toBe(false);
      got.deliveries[0]?.ack();
      await closing;
      await published;
    });

    it('loses nothing: every message was handled, or its publisher knows that it was not', async () => {
      const bus = open();
      const queue = own('closing');
      const got = await collect(bus, reads('metric', 'closing', queue, 50));
      const outcomes = Array.from({ length: 3000 }, (_, index) => String(index)).map(async (body) => {
        try {
          await bus.publish(message('metric', 'closing', body));
          return body;
        } catch {
          return undefined;
        }
      });
      await got.count(100);
      await bus.close();
      const safe = (await Promise.all(outcomes)).filter((body) => body !== undefined);
      const again = open();
      const rest = await collect(again, reads('metric', 'closing', queue));
      const fence = again.publish(message('metric', 'closing', 'end'));
      await until('the end', () => rest.bodies().at(-1) === 'end');
      await fence;
      const seen = new Set([...got.bodies(), ...rest.bodies()]);
      expect(safe.filter((body) => !seen.has(body))).toEqual([]);
    });
  });
}
