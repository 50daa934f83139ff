/** State on disk: one holder, nothing lost between runs, and a spool that is bounded, ordered and honest about what it drops. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open as lmdb } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, Delivery } from '../../core/bus/bus.ts';
import { type EmbeddedLimits, embeddedBus } from '../../core/bus/embedded.ts';
import { systemClock } from '../../core/clock.ts';
import { type Event, encode } from '../../core/event.ts';
import type { Kind } from '../../core/kinds.ts';
import { author } from '../../core/runtime/author.ts';
import { type Outbox, outbox } from '../../core/runtime/outbox.ts';
import type { OutboxLimits } from '../../core/runtime/room.ts';
import { openStore, type Store } from '../../core/state/store.ts';

let folder: string;
let store: Store;
let bus: Bus;
let out: Outbox;
const said: string[] = [];
const write = author({ place: { company: 'a', system: 'b', environment: 'c' }, host: 'web-1', bootid: 'boot' }, 'test');
const event = (kind: 'metric' | 'alert', value: number) =>
  kind === 'metric'
    ? write.original({ kind, key: ['n'], data: { points: [{ name: 'n', value }] } }, systemClock.now())
    : write.original(
        { kind, key: ['n'], data: { rule: `n${value}`, status: 'firing', severity: 'info', summary: 's', since: '2026-01-01T00:00:00Z' } },
        systemClock.now(),
      );

function open(limits?: OutboxLimits, queues: Partial<EmbeddedLimits> = {}): void {
  store = openStore(folder);
  bus = embeddedBus({ clock: systemClock, limits: queues });
  out = outbox({ store, bus, clock: systemClock, dead: () => {}, report: (_, text) => void said.push(text), ...(limits && { limits }) });
}
async function close(): Promise<void> {
  out.stop();
  await bus.close(0);
  await store.close();
}
/** Spools events as a commit does. */
function spool(kind: 'metric' | 'alert', from: number, to: number): void {
  store.write((transaction) => {
    out.append(
      transaction,
      Array.from({ length: to - from + 1 }, (_, index) => event(kind, from + index)),
    );
    out.sweep(transaction);
  });
  out.committed();
  out.start();
}
/** Reads a queue of the kind into a list of values; acknowledges when told to. */
async function read(
  kind: Kind,
  handled: 'acknowledged' | 'held',
  prefetch = 100_000,
): Promise<{ values: number[]; deliveries: Delivery[] }> {
  const values: number[] = [];
  const deliveries: Delivery[] = [];
  await bus.subscribe(
    { topics: [{ kind, pattern: '#' }], queue: { name: `q.${kind}` }, prefetch },
    {
      deliver(delivery) {
        const parsed: unknown = JSON.parse(delivery.message.body.toString());
        for (const one of (Array.isArray(parsed) ? parsed : [parsed]) as { data: { points?: { value: number }[]; rule?: string } }[]) {
          values.push(one.data.points?.[0]?.value ?? Number(one.data.rule?.slice(1)));
        }
        deliveries.push(delivery);
        if (handled === 'acknowledged') delivery.ack();
      },
      pipe() {},
    },
  );
  return { values, deliveries };
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  said.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mark = (high: number, ...holes: number[]) => ({ high, start: 1, holes, given: 0, repeats: 0 });

describe('the state directory', () => {
  it('has one holder at a time', async () => {
    open();
    expect(() => openStore(folder)).toThrow(/already open in this process/);
    await close();
    open();
    await close();
  });

  it('is taken over from a process that died, also when its number lives on in another', async () => {
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 1, began: 'another time' }));
    open();
    await close();
    writeFileSync(join(folder, 'lock'), '{"pid":');
    open();
    await close();
  });

  it('is refused when it cannot be written, with what to do', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => openStore(join(folder, 'file', 'state'))).toThrow(/cannot be written.*--state/);
  });

  it('writes all of a transaction or nothing', async () => {
    open();
    expect(() =>
      store.write((transaction) => {
        transaction.position('node', 1);
        transaction.mark('reader', 'stream', mark(5, 2, 3), 0);
        throw new Error('no room');
      }),
    ).toThrow('no room');
    expect(store.position('node')).toBeUndefined();
    store.write((transaction) => transaction.mark('reader', 'stream', mark(5, 2, 3), 0));
    await close();
    open();
    expect(store.marked('reader', 'stream')).toEqual(mark(5, 2, 3));
    await close();
  });

  it('finds the rows of a table again whatever their keys, also those of an earlier version', async () => {
    open();
    const keys = ['', 'a', 'tab\there', '50%25', '\u0001', 'x'.repeat(40), 'x'.repeat(1000), `${'ä'.repeat(60)}\u0002`, '😀'];
    const entry = { value: 1, at: 1, order: 0 };
    const changes = keys.flatMap((key) => ['rows', 'rows2'].map((table) => ({ table, key, entry })));
    store.write((transaction) => transaction.tables('probe', changes));
    await close();
    open();
    const found = () => [...store.table('probe', 'rows')].map(([key]) => key).sort();
    expect(found()).toEqual([...keys].sort());
    await close();

    // An earlier version parted words with \u0001, and did not find the long ones again.
    const old = lmdb({ path: join(folder, 'state.mdb'), noSubdir: true, maxDbs: 16 });
    const database = (name: string) => old.openDB<unknown, string>({ name, encoding: 'json' });
    const long = 'x'.repeat(100);
    old.transactionSync(() => {
      database('form').clearSync();
      database('tables').clearSync();
      for (const key of ['a', '50%25', long]) database('tables').putSync(`probe\u0001rows\u0001${key}`, entry);
      database('marks').putSync(`reader\u0001${long}`, [1, 5]);
      database('ids').putSync(`reader\u0001${long}`, 1);
    });
    await old.close();
    open();
    expect(found()).toEqual(['50%25', 'a', long]);
    expect([store.marked('reader', long)?.high, store.wasSeen('reader', long)]).toEqual([5, true]);
    store.forget(2, 10);
    expect([store.marked('reader', long), store.wasSeen('reader', long)]).toEqual([undefined, false]);
    await close();
  });

  it('forgets watermarks and ids that are old, a little at a time', async () => {
    open();
    store.write((transaction) => {
      for (let n = 0; n < 50; n++) {
        transaction.mark('reader', `s${n}`.padEnd(n * 2, '-'), mark(1), n < 25 ? 100 : 900);
        transaction.seen('reader', `i${n}`.padEnd(n * 2, '-'), n < 25 ? 100 : 900);
      }
    });
    for (let round = 0; round < 10; round++) store.forget(500, 10);
    expect(upTo(49).filter((n) => store.marked('reader', `s${n}`.padEnd(n * 2, '-')))).toEqual(upTo(49).slice(24));
    expect(upTo(49).filter((n) => store.wasSeen('reader', `i${n}`.padEnd(n * 2, '-')))).toEqual(upTo(49).slice(24));
    await close();
  });
});

