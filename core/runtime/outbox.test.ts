/** The way out: what waits for company and how long, what one message may hold, and who waits behind whom. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, Message } from '../bus/bus.ts';
import { embeddedBus } from '../bus/embedded.ts';
import { type VirtualClock, virtualClock } from '../clock.ts';
import type { Event } from '../event.ts';
import type { Kind } from '../kinds.ts';
import type { Draft } from '../node.ts';
import { openStore, type Store } from '../state/store.ts';
import { author } from './author.ts';
import { phaseOf } from './linger.ts';
import { type Outbox, type OutboxOptions, outbox } from './outbox.ts';

const place = { company: 'a', system: 'b', environment: 'c' };
const key = (host: string) => `a.b.c.${host}.cpu`;

let folder: string;
let store: Store;
let clock: VirtualClock;
let inner: Bus;
let out: Outbox;
let sent: Message[];
/** Answers of the bus that are held back while it is away, or stuck for a kind. */
let connected: boolean;
let stuck: Set<Kind>;
let held: { message: Message; resolve: () => void; reject: (error: Error) => void }[];
let changed: (connected: boolean) => void;
let write: ReturnType<typeof author>;

/** A bus that answers when told to, as a broker does. */
const bus: Bus = {
  name: 'test',
  window: { messages: 500, bytes: 2 * 1024 * 1024 },
  get connected() {
    return connected;
  },
  publish(message) {
    if (connected && !stuck.has(message.kind)) {
      sent.push(message);
      return inner.publish(message);
    }
    return new Promise((resolve, reject) => held.push({ message, resolve, reject }));
  },
  subscribe: () => Promise.reject(new Error('nobody reads here')),
  look: () => {},
  listen: () => {},
  watch: (watcher) => {
    changed = watcher;
  },
  close: async () => {},
};

