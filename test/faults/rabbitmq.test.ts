/** What a broker can do to us: die, hang, be absent, refuse, run short, take things away. Each on a broker of the test's own. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bus, Message, Subscription } from '../../core/bus/bus.ts';
import { type RabbitOptions, rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { ConfigError, Full, Reject, Unwanted } from '../../core/errors.ts';
import type { Kind } from '../../core/kinds.ts';
import { collect, message, until } from '../contract/collect.ts';
import { type Broker, freePort, startBroker } from '../fixtures/rabbitmq.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'rabbitmq' : 'rabbitmq: skipped, since none is here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, { timeout: 60_000 }, () => {
  const broker = found as Broker;
  let buses: Bus[] = [];
  let reports: { level: string; message: string }[] = [];
  beforeAll(async () => {
    const bus = open();
    await bus.publish(message('state', 'first', 'x'));
    await bus.close();
    await settle();
  });
  afterAll(() => broker.remove(), 60_000);
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close(0)));
    buses = [];
    reports = [];
  });
  const open = (options: Partial<RabbitOptions> = {}) => {
    const bus = rabbitBus({
      urls: [broker.url],
      clock: systemClock,
      report: (level, text) => reports.push({ level, message: text }),
      ...options,
    });
    buses.push(bus);
    return bus;
  };
  const reads = (kind: Kind, pattern: string, queue: Subscription['queue'], prefetch = 100): Subscription => ({
    topics: [{ kind, pattern }],
    queue,
    prefetch,
  });
  /** RabbitMQ 3.10 never finds a stream or quorum queue again that it made in the second before it was killed; at 1.5 s it did. */
  const settle = () => systemClock.sleep(2000);
  const levels = () => reports.map(({ level }) => level);
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));
  /** Each body once, where it came first. */
  const firsts = (bodies: readonly string[]) => [...new Set(bodies)];
  /** Publishes with so many unconfirmed, as a spool does. */
  async function publishAll(bus: Bus, messages: readonly Message[], window: number, confirmed: () => void): Promise<void> {
    let next = 0;
    const worker = async () => {
      for (let each = messages[next++]; each; each = messages[next++]) {
        await bus.publish(each);
        confirmed();
      }
    };
    await Promise.all(Array.from({ length: window }, worker));
  }

  it.each(['alert', 'metric'] as const)('killed in mid-publish, loses nothing and keeps the order: %s', async (kind) => {
    const bus = open();
    const queue = { name: `killed-${kind}` };
    const got = await collect(bus, reads(kind, 'killed.#', queue));
    await settle();
    const bodies = numbered(1500);
    let confirmed = 0;
    const all = publishAll(
      bus,
      bodies.map((body, index) => message(kind, `killed.${index % 7}`, body)),
      50,
      () => confirmed++,
    );
    await until('some are confirmed', () => confirmed > 300);
    await broker.kill();
    expect(confirmed).toBeLessThan(1500);
    await until('noticed', () => !bus.connected && got.pipes.at(-1)?.connected === false);
    await broker.start();
    await all;
    await until('all arrived', () => new Set(got.bodies()).size === 1500, 30_000);
    expect(firsts(got.bodies())).toEqual(bodies);
    expect(levels()).toEqual(['warn', 'info']);
    await until('drained', () => got.pipes.at(-1)?.caughtUp === true);
  });

  it('absent at the start, is waited for, and said once', async () => {
    await broker.kill();
    const bus = open({ urls: [`amqp://127.0.0.1:${await freePort()}`, broker.url] });
    const pipes: boolean[] = [];
    const subscribed = bus.subscribe(reads('alert', 'absent', { name: 'absent' }), {
      deliver: (delivery) => delivery.ack(),
      pipe: ({ connected }) => pipes.push(connected),
    });
    const published = bus.publish(message('metric', 'absent', 'x'));
    await until('said', () => reports.length > 0);
    expect(pipes).toEqual([false]);
    await broker.start();
    await Promise.all([subscribed, published]);
    await until('connected', () => bus.connected);
    expect(levels()).toEqual(['warn', 'info']);
    expect(reports[0]?.message).toContain('ECONNREFUSED');
  });

  it('refusing the password, is told of once and without the password', async () => {
    const bus = open({ credentials: { username: 'guest', password: 'hunter2-secret' } });
    await until('said', () => reports.length > 0);
    expect(levels()).toEqual(['error']);
    expect(reports[0]?.message).toContain('refuses us');
    expect(JSON.stringify(reports)).not.toContain('hunter2');
    expect(bus.connected).toBe(false);
  });

  it('with credentials in its address, is refused by us without repeating them', () => {
    const attempt = () => open({ urls: ['amqp://guest:hunter2-secret@localhost/'] });
    expect(attempt).toThrow(ConfigError);
    expect(attempt).not.toThrow('hunter2');
    expect(() => open({ urls: ['https://guest:hunter2-secret@localhost/'] })).not.toThrow('hunter2');
  });

  it('taking a queue away, is asked for it again', async () => {
    const bus = open();
    const got = await collect(bus, reads('alert', 'cancel', { name: 'cancelled' }));
    await broker.control('delete_queue', 'cancelled');
    await until('noticed', () => got.pipes.some(({ connected }, index) => index > 1 && !connected));
    await until('open again', () => got.pipes.at(-1)?.caughtUp === true);
    await bus.publish(message('alert', 'cancel', 'x'));
    await got.count(1);
  });

  it('losing an exchange with all that is bound to it, has it made and bound again', async () => {
    const bus = open();
    const got = await collect(bus, reads('alert', 'exchange', { name: 'exchanged' }));
    await broker.control('eval', 'rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"sluice.alert">>), false, <<"test">>).');
    const give = (): Promise<void> =>
      bus.publish(message('alert', 'exchange', 'x')).catch((thrown) => {
        expect(thrown).toBeInstanceOf(Unwanted);
        return systemClock.sleep(100).then(give);
      });
    await give();
    await got.count(1);
    expect(got.pipes.some(({ connected }, index) => index > 1 && !connected)).toBe(true);
  });

  it('short of memory, makes publishers wait and readers drain', async () => {
    const bus = open();
    const got = await collect(bus, reads('alert', 'blocked', { name: 'blocked' }, 1), 'never');
    await Promise.all(numbered(5).map((body) => bus.publish(message('alert', 'blocked', body))));
    await broker.control('set_vm_memory_high_watermark', 'absolute', '1MiB');
    let settled = false;
    const published = Promise.all([
      bus.publish(message('metric', 'blocked', 'x')),
      // The first after the alarm may be under way already when the broker says stop.
      bus.publish(message('alert', 'blocked', '5')),
    ]).then(() => {
      settled = true;
    });
    await until('said', () => levels().includes('warn'));
    for (const index of [0, 1, 2, 3, 4]) {
      await got.count(index + 1);
      got.deliveries[index]?.ack();
    }
    // Longer than a mute broker is borne with: this one has said why.
    await systemClock.sleep(4000);
    expect(settled).toBe(false);
    expect(bus.connected).toBe(true);
    await broker.control('set_vm_memory_high_watermark', '0.6');
    await published;
    expect(levels()).toEqual(['warn', 'info']);
  });

  it('with a full queue, says so of what has no room, in order, and gives it to the others all the same', async () => {
    const bus = open();
    const full = await collect(bus, reads('alert', 'full.#', { name: 'full' }, 1), 'never');
    const healthy = await collect(bus, reads('alert', 'full.#', { name: 'healthy' }));
    const others = await collect(bus, reads('audit', 'full.#', { name: 'others' }));
    await broker.control('set_policy', 'full', '^full$', '{"max-length-bytes":20000}', '--apply-to', 'queues');
    const bodies = numbered(60).map((body) => `${body} `.padEnd(1000, '.'));
    const refused: string[] = [];
    const give = (body: string) =>
      bus.publish(message('alert', `full.${Number.parseInt(body, 10) % 2}`, body)).catch((thrown) => {
        expect(thrown).toBeInstanceOf(Full);
        refused.push(body);
      });
    await Promise.all(bodies.map(give));
    // What one queue has no room for, the others have.
    await until('the healthy one has all', () => new Set(healthy.bodies()).size === 60);
    expect(refused.length).toBeGreaterThan(20);
    const perKey = (list: readonly string[], key: number) => firsts(list).filter((body) => Number.parseInt(body, 10) % 2 === key);
    for (const key of [0, 1]) {
      expect(perKey(healthy.bodies(), key)).toEqual(perKey(bodies, key));
      expect(perKey(refused, key)).toEqual(perKey(bodies, key).slice(-perKey(refused, key).length));
    }
    await Promise.all(numbered(50).map((body) => bus.publish(message('audit', 'full.0', body))));
    await others.count(50);
    // Its reader wakes: offered again, all of it finds room.
    for (let index = 0, waiting = refused.splice(0); index < 60; index++) {
      await until(`delivery ${index}`, () => full.deliveries.length > index, 30_000);
      full.deliveries[index]?.ack();
      if (index % 10 === 9) {
        await Promise.all(waiting.map(give));
        waiting = refused.splice(0);
      }
    }
    expect(new Set(full.bodies()).size).toBe(60);
    await broker.control('clear_policy', 'full');
  });

  it('with a small limit, rejects the one message that is too large, and takes those around it', async () => {
    await broker.control('eval', 'application:set_env(rabbit, max_message_size, 100000).');
    const bus = open();
    const got = await collect(bus, reads('audit', 'large', { name: 'large' }));
    const published = await Promise.allSettled([
      ...numbered(20).map((body) => bus.publish(message('audit', 'large', body))),
      bus.publish(message('metric', 'large', 'x'.repeat(200_000))),
      ...numbered(20).map((body) => bus.publish(message('incident', 'large', body))),
    ]);
    expect(published.map(({ status }) => status)).toEqual([...Array(20).fill('fulfilled'), 'rejected', ...Array(20).fill('fulfilled')]);
    expect((published[20] as PromiseRejectedResult).reason).toBeInstanceOf(Reject);
    await until('all arrived', () => new Set(got.bodies()).size === 20);
    await broker.control('eval', 'application:set_env(rabbit, max_message_size, 134217728).');
  });

  it('that lets a user do little, is used as far as it goes', async () => {
    const credentials = { username: 'agent-7', password: 'pw' };
    await broker.control('add_user', credentials.username, credentials.password);
    await broker.control(
      'set_permissions',
      credentials.username,
      String.raw`^sluice\.agent\.agent-7\..*`,
      String.raw`^(sluice\.(metric|heartbeat)|sluice\.agent\.agent-7\..*)$`,
      String.raw`^sluice\..*`,
    );
    const hub = open();
    const all = await collect(hub, reads('metric', '#', 'viewer'));
    const bus = open({ credentials });
    const mine = await collect(bus, reads('command', 'a.b', { name: 'sluice.agent.agent-7.command' }));
    const states = await collect(bus, reads('state', 'nothing', 'viewer'));
    await until('drained', () => states.pipes.at(-1)?.caughtUp === true);
    await bus.publish(message('metric', 'a.b', 'x'));
    await expect(bus.publish(message('command', 'a.b', 'not mine to give'))).rejects.toThrow(Reject);
    await bus.publish(message('metric', 'a.b', 'y'));
    await hub.publish(message('command', 'a.b', 'do'));
    await Promise.all([all.count(2), mine.count(1)]);
    // What it may not read is asked for ever more rarely, and said once.
    void bus.subscribe(reads('command', 'a.b', { name: 'not-mine' }), { deliver() {}, pipe() {} });
    await until('said', () => levels().includes('error'));
    expect(reports.filter(({ level }) => level === 'error').map(({ message: text }) => text)).toEqual([
      expect.stringContaining('not-mine'),
    ]);
    expect(all.deliveries.map(({ user }) => user)).toEqual(['agent-7', 'agent-7']);
    expect(mine.deliveries.map(({ user }) => user)).toEqual(['guest']);
  });

  it('hanging, is left within seconds, and gets everything when it wakes', async () => {
    const bus = open();
    const got = await collect(bus, reads('alert', 'hang', { name: 'hang' }));
    await bus.publish(message('alert', 'hang', '0'));
    broker.freeze(true);
    const published = Promise.all(['1', '2'].map((body) => bus.publish(message('alert', 'hang', body))));
    const since = performance.now();
    await until('noticed', () => !bus.connected);
    expect(performance.now() - since).toBeLessThan(15_000);
    broker.freeze(false);
    await published;
    await until('all arrived', () => new Set(got.bodies()).size === 3, 30_000);
    expect(firsts(got.bodies())).toEqual(['0', '1', '2']);
  });

  it('hanging, does not keep us from closing', async () => {
    const bus = open();
    const got = await collect(bus, reads('alert', 'farewell', { name: 'farewell' }), 'never');
    await bus.publish(message('alert', 'farewell', '0'));
    await got.count(1);
    broker.freeze(true);
    const published = bus.publish(message('alert', 'farewell', '1'));
    const since = performance.now();
    const outcome = expect(published).rejects.toThrow('closed before the broker confirmed');
    await bus.close(200);
    expect(performance.now() - since).toBeLessThan(10_000);
    broker.freeze(false);
    await outcome;
  });

  it('back from a crash, still has the last of each state', async () => {
    const bus = open();
    const early = await collect(bus, reads('state', 'crash.#', 'viewer'));
    for (const body of ['1', '2']) for (const key of ['crash.a', 'crash.b']) await bus.publish(message('state', key, body));
    await early.count(4);
    await broker.kill();
    await broker.start();
    await until('drained', () => early.pipes.at(-1)?.caughtUp === true && early.deliveries.length > 4);
    const late = await collect(bus, reads('state', 'crash.#', 'viewer'));
    await late.count(2);
    expect(late.bodies()).toEqual(['2', '2']);
    await bus.publish(message('state', 'crash.a', '3'));
    await Promise.all([late.count(3), until('the change', () => early.bodies().at(-1) === '3')]);
  });
});