describe('the spool', () => {
  it('sends in order, and is empty when all is confirmed', async () => {
    open();
    const { values } = await read('metric', 'acknowledged');
    spool('metric', 1, 5000);
    await out.drained(5000);
    expect(values).toEqual(upTo(5000));
    expect(out.counts).toMatchObject({ waiting: 0, bytes: 0, sent: 5000 });
    await close();
    open();
    expect(out.counts).toMatchObject({ waiting: 0, bytes: 0 });
    await close();
  });

  it('sends again in the next run what was not confirmed in this one', async () => {
    open();
    const first = await read('alert', 'held');
    spool('alert', 1, 20);
    await expect.poll(() => first.values).toEqual(upTo(20));
    for (const delivery of first.deliveries.slice(0, 8)) delivery.ack();
    await expect.poll(() => out.counts.waiting).toBe(12);
    await close();
    open();
    const second = await read('alert', 'acknowledged');
    out.start();
    await expect.poll(() => second.values).toEqual(upTo(20).slice(8));
    await close();
  });

  it('holds what an earlier run left until it is started, so that readers are there', async () => {
    open();
    store.write((transaction) => out.append(transaction, [event('metric', 1)]));
    out.committed();
    await close();
    open();
    // Several turns of the loop, in which it would have been sent to nobody.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    const { values } = await read('metric', 'acknowledged');
    out.start();
    await out.drained(2000);
    expect(values).toEqual([1]);
    await close();
  });

  it('counts after a restart what waits, also what an earlier version wrote', async () => {
    open();
    spool('metric', 1, 500);
    const { waiting, bytes } = out.counts;
    expect(waiting).toBe(500);
    await close();
    open();
    expect(out.counts).toMatchObject({ waiting, bytes });
    await close();
    const old = lmdb({ path: join(folder, 'state.mdb'), noSubdir: true, maxDbs: 12 });
    const lane = old.openDB<string, number>({ name: 'spool.telemetry', encoding: 'string' });
    lane.transactionSync(() => {
      const { key, ...rest } = event('metric', 501);
      lane.putSync(1_000_000, `metric ${key} \n${encode({ ...rest, key } as Event)}`);
    });
    await old.close();
    open();
    expect(out.counts.waiting).toBe(501);
    const { values } = await read('metric', 'acknowledged');
    out.start();
    await out.drained(5000);
    expect(values).toEqual(upTo(501));
    await close();
  });

  it('reads back from disk what does not fit into memory, in order', async () => {
    open();
    const { values, deliveries } = await read('metric', 'held');
    for (let from = 1; from <= 40_000; from += 1000) spool('metric', from, from + 999);
    await expect
      .poll(
        () => {
          for (const delivery of deliveries.splice(0)) delivery.ack();
          return values.length;
        },
        { timeout: 15_000, interval: 5 },
      )
      .toBe(40_000);
    expect(values).toEqual(upTo(40_000));
    await close();
  });

  it('drops the oldest telemetry past its bound, counts it, and says so once', async () => {
    open({ telemetry: 100_000, durable: 100_000 });
    const { values, deliveries } = await read('metric', 'held');
    for (let from = 1; from <= 3000; from += 100) spool('metric', from, from + 99);
    expect(out.counts.bytes).toBeLessThanOrEqual(110_000);
    expect(out.counts.dropped).toBeGreaterThan(1000);
    await expect
      .poll(() => {
        for (const delivery of deliveries.splice(0)) delivery.ack();
        return out.counts.waiting;
      })
      .toBe(0);
    expect(values.length + out.counts.dropped).toBe(3000);
    expect(values.at(-1)).toBe(3000);
    expect([...values].sort((a, b) => a - b)).toEqual(values);
    expect(said.filter((text) => text.includes('dropped'))).toHaveLength(1);
    await close();
  });

  it('drops nothing of the never-lose kinds: their writer waits for room', async () => {
    open({ telemetry: 100_000, durable: 10_000 });
    const { deliveries } = await read('alert', 'held');
    spool('alert', 1, 100);
    let room = false;
    const waiting = out.room().then(() => {
      room = true;
    });
    await expect.poll(() => deliveries.length).toBe(100);
    expect(room).toBe(false);
    for (const delivery of deliveries) delivery.ack();
    await waiting;
    expect(out.counts).toMatchObject({ dropped: 0, sent: 100 });
    await close();
  });

  it('loses nothing of a backlog that is larger than what a queue holds, however slowly it is read', async () => {
    open();
    for (let from = 1; from <= 24_000; from += 1000)
      store.write((transaction) =>
        out.append(
          transaction,
          Array.from({ length: 1000 }, (_, index) => event('metric', from + index)),
        ),
      );
    out.committed();
    await close();
    open(undefined, { queueBytes: 1_200_000 });
    expect(out.counts.bytes).toBeGreaterThan(5_000_000);
    const { values, deliveries } = await read('metric', 'held', 1);
    out.start();
    // A message at a time, and some turns of the loop for each: whatever would give way meanwhile does.
    for (let turn = 0; turn < 20_000 && values.length < 24_000; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (turn % 20 === 0) deliveries.shift()?.ack();
    }
    expect(values).toEqual(upTo(24_000));
    await close();
  });

  it('does not let a reader that is stuck keep events from the others', async () => {
    open();
    const stuck = await read('metric', 'held');
    const topics = [{ kind: 'metric' as const, pattern: '#' }];
    let heard = 0;
    await bus.subscribe(
      { topics, queue: { name: 'healthy' }, prefetch: 100 },
      {
        deliver(delivery) {
          const parsed: unknown = JSON.parse(delivery.message.body.toString());
          heard += Array.isArray(parsed) ? parsed.length : 1;
          delivery.ack();
        },
        pipe() {},
      },
    );
    for (let from = 1; from <= 60_000; from += 1000) spool('metric', from, from + 999);
    await expect.poll(() => heard, { timeout: 15_000 }).toBe(60_000);
    expect(stuck.values.length).toBeGreaterThan(0);
    await close();
  });
});
