/** The bus contract on both buses, and that neither holds the process open. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../core/bus/bus.ts';
import { embeddedBus } from '../../core/bus/embedded.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock, type VirtualClock, virtualClock } from '../../core/clock.ts';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { busContract } from './bus.ts';
import { collect, message, until } from './collect.ts';

const run = randomBytes(4).toString('hex');
let made = 0;
const unique = (name: string) => `test-${run}-${++made}-${name}`;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program that opens a bus, uses it and closes it; the program must then end by itself. */
async function endsByItself(opening: string): Promise<void> {
  const program = `
    import { systemClock as clock } from './core/clock.ts';
    ${opening}
    const message = (kind) => ({ kind, keys: ['${unique('exit')}'], body: Buffer.from('x'), batch: false, expires: 1000 });
    const reader = { deliver: (delivery) => delivery.ack(), pipe() {} };
    await bus.subscribe({ topics: [{ kind: 'alert', pattern: '#' }], queue: 'viewer', prefetch: 1 }, reader);
    await bus.subscribe({ topics: [{ kind: 'state', pattern: '#' }], queue: 'viewer', prefetch: 1 }, reader);
    for (const kind of ['alert', 'metric', 'state']) await bus.publish(message(kind));
    await bus.close();
    console.log('closed');`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 15_000 });
  expect(stdout).toBe('closed\n');
}

describe('embedded', () => {
  let clock: VirtualClock = virtualClock();
  let buses: Bus[] = [];
  const open = () => {
    clock = virtualClock();
    const bus = embeddedBus({ clock });
    buses.push(bus);
    return bus;
  };
  busContract({
    open,
    unique,
    pass: (ms) => clock.advance(ms),
    // In process a publish is over when it is handled, which a reader that comes later will do.
    stored: async () => {},
    async end() {
      await Promise.all(buses.map((bus) => bus.close(0)).concat(clock.advance(1)));
      buses = [];
    },
  });

  it('leaves a publisher waiting until its message is handled', async () => {
    const bus = open();
    const got = await collect(bus, { topics: [{ kind: 'alert', pattern: '#' }], queue: { name: 'q' }, prefetch: 1 }, 'never');
    const settled: string[] = [];
    const published = ['a', 'b'].map((body) => bus.publish(message('alert', 'x', body)).then(() => settled.push(body)));
    await got.count(1);
    expect(settled).toEqual([]);
    got.deliveries[0]?.ack();
    await got.count(2);
    expect(settled).toEqual(['a']);
    got.deliveries[1]?.ack();
    await Promise.all(published);
  });

  it('waits a while for a reader that lags past its bytes, and then lets the oldest go, and its publisher with it', async () => {
    const said: string[] = [];
    const bus = embeddedBus({ clock, limits: { queueBytes: 10_000 }, report: (_, text) => void said.push(text) });
    buses.push(bus);
    const got = await collect(bus, { topics: [{ kind: 'metric', pattern: '#' }], queue: { name: 'q' }, prefetch: 1 }, 'never');
    const settled: number[] = [];
    const publish = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) =>
        bus.publish(message('metric', 'x', `${from + index} `.padEnd(1000, '.'))).then(() => settled.push(from + index)),
      );
    const published = publish(0, 99);
    await got.count(1);
    // A reader that is only slow loses nothing: its publishers wait.
    await clock.advance(29_000);
    expect(settled).toEqual([]);
    await clock.advance(1000);
    await until('the oldest to go', () => settled.length >= 89);
    expect(settled).toEqual(Array.from({ length: 89 }, (_, index) => index + 1));
    // Nobody waits any more for one that is stuck.
    published.push(...publish(100, 109));
    await until('the oldest to go at once', () => settled.length >= 99);
    expect(settled.slice(89)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(said).toEqual(['bus: the reader of q does not keep up; until it does, the oldest that waits gives way']);
    for (let index = 0; index < 11; index++) {
      await got.count(index + 1);
      got.deliveries[index]?.ack();
    }
    expect(got.bodies().map((body) => Number.parseInt(body, 10))).toEqual([0, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
    // It has caught up, and is waited for again.
    published.push(...publish(110, 139));
    await got.count(12);
    await clock.advance(29_000);
    expect(settled.length).toBe(110);
    await clock.advance(1000);
    for (let index = 11; index < 22; index++) {
      await got.count(index + 1);
      got.deliveries[index]?.ack();
    }
    await Promise.all(published);
  });

  it('keeps of state no more than its bytes', async () => {
    const bus = embeddedBus({ clock, limits: { stateBytes: 5000 } });
    buses.push(bus);
    for (let index = 0; index < 20; index++) await bus.publish(message('state', `k.${index}`, 'x'.repeat(1000)));
    const got = await collect(bus, { topics: [{ kind: 'state', pattern: '#' }], queue: 'viewer', prefetch: 100 });
    await until('drained', () => got.pipes.at(-1)?.caughtUp === true);
    expect(got.deliveries.map(({ message: { keys } }) => keys[0])).toEqual(['k.15', 'k.16', 'k.17', 'k.18', 'k.19']);
  });

  it('needs no reader to forget what expired', async () => {
    const bus = open();
    const queue = { topics: [{ kind: 'command' as const, pattern: '#' }], queue: { name: 'q' }, prefetch: 1 };
    await (await collect(bus, queue)).close();
    let settled = false;
    const published = bus.publish(message('command', 'x', 'y', { expires: 500 })).then(() => {
      settled = true;
    });
    await clock.advance(400);
    expect(settled).toBe(false);
    await clock.advance(200);
    await published;
  });

  it('does not hold the process open', () =>
    endsByItself(`import { embeddedBus } from './core/bus/embedded.ts'; const bus = embeddedBus({ clock });`));
});

const broker = await findBroker();
const title = broker ? 'rabbitmq' : 'rabbitmq: skipped, since none is here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!broker)(title, () => {
  const url = broker?.url ?? '';
  let buses: Bus[] = [];
  const queues: string[] = [];
  afterAll(async () => {
    const connection = await connect(url);
    const channel = await connection.createChannel();
    for (const queue of queues) await channel.deleteQueue(queue);
    await connection.close();
    await broker?.release();
  });
  busContract({
    open() {
      const bus = rabbitBus({ urls: [url], clock: systemClock, report: () => {} });
      buses.push(bus);
      return bus;
    },
    unique(name) {
      const made = unique(name);
      queues.push(made);
      return made;
    },
    // The broker's clock is nobody's to move.
    pass: (ms) => pause(ms),
    stored: (published) => published,
    async end() {
      await Promise.all(buses.map((bus) => bus.close(0)));
      buses = [];
    },
  });

  it('does not hold the process open', () =>
    endsByItself(`import { rabbitBus } from './core/bus/rabbitmq.ts'; const bus = rabbitBus({ urls: ['${url}'], clock, report() {} });`));
});
