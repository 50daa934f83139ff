/** However many look, the bus is read once: queues, bindings and consumers at a real broker, without a viewer, with one and with twenty. */
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';
import { afterwards, site, until } from '../scenarios/run.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'viewers' : 'viewers: skipped, since RabbitMQ is not here; to run this: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, { timeout: 120_000 }, () => {
  const broker = found as Broker;
  afterAll(() => broker.remove());

  it('share what live reads of the bus', async () => {
    const hub = await site({ config: { place: 'acme.shop.prod', host: 'hub', bus: broker.url, run: ['live', 'uptime'] } });
    await until('the page', () => hub.get('/healthz'), 60_000);
    const listed = async () => {
      const lists = ['list_queues name', 'list_bindings source_name destination_name routing_key', 'list_consumers queue_name'];
      // Each starts an Erlang machine.
      const [queues, bindings, consumers] = await Promise.all(
        lists.map(async (words) => (await broker.control(...words.split(' '))).trim().split('\n')),
      );
      return { queues: queues?.length, bindings: bindings?.sort(), consumers: consumers?.sort() };
    };
    const before = await until('something read', async () => {
      const now = await listed();
      return (now.consumers?.length ?? 0) > 1 && now;
    });
    const view = async (topics: readonly unknown[]) => {
      const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/api/live`);
      afterwards(() => socket.terminate());
      let events = 0;
      socket.on('message', (data: Buffer) => {
        events += (JSON.parse(data.toString()) as { events?: unknown[] }).events?.length ?? 0;
      });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      for (const [id, topic] of topics.entries()) socket.send(JSON.stringify({ id: `${id}`, subscribe: topic }));
      return { seen: () => events };
    };
    const same = [{ kind: 'metric' }, { kind: 'state' }];
    const first = await view(same);
    await until('an event', () => first.seen() > 0, 60_000);
    expect(await listed()).toEqual(before);
    const more: Awaited<ReturnType<typeof view>>[] = [];
    for (let count = 0; count < 19; count++) more.push(await view([...same, { kind: 'log', host: `web-${count}` }]));
    await until('events for all', () => more.every(({ seen }) => seen() > 0), 60_000);
    expect(await hub.get('/healthz')).toMatchObject({ viewers: 20 });
    expect(await listed()).toEqual(before);
  });
});
