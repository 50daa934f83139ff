/**
 * What a bus carries: publish, route, deliver, acknowledge, publisher and reader in this one process. Messages are of the size of
 * an event with a few points, and of a batch.
 *
 * Yardsticks: over RabbitMQ, amqplib alone with the same bytes, keys, properties, window and type of queue. In process there is
 * none but handing a function the message, which costs nothing: the figure stands alone.
 */
import { connect } from 'amqplib';
import type { Bus, Message } from '../../core/bus/bus.ts';
import { embeddedBus } from '../../core/bus/embedded.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { encodeProperties } from '../../core/bus/wire.ts';
import { systemClock } from '../../core/clock.ts';
import type { Kind } from '../../core/kinds.ts';
import { type Bench, type Figure, withBroker } from './shared/figure.ts';

const unconfirmed = 500;
const prefetch = 500;
const hosts = 100;

interface Load {
  readonly kind: Kind;
  readonly bytes: number;
  readonly count: number;
}

const loads: readonly Load[] = [
  { kind: 'metric', bytes: 600, count: 20_000 },
  { kind: 'metric', bytes: 20_000, count: 4000 },
  { kind: 'alert', bytes: 600, count: 10_000 },
];

function messagesOf({ kind, bytes }: Load): Message[] {
  const body = Buffer.alloc(bytes, 'x');
  return Array.from({ length: hosts }, (_, host) => ({ kind, keys: [`acme.shop.prod.web-${host}.cpu`], body, batch: false }));
}

/** Calls `publish` so often, with so many of its promises open. */
async function keepBusy(count: number, publish: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await publish(next++);
  };
  await Promise.all(Array.from({ length: unconfirmed }, worker));
}

const perSecond = (count: number, since: number) => count / ((systemClock.monotonic() - since) / 1000);

/** Messages per second through a bus, until the last is acknowledged. */
async function rateOf(bus: Bus, queue: string, { kind, count }: Load, messages: readonly Message[]): Promise<number> {
  let came = 0;
  let done = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  await bus.subscribe(
    { topics: [{ kind, pattern: 'acme.*.prod.#' }], queue: { name: queue }, prefetch },
    {
      deliver(delivery) {
        delivery.ack();
        if (++came === count) done();
      },
      pipe() {},
    },
  );
  const since = systemClock.monotonic();
  await keepBusy(count, (index) => bus.publish(messages[index % hosts] as Message));
  await all;
  return perSecond(count, since);
}

/** The same through amqplib alone. */
async function bareRate(url: string, type: 'classic' | 'quorum', { count }: Load, messages: readonly Message[]): Promise<number> {
  const [writing, reading] = [await connect(url), await connect(url)];
  const [publisher, consumer] = [await writing.createConfirmChannel(), await reading.createChannel()];
  await publisher.assertExchange('bare', 'topic', { durable: true });
  const { queue } = await consumer.assertQueue(`bare-${type}`, { durable: true, arguments: { 'x-queue-type': type } });
  await consumer.bindQueue(queue, 'bare', 'acme.*.prod.#');
  await consumer.prefetch(prefetch);
  let came = 0;
  let done = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  await consumer.consume(queue, (message) => {
    if (!message) return;
    consumer.ack(message);
    if (++came === count) done();
  });
  const since = systemClock.monotonic();
  await keepBusy(
    count,
    (index) =>
      new Promise((resolve, reject) => {
        const message = messages[index % hosts] as Message;
        const properties = encodeProperties(message, 'guest', 0);
        publisher.publish('bare', message.keys[0] ?? '', message.body, properties, (error) => (error ? reject(error) : resolve()));
      }),
  );
  await all;
  const rate = perSecond(count, since);
  await consumer.deleteQueue(queue);
  await publisher.deleteExchange('bare');
  await Promise.all([writing.close(), reading.close()]);
  return rate;
}

async function embedded(scale: number): Promise<Figure> {
  const load = { kind: 'metric' as const, bytes: 200, count: 500_000 * scale };
  const bus = embeddedBus({ clock: systemClock });
  // The first run is the compiler's.
  await rateOf(bus, 'warm', { ...load, count: load.count / 5 }, messagesOf(load));
  await bus.close();
  const fresh = embeddedBus({ clock: systemClock });
  const value = await rateOf(fresh, 'bench', load, messagesOf(load));
  await fresh.close();
  return { what: 'embedded', value, unit: 'messages/s', budget: { least: 200_000 }, of: '200 bytes, one queue' };
}

async function rabbit(url: string, load: Load): Promise<Figure> {
  const messages = messagesOf(load);
  const type = load.kind === 'alert' ? 'quorum' : 'classic';
  const bare = await bareRate(url, type, load, messages);
  const bus = rabbitBus({ urls: [url], clock: systemClock, report: () => {} });
  const value = await rateOf(bus, `bench-${load.kind}-${load.bytes}`, load, messages);
  await bus.close();
  return {
    what: `rabbitmq, ${load.kind}`,
    value,
    unit: 'messages/s',
    yardstick: { what: 'bare amqplib', value: bare },
    budget: { least: bare * 0.8 },
    of: `${load.bytes} bytes, ${type} queue, persistent, ${unconfirmed} unconfirmed, prefetch ${prefetch}, ${hosts} keys`,
  };
}

const bench: Bench = {
  doc: 'messages per second through each bus, published with confirms and acknowledged by one reader',
  async run(size) {
    const scale = size === 'short' ? 0.1 : 1;
    const figures = [await embedded(scale)];
    return [
      ...figures,
      ...(await withBroker(async (url) => {
        const through: Figure[] = [];
        for (const load of loads) through.push(await rabbit(url, { ...load, count: load.count * scale }));
        return through;
      })),
    ];
  },
};

export default bench;
