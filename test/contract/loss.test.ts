/** What is lost and what comes twice, counted exactly by those who read, with real parts on each bus. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, it as each, expect } from 'vitest';
import type { Bus, Message } from '../../core/bus/bus.ts';
import { embeddedBus } from '../../core/bus/embedded.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { busReport } from '../../core/cli/bus-report.ts';
import { askControl } from '../../core/cli/control-client.ts';
import { busRemote } from '../../core/cli/remote-bus.ts';
import { paintFor } from '../../core/cli/screen.ts';
import { showBus } from '../../core/cli/show-bus.ts';
import { systemClock } from '../../core/clock.ts';
import { type Config, loadConfig } from '../../core/config.ts';
import { type Event, encode } from '../../core/event.ts';
import { type Author, author } from '../../core/runtime/author.ts';
import { outbox } from '../../core/runtime/outbox.ts';
import { type Process, runProcess } from '../../core/runtime/process.ts';
import { openStore } from '../../core/state/store.ts';
import { ledgerState } from '../../core/states.ts';
import { findBroker, startBroker } from '../fixtures/rabbitmq.ts';

const own = await startBroker();
const broker = own ? { url: own.url, release: own.remove } : await findBroker();
afterAll(() => broker?.release());
const missing = 'rabbitmq: skipped, since none is here; to run these: apt-get install rabbitmq-server';
const open = (url: string) => rabbitBus({ urls: [url], clock: systemClock, report: () => {} });
const buses: readonly (readonly [name: string, connect: (() => Bus) | undefined])[] = [
  ['embedded', () => embeddedBus({ clock: systemClock, limits: { queueBytes: 20_000 } })],
  broker ? ['rabbitmq', () => open(broker.url)] : [missing, undefined],
];

const place = { company: 'a', system: 'b', environment: 'c' };
let folder: string;
let bus: Bus;
let running: Process | undefined;
let config: Config;
let boots = 0;

/** A process with one filter that only listens, to all but the process itself, under a name of its own: a broker keeps its queue. */
async function start(connect: () => Bus, name: string): Promise<void> {
  const probe = `
    import { defineFilter, z } from 'sluice';
    export default defineFilter({
      name: '${name}', doc: 'Listens.', config: z.strictObject({}), in: [{ kind: 'metric', pattern: 'a.b.c.#' }], out: [], tables: {},
      create: () => ({ event: () => [] }),
    });`;
  writeFileSync(join(folder, `${name}.mjs`), probe);
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ host: 'hub-1', run: [name], nodes: [{ use: `./${name}.mjs` }] }));
  config = loadConfig({ file: join(folder, 'config.yaml'), env: {}, defaults: { state: join(folder, 'state'), host: 'hub-1' } });
  bus = connect();
  running = await runProcess(config, { bus, print: () => {} });
}

/** A writer that begins now, after the reader did. */
async function writer(): Promise<Author> {
  await systemClock.sleep(2);
  boots += 1;
  const bootid = `${systemClock.now().toString(36)}-${String(boots).padStart(10, '0')}`;
  return author({ place, host: 'web-1', bootid }, 'probe');
}
const metric = (by: Author, resource = 'n', text = '') =>
  by.original(
    { kind: 'metric', key: [resource], data: { points: [{ name: 'n', value: 1, attributes: { text } }] } },
    systemClock.now(),
  ) as Event;
