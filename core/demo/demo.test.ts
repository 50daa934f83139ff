/** The fleet of a demo, on a clock that tests move: the same seed makes the same fleet, and what it writes arrives as it was written. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Message } from '../bus/bus.ts';
import { embeddedBus } from '../bus/embedded.ts';
import { virtualClock } from '../clock.ts';
import { decodeAll, type Event } from '../event.ts';
import { type Kind, kindNames, kinds } from '../kinds.ts';
import { startFleet } from './fleet.ts';
import { churn, cut, hostsNamed, outage, play, readWish, skew } from './script.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A fleet whose events are all heard. */
async function heardFleet(servers: number, points: number, seed = 1) {
  const clock = virtualClock();
  const bus = embeddedBus({ clock });
  const state = mkdtempSync(join(tmpdir(), 'sluice-demo-test-'));
  undo.push(() => rmSync(state, { recursive: true }));
  const messages: Message[] = [];
  for (const delivery of ['durable', 'telemetry', 'heartbeat', 'state'] as const) {
    const topics = kindNames.filter((kind) => kinds[kind].delivery === delivery).map((kind) => ({ kind, pattern: '#' }));
    await bus.subscribe(
      { topics, queue: { name: `test.${delivery}` }, prefetch: 100 },
      {
        deliver({ message, ack }) {
          messages.push(message);
          ack();
        },
        pipe: () => {},
      },
    );
  }
  const fleet = startFleet({ bus, state, servers, points, seed, clock });
  undo.push(() => stopped(fleet, clock));
  const heard = <K extends Kind>(kind: K): Event<K>[] =>
    messages.flatMap((message) =>
      message.kind === kind ? (decodeAll(message.body, message.batch, { kind, at: clock.now() }) as Event<K>[]) : [],
    );
  /** Time passes in steps, so that what a step sends is taken before the next. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 1000) await clock.advance(Math.min(1000, left));
  };
  return { fleet, clock, heard, messages, pass };
}

async function stopped(fleet: { stop(reason: string): Promise<void> }, clock: { advance(ms: number): Promise<void> }): Promise<void> {
  let over = false;
  const ending = fleet.stop('test').then(() => {
    over = true;
  });
  for (let step = 0; step < 200 && !over; step++) await clock.advance(50);
  await ending;
}

it('tells as many points as are asked for, and each arrives once', async () => {
  const { fleet, clock, heard, pass } = await heardFleet(12, 100);
  await pass(2000);
  const before = fleet.ledger.totals('metric').points;
  await pass(20_000);
  const each = (fleet.ledger.totals('metric').points - before) / 12 / 20;
  expect(each).toBeGreaterThan(99);
  expect(each).toBeLessThan(101);
  await stopped(fleet, clock);

  for (const kind of ['metric', 'log', 'state', 'heartbeat'] as const) {
    const came = heard(kind).map(({ id }) => id);
    expect(came.length).toBeGreaterThan(0);
    expect(came.toSorted()).toEqual([...fleet.ledger.ids(kind)].sort());
  }
  const points = heard('metric').reduce((sum, { data }) => sum + data.points.length, 0);
  expect(points).toBe(fleet.ledger.totals('metric').points);
  // A clean end is told by each of them.
  expect(heard('heartbeat').filter(({ data }) => data.goodbye?.reason === 'test')).toHaveLength(12);
});

it('puts no two servers into one message, as no two machines would', async () => {
  const { messages, pass } = await heardFleet(5, 60);
  await pass(5000);
  const hosts = messages.map(({ keys }) => new Set(keys.flatMap((key) => key.split('.')[3] ?? [])).size);
  expect(Math.max(...hosts)).toBe(1);
});

it('lives the same day for the same seed, and another for another', async () => {
  const day = async (seed: number): Promise<string> => {
    const { heard, pass } = await heardFleet(4, 50, seed);
    await pass(8000);
    return JSON.stringify([heard('metric'), heard('log')].map((events) => events.map(({ key, time, data }) => [key, time, data])));
  };
  const [one, again, other] = [await day(7), await day(7), await day(8)];
  expect(again).toBe(one);
  expect(other).not.toBe(one);
}, 20_000);

it('falls silent without a goodbye, and is another run when it is back', async () => {
  const { fleet, clock, heard, pass } = await heardFleet(3, 50);
  const said: string[] = [];
  play(outage(hostsNamed(fleet, 'outage', 'web-1'), 10_000, 30_000), clock, (text) => said.push(text));
  await pass(60_000);
  const beats = heard('heartbeat').filter(({ key }) => key.endsWith('.web-1'));
  const gaps = beats.slice(1).map(({ time }, index) => time - (beats[index]?.time ?? 0));
  expect(Math.max(...gaps)).toBeGreaterThanOrEqual(30_000);
  expect(new Set(beats.map(({ data }) => data.boot)).size).toBe(2);
  expect(beats.every(({ data }) => data.goodbye === undefined)).toBe(true);
  expect(said).toEqual(['web-1: no power for 30s', 'web-1: power is back']);
});

it('keeps what it measures while it is cut off, and lets no beat of then pass for one of now', async () => {
  const { fleet, clock, heard, pass } = await heardFleet(3, 50);
  play(cut(hostsNamed(fleet, 'cut', 'web-1'), 10_000, 40_000), clock, () => {});
  await pass(49_000);
  const since = (kind: Kind): number => Math.max(...heard(kind).flatMap(({ key, time }) => (key.includes('.web-1') ? [time] : [])));
  expect(clock.now() - since('metric')).toBeGreaterThan(30_000);
  await pass(10_000);
  await stopped(fleet, clock);
  expect(
    heard('metric')
      .map(({ id }) => id)
      .sort(),
  ).toEqual([...fleet.ledger.ids('metric')].sort());
  const beats = heard('heartbeat').filter(({ key, data }) => key.endsWith('.web-1') && !data.goodbye);
  const gaps = beats.slice(1).map(({ time }, index) => time - (beats[index]?.time ?? 0));
  // Fifteen seconds is what a beat is good for.
  expect(Math.max(...gaps)).toBeGreaterThanOrEqual(20_000);
});

it('has wrong clocks and short-lived servers', async () => {
  const { fleet, clock, heard, pass } = await heardFleet(3, 50);
  const acts = [skew(hostsNamed(fleet, 'skew', 'api-*'), 5000, 300_000), ...churn(fleet, 10_000, 20_000, () => {}, 2)];
  play(acts, clock, () => {});
  await pass(40_000);
  const ahead = heard('heartbeat').filter(({ key, time }) => key.endsWith('.api-1') && time > clock.now() + 200_000);
  expect(ahead.length).toBeGreaterThan(3);
  const goodbyes = heard('heartbeat').filter(({ data }) => data.goodbye?.reason === 'scale-in');
  expect(goodbyes.map(({ key }) => key.split('.')[3]).sort()).toEqual(['worker-1', 'worker-2']);
});

it('says what a flag should look like', () => {
  expect(readWish('outage', 'web-3=30s@10s', '')).toEqual({ who: 'web-3', what: '30s', at: 10_000 });
  expect(readWish('skew', 'web-*=+5m', '')).toEqual({ who: 'web-*', what: '+5m', at: 0 });
  for (const wrong of ['web-3', 'web-3=', '=30s', 'web-3=30s@soon'])
    expect(() => readWish('outage', wrong, 'web-3=30s@10s')).toThrow('write it as web-3=30s@10s');
});
