/**
 * What several processes share at a broker: queues by slots, each read by one of them at a time, and changelogs. In process there is
 * nobody to share with, and the embedded bus offers none of it.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Bus, Part, Subscribed, Subscription } from '../../core/bus/bus.ts';
import { embeddedBus } from '../../core/bus/embedded.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock, virtualClock } from '../../core/clock.ts';
import { partitionOf } from '../../core/slot.ts';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { collect, message, until } from './collect.ts';

it('is not offered where one process has everything', () => {
  expect(embeddedBus({ clock: virtualClock() }).sharing).toBeUndefined();
});

const broker = await findBroker();
const title = broker ? 'rabbitmq' : 'rabbitmq: skipped, since none is here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!broker)(title, () => {
  const url = broker?.url ?? '';
  const run = `test-${randomBytes(4).toString('hex')}`;
  const names = { queues: new Set<string>(), exchanges: new Set<string>() };
  let buses: Bus[] = [];
  let made = 0;
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close(0)));
    buses = [];
  });
  afterAll(async () => {
    const connection = await connect(url);
    const channel = await connection.createChannel();
    for (const queue of names.queues) await channel.deleteQueue(queue);
    for (const exchange of names.exchanges) await channel.deleteExchange(exchange);
    await connection.close();
    await broker?.release();
  });
  const open = () => {
    const bus = rabbitBus({ urls: [url], clock: systemClock, report: (...all) => void (process.env.SLUICE_SAY && console.log(...all)) });
    buses.push(bus);
    return bus;
  };
  const sharing = (bus: Bus) => {
    if (!bus.sharing) throw new Error('a bus over a broker has something to share');
    return bus.sharing;
  };
  const fresh = (name: string) => `${run}-${++made}-${name}`;
  /** The parts of a node's queue, of `metric` under a word of its own. */
  const parts = (count: number, by: Part['by'] = 'source', name = fresh('node')) => {
    for (const exchange of ['key', 'source', 'rest'])
      names.exchanges.add(`${name}.of${count}.${exchange === 'key' ? 'partitionkey' : exchange}`);
    const at = (index: number, prefetch = 100): Subscription & { part: Part } => {
      names.queues.add(`${name}.${index}of${count}`);
      return { topics: [{ kind: 'metric', pattern: `${name}.#` }], queue: { name }, prefetch, part: { index, count, by } };
    };
    for (let index = 0; index < count; index++) at(index);
    return { name, at };
  };
  const collectAll = async (bus: Bus, count: number, { at }: ReturnType<typeof parts>) => {
    await sharing(bus).prepare(at(0));
    return Promise.all(Array.from({ length: count }, (_, index) => collect(bus, at(index))));
  };

  it('gives each part what says one of its slots, once, and all of them what says none', async () => {
    const bus = open();
    const node = parts(8);
    const queues = await collectAll(bus, 8, node);
    const keys = [`${node.name}.a`, `${node.name}.b`];
    for (let slot = 0; slot < 64; slot++) await bus.publish(message('metric', [...keys, `~${slot}`], String(slot)));
    // A batch of several writers' events: each part that may hold one of them has the whole, as it has with any of several keys.
    await bus.publish(message('metric', [...keys, '~1', '~9', '~2'], 'batch', { batch: true }));
    await bus.publish(message('metric', ['elsewhere', '~1'], 'not for this node'));
    await bus.publish(message('metric', keys, 'no slot'));
    await until('what says no slot', () => queues.every((queue) => queue.bodies().includes('no slot')));
    const expected = queues.map((_, index) => [
      ...Array.from({ length: 64 }, (_, slot) => slot)
        .filter((slot) => partitionOf(slot, 8) === index)
        .map(String),
      ...(index === 1 || index === 2 ? ['batch'] : []),
      'no slot',
    ]);
    expect(queues.map((queue) => queue.bodies())).toEqual(expected);
    expect(queues[1]?.deliveries.find(({ message: { batch } }) => batch)?.message).toMatchObject({
      kind: 'metric',
      keys: [...keys, '~1', '~9', '~2'],
    });
  });

  it('goes by partition keys where they count, and by the writer where there is none', async () => {
    const bus = open();
    const node = parts(4, 'partitionkey');
    const queues = await collectAll(bus, 4, node);
    await bus.publish(message('metric', [`${node.name}.a`, '~0', '~p3'], 'by its key'));
    await bus.publish(message('metric', [`${node.name}.a`, '~2'], 'by its writer'));
    await bus.publish(message('metric', [`${node.name}.a`], 'end'));
    await until('the end', () => queues.every((queue) => queue.bodies().includes('end')));
    expect(queues.map((queue) => queue.bodies())).toEqual([['end'], ['end'], ['by its writer', 'end'], ['by its key', 'end']]);
  });

  it('keeps what comes before anyone reads, and never lets two read one part', async () => {
    const [one, other] = [open(), open()];
    const node = parts(2);
    await sharing(one).prepare(node.at(0));
    for (let index = 0; index < 20; index++) await one.publish(message('metric', [`${node.name}.a`, '~1'], String(index)));
    const first = await collect(one, node.at(1, 5), 'never');
    await first.count(5);
    const second = await collect(other, node.at(1, 5));
    await one.publish(message('metric', [`${node.name}.a`, '~1'], '20'));
    first.deliveries[0]?.ack();
    await first.count(6);
    expect(second.deliveries).toEqual([]);
    await first.close();
    await second.count(20);
    expect(second.bodies()).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 1)));
  });

  /** Reads a changelog into a list. */
  const follow = async (log: ReturnType<ReturnType<typeof sharing>['changelog']>, from: Parameters<typeof log.read>[0]) => {
    const got: [number, string][] = [];
    const reader: Subscribed = await log.read(from, (place, record) => got.push([place, record.toString()]));
    return { got, ...reader };
  };
  const changelog = (bus: Bus, name = fresh('log')) => {
    names.queues.add(name);
    return { name, log: sharing(bus).changelog(name, 1_000_000) };
  };

  it('shows a changelog to all its readers in one order, from where they ask', async () => {
    const [one, other] = [open(), open()];
    const { name, log } = changelog(one);
    const early = await follow(log, 'first');
    const { log: theirs } = changelog(other, name);
    for (let index = 0; index < 50; index++) (index % 2 === 0 ? log : theirs).append(Buffer.from(String(index)));
    await until('all records', () => early.got.length >= 50);
    expect(early.got.map(([, text]) => Number(text)).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(early.got.map(([place]) => place)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    // Each writer's in the order in which it appended them.
    const evens = early.got.map(([, text]) => Number(text)).filter((number) => number % 2 === 0);
    expect(evens).toEqual([...evens].sort((a, b) => a - b));
    const late = await follow(theirs, 10);
    const next = await follow(theirs, 'next');
    const last = await follow(theirs, 'last');
    log.append(Buffer.from('end'));
    await until('the end', () => [early, late, next, last].every(({ got }) => got.at(-1)?.[1] === 'end'));
    expect(late.got).toEqual(early.got.slice(10));
    expect(next.got).toEqual([[50, 'end']]);
    expect(early.got.slice(-last.got.length)).toEqual(last.got);
  });

  it('goes on reading and appending where its channels were closed', async () => {
    const bus = open();
    const { name, log } = changelog(bus);
    const all = await follow(log, 'first');
    for (let index = 0; index < 10; index++) log.append(Buffer.from(String(index)));
    await until('ten', () => all.got.length >= 10);
    // Another declares what is not so: the broker takes the stream away from its readers, and it is made anew.
    const connection = await connect(url);
    const channel = await connection.createChannel();
    await channel.deleteQueue(name);
    await connection.close();
    const anew = await follow(log, 'first');
    for (let index = 10; index < 20; index++) log.append(Buffer.from(String(index)));
    await until('the rest', () => anew.got.length >= 10);
    expect(anew.got.map(([, text]) => Number(text))).toEqual(Array.from({ length: 10 }, (_, index) => index + 10));
  });
});