const message = (event: Event): Message => ({ kind: event.kind, keys: [event.key], body: Buffer.from(encode(event)), batch: false });
const send = (...events: Event[]) => Promise.all(events.map((event) => bus.publish(message(event))));
const counts = () => {
  const { in: handled, holes, repeats } = running?.nodes[0]?.health.counts ?? { in: -1, holes: -1, repeats: -1 };
  return { in: handled, holes, repeats };
};
const lost = async () => ledgerState.parse(await askControl(join(folder, 'state'), { ledger: {} })).lost;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-loss-'));
});
afterEach(async () => {
  await running?.stop('test');
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

describe.each(buses)('a reader on %s', (_, connect = () => embeddedBus({ clock: systemClock })) => {
  const it = _ === missing ? each.skip : each;
  let names = 0;
  beforeEach(() => start(connect, `loss-${systemClock.now().toString(36)}-${names++}`));

  it('knows its holes and repeats of every stream, whatever was lost, came late or twice', async () => {
    const plan = fc.record({
      // Which of eight events of three streams come at all, and in what order, some of them again.
      order: fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ order }) => {
        const by = await writer();
        const before = counts();
        const streams = ['x', 'y', 'z'].map((resource) => Array.from({ length: 8 }, () => metric(by, resource)));
        const sent = order.map(([stream, index]) => streams[stream]?.[index] as Event);
        for (const event of sent) await bus.publish(message(event));
        const came = new Set(sent);
        const highs = new Map<string, number>();
        for (const { key, sequence = 0 } of came) highs.set(key, Math.max(sequence, highs.get(key) ?? 0));
        const holes = [...highs.values()].reduce((sum, high) => sum + high, 0) - came.size;
        await expect
          .poll(counts, { timeout: 10_000 })
          .toEqual({ in: before.in + came.size, holes: before.holes + holes, repeats: before.repeats + sent.length - came.size });
      }),
      { numRuns: 8 },
    );
  });

  it('finds again what a spool dropped, to the event', async () => {
    const by = await writer();
    const store = openStore(join(folder, 'writer'));
    const out = outbox({
      store,
      bus,
      clock: systemClock,
      limits: { telemetry: 60_000, durable: 60_000 },
      dead: () => {},
      report: () => {},
    });
    for (let round = 0; round < 40; round++) {
      const events = Array.from({ length: 10 }, () => metric(by, 'n', 'x'.repeat(200)));
      store.write((transaction) => out.append(transaction, events));
      out.committed();
    }
    const { dropped } = out.counts;
    expect(dropped).toBeGreaterThan(100);
    out.start();
    await out.drained(10_000);
    await expect.poll(counts, { timeout: 10_000 }).toEqual({ in: 400 - dropped, holes: dropped, repeats: 0 });
    expect((await lost()).map((stream) => [stream.source, stream.kind, stream.key, stream.lost, stream.gaps])).toEqual([
      ['/a/b/c/web-1/probe', 'metric', 'a.b.c.web-1.n', dropped, [`1-${dropped}`]],
    ]);
    out.stop();
    await store.close();
  });

  it('starts in the middle of a stream that was there before it, and counts from there', async () => {
    const old = author({ place, host: 'web-1', bootid: `${(systemClock.now() - 3_600_000).toString(36)}-0000000000` }, 'probe');
    const events = Array.from({ length: 20 }, () => metric(old));
    await send(...events.slice(12, 14), ...events.slice(17, 18));
    await expect.poll(counts).toEqual({ in: 3, holes: 3, repeats: 0 });
  });
});

each('on embedded, a queue that drops its oldest is found out by its reader, to the event', async () => {
  await start(() => embeddedBus({ clock: systemClock, limits: { queueBytes: 5000, patience: 0 } }), 'burst');
  const by = await writer();
  await send(metric(by));
  await expect.poll(counts).toMatchObject({ in: 1 });
  // In one turn of the loop, before the reader has its own.
  const events = Array.from({ length: 100 }, () => metric(by, 'n', 'x'.repeat(200)));
  await send(...events);
  await expect.poll(() => counts().in).toBeGreaterThan(1);
  expect(counts().in + counts().holes).toBe(101);
  expect(counts().holes).toBeGreaterThan(50);
  expect((await lost())[0]?.gaps).toEqual([`2-${1 + counts().holes}`]);
});