function open(options: Partial<OutboxOptions> = {}): void {
  store = openStore(folder);
  out = outbox({ store, bus, clock, dead: () => {}, report: () => {}, ...options });
  out.start();
}
/** Commits drafts as the runtime does, and lets what follows happen. */
async function commit(...drafts: Draft[]): Promise<void> {
  const events: Event[] = drafts.map((draft) => write.original(draft, clock.now()));
  store.write((transaction) => {
    out.append(transaction, events);
    out.sweep(transaction);
  });
  out.committed();
  await clock.advance(0);
}
const metric = (value: number, host = 'web-1'): Draft => ({ kind: 'metric', key: key(host), data: { points: [{ name: 'n', value }] } });
const beat = (): Draft => ({ kind: 'heartbeat', key: [], data: { boot: 'boot', interval: 5 }, ttl: 15_000 });
const alert = (n: number): Draft => ({
  kind: 'alert',
  key: ['n'],
  data: { rule: `n${n}`, status: 'firing', severity: 'info', summary: 's', since: '2026-01-01T00:00:00Z' },
});
type Wire = { sequence: string; data: { points: { value: number }[] } };
const eventsOf = ({ body, batch, encoding }: Message): Wire[] => {
  const parsed: unknown = JSON.parse((encoding === 'gzip' ? gunzipSync(body) : body).toString());
  return (batch ? parsed : [parsed]) as Wire[];
};
const values = (messages: readonly Message[]) => messages.flatMap(eventsOf).map(({ data }) => data.points[0]?.value);
const ofKind = (kind: Kind) => sent.filter((message) => message.kind === kind);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
async function back(): Promise<void> {
  connected = true;
  const waiting = held.splice(0);
  for (const { message, resolve } of waiting) {
    sent.push(message);
    resolve();
  }
  changed(true);
  for (let turns = 0; turns < 200; turns++) await clock.advance(0);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-outbox-'));
  clock = virtualClock();
  inner = embeddedBus({ clock });
  write = author({ place, host: 'web-1', bootid: 'boot' }, 'test');
  [sent, connected, stuck, held] = [[], true, new Set(), []];
});
afterEach(async () => {
  out.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('what lingers', () => {
  it('goes as one message of each kind, at one deadline, routed by all of its keys', async () => {
    open({ linger: 1000 });
    for (const value of upTo(9)) {
      await commit(metric(value, `web-${value % 3}`));
      await clock.advance(100);
    }
    await commit({ kind: 'log', key: ['x'], data: { lines: [{ body: 'b' }] } });
    expect(sent).toHaveLength(0);
    expect(out.counts).toMatchObject({ lingering: 10, waiting: 10, sent: 0, lanes: { telemetry: { events: 10 } } });
    await clock.advance(100);
    expect(sent.map(({ kind }) => kind).sort()).toEqual(['log', 'metric']);
    expect(values(ofKind('metric'))).toEqual(upTo(9));
    expect(ofKind('metric')[0]?.keys.filter((each) => !each.startsWith('~'))).toEqual([key('web-1'), key('web-2'), key('web-0')]);
    expect(out.counts).toMatchObject({ lingering: 0, waiting: 0, sent: 10, confirmed: 10 });
  });

  it('waits for the same moment of each second, and for no timer when there is nothing', async () => {
    open({ linger: 1000, phase: 0.25 });
    await clock.advance(700);
    await commit(metric(1));
    await clock.advance(549);
    expect(sent).toHaveLength(0);
    await clock.advance(1);
    expect(sent).toHaveLength(1);
    await clock.advance(60_000);
    await commit(metric(2));
    await clock.advance(999);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(sent).toHaveLength(2);
  });

  it('is every other kind not: those go at once', async () => {
    open({ linger: 5000 });
    await commit(beat(), alert(1), { kind: 'incident', key: ['i'], data: { what: 'w' } }, metric(1));
    expect(sent.map(({ kind }) => kind)).toEqual(['heartbeat', 'alert', 'incident']);
  });

  it('goes at once where it fills a message', async () => {
    open({ linger: 5000 });
    await commit(...upTo(4500).map((value) => metric(value)));
    const events = sent.map((message) => eventsOf(message).length);
    expect(events.length).toBeGreaterThan(0);
    expect(Math.max(...events)).toBeGreaterThan(500);
    await clock.advance(5000);
    expect(values(sent)).toEqual(upTo(4500));
  });

  it('goes at once while someone looks at it, and waits again afterwards', async () => {
    open({ linger: 5000 });
    await commit(metric(1), metric(2, 'web-2'));
    out.look([{ kind: 'metric', pattern: 'a.b.c.web-1.#' }], 15_000);
    await clock.advance(0);
    expect(values(sent)).toEqual([1, 2]);
    await commit(metric(3));
    expect(values(sent)).toEqual([1, 2, 3]);
    await commit(metric(4, 'web-2'));
    expect(values(sent)).toEqual([1, 2, 3]);
    await clock.advance(15_000);
    await commit(metric(5));
    expect(values(sent)).toEqual([1, 2, 3, 4]);
    await clock.advance(5000);
    expect(values(sent)).toEqual([1, 2, 3, 4, 5]);
  });

  it('goes when the process ends', async () => {
    open({ linger: 5000 });
    await commit(metric(1));
    const drained = out.drained(1000);
    await clock.advance(0);
    expect(values(sent)).toEqual([1]);
    await drained;
  });

  it('goes in the next run where this one was killed', async () => {
    open({ linger: 5000 });
    await commit(metric(1), metric(2));
    await store.close();
    open({ linger: 5000 });
    await clock.advance(0);
    expect(values(sent)).toEqual([1, 2]);
  });

  it('falls on different moments of the second for different hosts, and after their sampling', () => {
    const phases = upTo(100).map((host) => phaseOf({ place, host: `web-${host}` }));
    expect(Math.min(...phases)).toBeGreaterThanOrEqual(0.2);
    expect(Math.max(...phases)).toBeLessThan(0.9);
    expect(new Set(phases).size).toBeGreaterThan(50);
  });
});

describe('a message', () => {
  it('is compressed where that pays, and comes out as it went in', async () => {
    open({ linger: 1000 });
    await commit(metric(1));
    await clock.advance(1000);
    await commit(...upTo(100).map((value) => metric(value)));
    await clock.advance(1000);
    const [small, large] = sent;
    expect(small?.encoding).toBeUndefined();
    expect(large?.encoding).toBe('gzip');
    expect(large?.body.length).toBeLessThan(5000);
    expect(values([large as Message])).toEqual(upTo(100));
  });

  it('is compressed before it goes to disk where it is large, and read back from there', async () => {
    connected = false;
    open({ linger: 1000 });
    const many = upTo(3000).map((value) => metric(value));
    await commit(...many);
    const { bytes } = out.counts;
    expect(bytes).toBeLessThan(100_000);
    await store.close();
    held = [];
    open({ linger: 1000 });
    expect(out.counts).toMatchObject({ waiting: 3000, bytes });
    await back();
    expect(values(sent)).toEqual(upTo(3000));
    expect(sent.every(({ encoding }) => encoding === 'gzip')).toBe(true);
  });

  it('never has more keys than a header holds', async () => {
    open({ linger: 1000 });
    const long = 'x'.repeat(200);
    await commit(...upTo(1500).map((value) => metric(value, `${long}-${value}`)));
    await clock.advance(1000);
    expect(values(sent)).toEqual(upTo(1500));
    for (const { keys } of sent) {
      expect(keys.length).toBeLessThanOrEqual(800);
      expect(keys.join('').length).toBeLessThan(65_536);
    }
  });
});

describe('after an outage', () => {
  it('nothing waits behind a backlog of metrics, and no heartbeat tells of the past', async () => {
    connected = false;
    open({ linger: 1000 });
    // Five minutes.
    for (let second = 0; second < 300; second++) {
      await commit(...upTo(20).map((n) => metric(second * 20 + n)), ...(second % 5 === 0 ? [beat()] : []));
      await clock.advance(1000);
    }
    expect(held.filter(({ message }) => message.kind === 'heartbeat')).toHaveLength(0);
    stuck.add('metric');
    await back();
    const beats = ofKind('heartbeat').flatMap(eventsOf);
    expect(beats.map(({ sequence }) => Number(sequence))).toEqual([59, 60]);
    expect(out.counts.kinds.heartbeat).toMatchObject({ sent: 2, expired: 58, waiting: 0 });
    // The backlog does not move, and yet all else does.
    await commit(beat(), alert(1), metric(6001));
    expect(ofKind('heartbeat')).toHaveLength(3);
    expect(ofKind('alert')).toHaveLength(1);
    stuck.clear();
    await back();
    await clock.advance(1000);
    expect(values(ofKind('metric'))).toEqual(upTo(6001));
  });

  it('what was given to the bus and came back leaves again in its order', async () => {
    stuck.add('metric');
    open();
    for (const value of upTo(50)) await commit(metric(value));
    expect(held.length).toBe(50);
    stuck.clear();
    for (const { reject } of held.splice(0)) reject(new Error('lost on the way'));
    await clock.advance(10_000);
    expect(values(sent)).toEqual(upTo(50));
    expect(out.counts).toMatchObject({ sent: 50, confirmed: 50, waiting: 0 });
  });
});

describe('a full spool', () => {
  it('takes room from the kind that has the most, and says what that cost', async () => {
    const said: string[] = [];
    connected = false;
    open({ limits: { telemetry: 1_000_000, durable: 1_000_000 }, report: (_, text) => void said.push(text) });
    await commit({ kind: 'incident', key: ['i'], data: { what: 'w' } });
    for (let round = 0; round < 40; round++) {
      const blob = Array.from({ length: 60 }, (_, index) => ({ name: `n${round}.${index}`, value: Math.random() }));
      for (let each = 0; each < 10; each++) await commit({ kind: 'metric', key: key('web-1'), data: { points: blob } });
    }
    const { kinds, lanes, dropped } = out.counts;
    expect(lanes.telemetry.bytes).toBeLessThanOrEqual(1_000_000);
    expect(kinds.metric.dropped).toBe(dropped);
    expect(kinds.metric.dropped + kinds.metric.waiting).toBe(400);
    expect(kinds.incident).toMatchObject({ dropped: 0, waiting: 1 });
    await back();
    await commit(beat());
    await clock.advance(10_000);
    expect(out.counts.waiting).toBe(0);
    expect(said[0]).toMatch(/^spool: full \(1 MB\) while the bus is away; the oldest telemetry is dropped and counted$/);
    expect(said[1]).toBe(`spool: has room again; ${dropped} events of telemetry were dropped`);
    expect(said).toHaveLength(2);
  });

  it('forgets nothing where the transaction that would have made room fails', async () => {
    connected = false;
    open({ limits: { telemetry: 20_000, durable: 20_000 } });
    for (const value of upTo(30)) await commit(metric(value));
    const before = out.counts;
    expect(() =>
      store.write((transaction) => {
        out.append(
          transaction,
          upTo(60).map((value) => write.original(metric(value), clock.now())),
        );
        throw new Error('the disk is full');
      }),
    ).toThrow('the disk is full');
    out.failed();
    expect(out.counts).toEqual(before);
    await back();
    expect(values(sent)).toEqual(upTo(30));
  });
});
