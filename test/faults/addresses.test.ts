/** Brokers at several addresses, of which one answers: found whatever the others do, for as long as it takes. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { backOff } from '../../core/bus/backoff.ts';
import type { Bus } from '../../core/bus/bus.ts';
import { type RabbitOptions, rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { collect, message, until } from '../contract/collect.ts';
import { type Broker, freePort, startBroker } from '../fixtures/rabbitmq.ts';

it('waits between tries for a time that doubles up to its bound, and that no two share', () => {
  const waits = (tries: number) => Array.from({ length: 200 }, () => backOff(tries));
  for (const [tries, most] of [
    [0, 100],
    [3, 800],
    [10_000, 5000],
  ] as const) {
    const each = waits(tries);
    expect(Math.min(...each)).toBeGreaterThanOrEqual(most / 2);
    expect(Math.max(...each)).toBeLessThanOrEqual(most);
    expect(new Set(each).size).toBe(200);
  }
});

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'addresses' : 'addresses: skipped, since RabbitMQ is not here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, { timeout: 120_000 }, () => {
  const broker = found as Broker;
  const buses: Bus[] = [];
  const servers: { server: Server; sockets: Set<Socket> }[] = [];
  const open = (options: Partial<RabbitOptions>) => {
    const bus = rabbitBus({ urls: [], clock: systemClock, report: () => {}, ...options });
    buses.push(bus);
    return bus;
  };
  /** Takes connections and says nothing, or ends each at once. */
  const listen = async (host: string, port: number, manner: 'mute' | 'rude') => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      if (manner === 'rude') socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    servers.push({ server, sockets });
    return { sockets, url: `amqp://${host}:${port}` };
  };
  const works = async (bus: Bus, key: string) => {
    const got = await collect(bus, { topics: [{ kind: 'alert', pattern: key }], queue: { name: key }, prefetch: 10 });
    await bus.publish(message('alert', key, 'x'));
    await got.count(1);
  };
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close(0);
    for (const { server, sockets } of servers.splice(0)) {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  afterAll(() => broker.remove(), 60_000);

  it('one refuses, one hangs up, one says nothing: the fourth is found, and found again after it was away', async () => {
    const rude = await listen('127.0.0.1', await freePort(), 'rude');
    const mute = await listen('127.0.0.1', await freePort(), 'mute');
    const bus = open({ urls: [`amqp://127.0.0.1:${await freePort()}`, rude.url, mute.url, broker.url] });
    await until('connected', () => bus.connected, 60_000);
    await works(bus, 'several');
    await broker.kill();
    await until('noticed', () => !bus.connected);
    // All of them have had their turn before it is back.
    const [asked, hungUp] = [mute.sockets.size, rude.sockets.size];
    await until('the others are tried', () => mute.sockets.size > asked && rude.sockets.size > hungUp, 60_000);
    await broker.start();
    await until('connected again', () => bus.connected, 90_000);
    await works(bus, 'several-again');
  });

  it('one name has two addresses, and the first says nothing: the second is found', async () => {
    const mute = await listen('127.0.0.2', broker.port, 'mute');
    const resolve = ((_name: string, _options: unknown, callback: (error: null, found: object[]) => void) =>
      callback(null, [
        { address: '127.0.0.2', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])) as unknown as NonNullable<RabbitOptions['resolve']>;
    const bus = open({ urls: [`amqp://mq.example:${broker.port}`], resolve });
    await until('connected', () => bus.connected, 60_000);
    expect(mute.sockets.size).toBeGreaterThan(0);
    await works(bus, 'name');
  });
});
