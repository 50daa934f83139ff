/** Never-lose events that nobody reads: said, kept within bounds, in nobody's way, and delivered once somebody reads. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../core/bus/bus.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { Unwanted } from '../../core/errors.ts';
import type { Event } from '../../core/event.ts';
import type { Kind } from '../../core/kinds.ts';
import { author } from '../../core/runtime/author.ts';
import { type Outbox, outbox } from '../../core/runtime/outbox.ts';
import { openStore, type Store } from '../../core/state/store.ts';
import { collect, message, until } from '../contract/collect.ts';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'unwanted' : 'unwanted: skipped, since RabbitMQ is not here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, { timeout: 60_000 }, () => {
  const broker = found as Broker;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-unwanted-'));
  const buses: Bus[] = [];
  const said: string[] = [];
  const report = (level: string, text: string) => void said.push(`${level} ${text}`);
  const openBus = () => {
    const bus = rabbitBus({ urls: [broker.url], clock: systemClock, report });
    buses.push(bus);
    return bus;
  };
  afterAll(async () => {
    await broker.remove();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close(0);
  });
  const reads = (kind: Kind) => ({ topics: [{ kind, pattern: '#' }], queue: { name: `unwanted-${kind}` }, prefetch: 1000 });
  const errors = () => said.filter((line) => line.startsWith('error'));

  it('is an error to whoever publishes it, and only of the kinds that are never lost', async () => {
    const bus = openBus();
    await expect(bus.publish(message('audit', 'a.b', 'x'))).rejects.toThrow(Unwanted);
    await bus.publish(message('metric', 'a.b', 'x'));
    const got = await collect(bus, reads('audit'));
    // Several of one key and of others at once: each answer finds its own message.
    const others = await Promise.allSettled([
      ...['1', '2', '3'].map((body) => bus.publish(message('audit', 'a.b', body))),
      ...['4', '5', '6'].map((body) => bus.publish(message('outcome', 'a.b', body))),
    ]);
    expect(others.map(({ status }) => status)).toEqual([...Array(3).fill('fulfilled'), ...Array(3).fill('rejected')]);
    await got.count(3);
    expect(got.bodies()).toEqual(['1', '2', '3']);
    await broker.control('delete_queue', 'unwanted-audit');
  });

  it('waits on disk, out of the way, over a restart, until somebody reads it', async () => {
    let store: Store = openStore(folder);
    const start = (bus: Bus): Outbox => {
      const started = outbox({ store, bus, clock: systemClock, report, limits: { telemetry: 1e6, durable: 1_600_000 }, dead: () => {} });
      started.start();
      return started;
    };
    const writer = author({ place: { company: 'a', system: 'b', environment: 'c' }, host: 'web-1', bootid: 'boot' }, 'test');
    const audits = Array.from({ length: 200 }, (_, index) =>
      writer.original(
        { kind: 'audit', key: ['audit', `${index % 5}`], data: { who: `w${index}`, did: 'try', detail: 'x'.repeat(700) } },
        1000 + index,
      ),
    );
    const outcome = writer.original({ kind: 'outcome', key: ['outcome'], data: { command: 'c', status: 'applied' } }, 1000);

    const hub = openBus();
    const outcomes = await collect(hub, reads('outcome'));
    let out = start(openBus());
    store.write((transaction) => out.append(transaction, [...audits, outcome] as Event[]));
    out.committed();
    await until('all of it was offered', () => out.counts.unwanted.events + out.counts.unwanted.lost === 200);
    await outcomes.count(1);
    await out.room();
    const kept = out.counts.unwanted.events;
    expect(out.counts.unwanted.bytes).toBeLessThanOrEqual(100_000);
    expect(kept).toBeGreaterThan(80);
    expect(out.counts.waiting).toBe(kept);
    expect(errors().filter((line) => line.includes('reads audit'))).toHaveLength(1);
    expect(errors().filter((line) => line.includes('let go and counted'))).toHaveLength(1);

    out.stop();
    await buses.pop()?.close(0);
    await store.close();
    store = openStore(folder);
    out = start(openBus());
    await until('it was offered again', () => out.counts.unwanted.events === kept);
    const got = await collect(hub, reads('audit'));
    await until('all of it arrived', () => out.counts.waiting === 0 && out.counts.unwanted.events === 0, 40_000);
    await got.count(kept);
    // The oldest gave way, and the rest comes once.
    const who = got.bodies().map((body) => JSON.parse(body).data.who);
    expect(who.sort()).toEqual(
      audits
        .slice(-kept)
        .map(({ data }) => (data as { who: string }).who)
        .sort(),
    );
    expect(said.filter((line) => line.includes('all audit that waited for a reader'))).toHaveLength(1);
    out.stop();
    await store.close();
  });
});