const onBroker = broker ? each : each.skip;
onBroker(
  broker
    ? 'on rabbitmq, a queue that drops its oldest while its reader is away is found out, to the event'
    : `on rabbitmq, a queue that drops: ${missing}`,
  async () => {
    const name = `away-${systemClock.now().toString(36)}`;
    const url = broker?.url ?? '';
    await start(() => open(url), name);
    const by = await writer();
    await send(...Array.from({ length: 5 }, () => metric(by)));
    await expect.poll(counts).toEqual({ in: 5, holes: 0, repeats: 0 });
    await running?.stop('away');

    // The queue is made anew with room for seven, bound as it was: what else is written goes by.
    const { connect } = await import('amqplib');
    const connection = await connect(url);
    const channel = await connection.createChannel();
    const queue = `sluice.${name}.telemetry`;
    await channel.deleteQueue(queue);
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-max-length': 7 } });
    await channel.bindQueue(queue, 'sluice.metric', '#');
    const other = open(url);
    for (const event of Array.from({ length: 50 }, () => metric(by))) await other.publish(message(event));
    await other.close();
    await start(() => open(url), name);
    await expect.poll(counts, { timeout: 10_000 }).toEqual({ in: 7, holes: 43, repeats: 0 });
    expect((await lost()).map(({ lost: count, gaps }) => [count, gaps])).toEqual([[43, ['6-48']]]);

    // And the doctor says so: what was lost where, and what to do.
    const remote = busRemote(open(url), config);
    const report = () => busReport(remote, config);
    await expect
      .poll(async () => (await report()).findings.map(({ text }) => text), { timeout: 20_000 })
      .toContain(`${name} on hub-1 has lost 43 events`);
    const { processes, queues, lost: streams } = await report();
    expect(processes.find(({ status }) => status === 'running')).toMatchObject({ host: 'hub-1', connected: true, dropped: 0, holes: 43 });
    expect(queues.find((one) => one.name === queue)).toEqual({ name: queue, waiting: 0, readers: 1, nodes: [`${name} on hub-1`] });
    expect(streams).toHaveLength(1);
    const shown = showBus(await report(), paintFor({ isTTY: false }));
    expect(shown).toMatch(/^43 +\S+ +\/a\/b\/c\/web-1\/probe +\S+ +metric +a\.b\.c\.web-1\.n +6-48$/m);
    await remote.close();
    await channel.deleteQueue(queue);
    await connection.close();
  },
);

const control = own?.control;
const onOwn = control ? each : each.skip;
onOwn(
  control
    ? 'on rabbitmq, what a broken connection brings again is left out and counted, to the event'
    : `on a broker of our own: ${missing}`,
  async () => {
    // Nothing is acknowledged until the connection is gone: all of it comes again.
    let holds = true;
    let delivered = 0;
    const forgetful = (): Bus => {
      const real = open(broker?.url ?? '');
      const subscribe: Bus['subscribe'] = (subscription, reader) =>
        real.subscribe(subscription, {
          ...reader,
          deliver(delivery) {
            delivered += 1;
            reader.deliver({ ...delivery, ack: () => !holds && delivery.ack() });
          },
        });
      return Object.defineProperties(Object.create(real), { subscribe: { value: subscribe } }) as Bus;
    };
    await start(forgetful, `broken-${systemClock.now().toString(36)}`);
    const by = await writer();
    await send(...Array.from({ length: 300 }, () => metric(by)));
    await expect.poll(counts, { timeout: 10_000 }).toEqual({ in: 300, holes: 0, repeats: 0 });
    await control?.('close_all_connections', 'a test');
    holds = false;
    await send(...Array.from({ length: 100 }, () => metric(by)));
    await expect.poll(() => counts().in, { timeout: 20_000 }).toBe(400);
    await expect.poll(() => counts().repeats, { timeout: 20_000 }).toBeGreaterThanOrEqual(300);
    await expect.poll(() => delivered - 400 - counts().repeats, { timeout: 20_000 }).toBe(0);
    expect(counts()).toMatchObject({ in: 400, holes: 0 });
  },
  60_000,
);
