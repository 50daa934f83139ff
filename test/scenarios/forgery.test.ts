/**
 * What an agent's credential can do to others: nothing. Each attempt is a test, on a broker with the rights of
 * `deploy/rabbitmq/rights.ts`: the broker refuses it, or every reader does, with a dead letter and an incident. And the agent
 * that behaves works in full.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Channel, type ConfirmChannel, connect, type Options } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../core/config.ts';
import type { Event } from '../../core/event.ts';
import { type Process, runProcess } from '../../core/runtime/process.ts';
import type { NodeState, ServerState } from '../../core/states.ts';
import { definitionsOf } from '../../deploy/rabbitmq/rights.ts';
import { startBroker } from '../fixtures/rabbitmq.ts';
import { freePort, site, sluice, start, until } from './run.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'forgery' : 'forgery: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';

const place = 'acme.shop.prod';
const [me, other, hub] = [`${place}.web-1`, `${place}.db-1`, place];
const password = 'correct horse';
const own = `sluice.agent.${me}.`;

/** Tells, by an incident, of each event that it was given. */
const listener = `import { defineFilter, z } from 'sluice';
const kinds = ['metric', 'log', 'state', 'alert', 'command', 'policy', 'audit', 'heartbeat'];
export default defineFilter({
  name: 'listener', doc: 'Tells of each event that it gets.', config: z.strictObject({}), tables: {},
  in: kinds.map((kind) => ({ kind })), out: ['incident'],
  create: () => ({ event: ({ id, key, kind }) => (/^attempt-/.test(id) ? [{ kind: 'incident', key, data: { what: 'got', who: id, where: kind } }] : []) }),
});
`;

describe.skipIf(!found)(title, { timeout: 60_000 }, () => {
  const broker = found as NonNullable<typeof found>;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-forgery-'));
  const caught: Event<'dead' | 'incident'>[] = [];
  const connections: { close(): Promise<void> }[] = [];
  let running: Process;
  let port: number;

  const login = async (user: string) => {
    const connection = await connect({
      hostname: '127.0.0.1',
      port: broker.port,
      username: user,
      password: user === 'guest' ? 'guest' : password,
    });
    connection.on('error', () => {});
    connections.push(connection);
    return connection;
  };
  const identity = (user: string) => {
    const file = join(folder, `identity-${user}`);
    writeFileSync(file, JSON.stringify({ username: user, password }), { mode: 0o600 });
    return file;
  };

  beforeAll(async () => {
    const users = [me, other, hub].map((name) => ({ name, secret: { password } }));
    const file = join(folder, 'definitions.json');
    writeFileSync(file, JSON.stringify(definitionsOf('/', users)));
    await broker.control('import_definitions', file);
    writeFileSync(join(folder, 'listener.ts'), listener);
    port = await freePort();
    const config = {
      place,
      host: 'hub-1',
      bus: broker.url,
      identity: identity(hub),
      run: ['listener', 'roster', 'live'],
      state: join(folder, 'hub'),
      live: { listen: `127.0.0.1:${port}` },
      nodes: [{ use: './listener.ts' }],
    };
    writeFileSync(join(folder, 'hub.yaml'), JSON.stringify(config));
    running = await runProcess(
      loadConfig({ file: join(folder, 'hub.yaml'), env: {}, defaults: { state: join(folder, 'hub'), host: 'hub-1' } }),
      {
        print: () => {},
      },
    );
    // Seen through the broker's own eyes: this user may do anything, and is no reader of sluice.
    const channel = await (await login('guest')).createChannel();
    await channel.assertQueue('seen', { durable: false });
    for (const kind of ['dead', 'incident']) await channel.bindQueue('seen', `sluice.${kind}`, '#');
    await channel.consume('seen', (raw) => raw && caught.push(JSON.parse(raw.content.toString())), { noAck: true });
    // What an attacker would like to reach, beside the hub's own queues.
    const victim = await (await login(other)).createChannel();
    await victim.assertQueue(`sluice.agent.${other}.commands`, { durable: false });
    await victim.bindQueue(`sluice.agent.${other}.commands`, 'sluice.command', `${other}.#`);
  }, 60_000);
  afterAll(async () => {
    await running?.stop('test');
    await Promise.all(connections.map((connection) => connection.close().catch(() => {})));
    await broker.remove();
    rmSync(folder, { recursive: true });
  }, 60_000);

  /** Does it on a channel of its own. Resolves with what the broker said: its code, or `done`. */
  async function attempt(work: (channel: ConfirmChannel) => unknown, user = me): Promise<number | 'done'> {
    const connection = await login(user);
    const channel = await connection.createConfirmChannel();
    const refused = new Promise<number>((resolve) => {
      const told = (error: Error & { code?: number }) => resolve(error.code ?? -1);
      channel.on('error', told);
      connection.on('error', told);
    });
    const done = (async () => {
      await work(channel);
      await channel.waitForConfirms();
      return 'done' as const;
    })();
    const end = await Promise.race([refused, done.catch(() => refused)]);
    await connection.close().catch(() => {});
    return end;
  }
  let count = 0;
  const fresh = () => `attempt-${++count}`;
  const data: Record<string, object> = {
    metric: { points: [{ name: 'queue.length', value: 1 }] },
    log: { lines: [{ body: 'Accepted password for root' }] },
    state: { of: 'server', value: null },
    alert: { rule: 'full', status: 'firing', severity: 'critical', summary: 'wake up', since: '2026-01-01T00:00:00Z' },
    audit: { who: 'root', did: 'nothing' },
    command: { action: 'ban', to: other },
    policy: { commit: 'x', document: {} },
    heartbeat: { boot: 'x', interval: 5, goodbye: { reason: 'forged' } },
  };
  /** An event on the wire. By default this agent's own. */
  const wire = (kind: string, id: string, from = me, about = from) => ({
    specversion: '1.0',
    id,
    source: `/${from.replaceAll('.', '/')}/cpu`,
    type: `sluice.${kind}.v1`,
    time: new Date().toISOString(),
    subject: `${about}.cpu`,
    data: data[kind],
  });
  const body = (event: object) => Buffer.from(JSON.stringify(event));
  const asMe: Options.Publish = { userId: me, contentType: 'application/cloudevents+json' };
  const got = (id: string) => caught.some(({ data: said }) => 'what' in said && said.what === 'got' && said.who === id);
  const letter = (id: string) =>
    caught.map(({ data: said }) => said).find((said) => 'reason' in said && said.id === id && said.node === 'listener') as
      | { reason: string }
      | undefined;
  /** Waits until the reader has come past all that was sent so far through the same queue, or another way. */
  async function pastAll(kind: string): Promise<void> {
    const id = fresh();
    expect(await attempt((channel) => channel.publish(`sluice.${kind}`, `${me}.cpu`, body(wire(kind, id)), asMe))).toBe('done');
    await until(`the ${kind} after it`, () => got(id));
  }

  describe('is refused by the broker:', () => {
    const publish = (exchange: string, key: string, kind: string, options: Options.Publish) => (channel: ConfirmChannel) =>
      channel.publish(exchange, key, body(wire(kind, fresh(), other)), options);
    it.each<[what: string, code: number, work: (channel: ConfirmChannel) => unknown]>([
      ["another server's key", 403, publish('sluice.metric', `${other}.cpu`, 'metric', asMe)],
      ['a key that only begins like its own', 403, publish('sluice.metric', `${me}2.cpu`, 'metric', asMe)],
      ["another server's key as a state", 403, publish('sluice.state', `${other}.cpu`, 'state', asMe)],
      ["another server's heartbeat", 403, publish('sluice.heartbeat', other, 'heartbeat', asMe)],
      ['a forged user', 406, publish('sluice.metric', `${me}.cpu`, 'metric', { userId: other })],
      ["the hub's user", 406, publish('sluice.metric', `${me}.cpu`, 'metric', { userId: hub })],
      ['a command', 403, publish('sluice.command', `${me}.cpu`, 'command', asMe)],
      ['a policy', 403, publish('sluice.policy', `${me}.cpu`, 'policy', asMe)],
      ["the default exchange, straight into the hub's queue", 403, publish('', 'sluice.listener.telemetry', 'metric', asMe)],
      ["the default exchange, into another agent's queue", 403, publish('', `sluice.agent.${other}.commands`, 'command', asMe)],
      ['declaring a queue that is not its own', 403, (channel) => channel.assertQueue('sluice.evil.telemetry')],
      ['declaring a queue that the broker names', 403, (channel) => channel.assertQueue('')],
      ["declaring another agent's queue", 403, (channel) => channel.assertQueue(`sluice.agent.${other}.more`)],
      ['declaring a queue that begins like its own', 403, (channel) => channel.assertQueue(`sluice.agent.${me}2.x`)],
      ['declaring an exchange', 403, (channel) => channel.assertExchange('sluice.evil', 'topic')],
      ['deleting an exchange', 403, (channel) => channel.deleteExchange('sluice.metric')],
      ["reading the hub's queue", 403, (channel) => channel.consume('sluice.listener.durable', () => {})],
      ["getting from the hub's queue", 403, (channel) => channel.get('sluice.listener.durable')],
      ["emptying the hub's queue", 403, (channel) => channel.purgeQueue('sluice.listener.durable')],
      ["deleting the hub's queue", 403, (channel) => channel.deleteQueue('sluice.listener.durable')],
      ["unbinding the hub's queue", 403, (channel) => channel.unbindQueue('sluice.listener.durable', 'sluice.command', '#')],
      ["binding the hub's queue to more", 403, (channel) => channel.bindQueue('sluice.listener.telemetry', 'sluice.policy', '#')],
      ["reading another agent's queue", 403, (channel) => channel.consume(`sluice.agent.${other}.commands`, () => {})],
      ["emptying another agent's queue", 403, (channel) => channel.purgeQueue(`sluice.agent.${other}.commands`)],
      ['deleting the stream of states', 403, (channel) => channel.deleteQueue('sluice.state')],
      ['emptying the stream of states', 540, (channel) => channel.purgeQueue('sluice.state')],
      ['cutting the stream off from its exchange', 403, (channel) => channel.unbindQueue('sluice.state', 'sluice.state', '#')],
      ['filling the stream with policies of others', 403, (channel) => channel.bindQueue('sluice.state', 'sluice.command', '#')],
      ["listening to others' metrics", 403, listening('sluice.metric', '#')],
      ["listening to others' commands", 403, listening('sluice.command', '#')],
      ["listening to another's commands", 403, listening('sluice.command', `${other}.#`)],
      ['having states come by a queue, to be said again later', 403, listening('sluice.state', '#')],
      [
        'an exchange whose unroutable messages become commands',
        403,
        (channel) => channel.assertExchange(`${own}x`, 'fanout', { alternateExchange: 'sluice.command' }),
      ],
      [
        'a queue whose dead messages become commands',
        403,
        (channel) => channel.assertQueue(`${own}d`, { deadLetterExchange: 'sluice.command' }),
      ],
      [
        "a queue whose dead messages go straight into the hub's",
        403,
        (channel) => channel.assertQueue(`${own}d`, { deadLetterExchange: '', deadLetterRoutingKey: 'sluice.listener.durable' }),
      ],
      [
        'an exchange that feeds the commands',
        403,
        async (channel) => {
          await channel.assertExchange(`${own}e`, 'fanout');
          await channel.bindExchange('sluice.command', `${own}e`, '#');
        },
      ],
    ])('%s', async (_, code, work) => {
      expect(await attempt(work)).toBe(code);
    });

    function listening(exchange: string, pattern: string) {
      return async (channel: Channel) => {
        await channel.assertQueue(`${own}listening`, { autoDelete: true });
        await channel.bindQueue(`${own}listening`, exchange, pattern);
      };
    }

    it('more connections than a server needs', async () => {
      const admitted: { close(): Promise<void> }[] = [];
      try {
        // One after the other: the broker counts a moment later.
        await expect(
          (async () => {
            while (admitted.length < 15) admitted.push(await login(me));
          })(),
        ).rejects.toThrow(/ConnectionClose/);
      } finally {
        await Promise.all(admitted.map((connection) => connection.close()));
      }
      expect(admitted).toHaveLength(10);
      await until('all of them closed', async () => !(await broker.control('list_connections', 'user')).includes(me));
    });
  });

  describe('is refused by the reader, with a dead letter and an incident:', () => {
    const cases: [what: string, kind: string, send: (id: string, channel: ConfirmChannel) => unknown, reason: RegExp][] = [
      [
        "another server's source",
        'metric',
        (id, channel) => channel.publish('sluice.metric', `${me}.cpu`, body(wire('metric', id, other, me)), asMe),
        /wrote as .*db-1/,
      ],
      [
        "another server's key within the event",
        'metric',
        (id, channel) => channel.publish('sluice.metric', `${me}.cpu`, body(wire('metric', id, me, other)), asMe),
        /wrote about .*db-1/,
      ],
      [
        "another server's key by way of CC",
        'metric',
        (id, channel) => channel.publish('sluice.metric', `${me}.cpu`, body(wire('metric', id, other)), { ...asMe, CC: [`${other}.cpu`] }),
        /wrote as/,
      ],
      [
        "another server's key by way of BCC",
        'log',
        (id, channel) => channel.publish('sluice.log', `${me}.cpu`, body(wire('log', id, other)), { ...asMe, BCC: [`${other}.cpu`] }),
        /wrote as/,
      ],
      [
        'a slot of another server',
        'metric',
        (id, channel) => channel.publish('sluice.metric', '~7', body(wire('metric', id, other)), asMe),
        /wrote as/,
      ],
      [
        'another server, without a user',
        'metric',
        (id, channel) => channel.publish('sluice.metric', `${me}.cpu`, body(wire('metric', id, other)), { CC: [`${other}.cpu`] }),
        /no user that the broker vouches for/,
      ],
      [
        'an alert without a user',
        'alert',
        (id, channel) => channel.publish('sluice.alert', `${me}.cpu`, body(wire('alert', id)), {}),
        /no user that the broker vouches for/,
      ],
      [
        'an alert about another',
        'alert',
        (id, channel) => channel.publish('sluice.alert', `${me}.cpu`, body(wire('alert', id, me, other)), asMe),
        /wrote about/,
      ],
      [
        'who did what elsewhere',
        'audit',
        (id, channel) => channel.publish('sluice.audit', `${me}.cpu`, body(wire('audit', id, hub)), asMe),
        /wrote as/,
      ],
      [
        "another server's goodbye",
        'heartbeat',
        (id, channel) =>
          channel.publish('sluice.heartbeat', me, body({ ...wire('heartbeat', id, other), subject: other }), { ...asMe, CC: [other] }),
        /wrote as/,
      ],
      [
        "another server's state, by the stream's own header",
        'state',
        (id, channel) =>
          channel.publish('sluice.state', `${me}.cpu`, body(wire('state', id, other)), {
            ...asMe,
            headers: { 'sluice-keys': JSON.stringify([`${other}.cpu`]) },
          }),
        /wrote as/,
      ],
      [
        'an upstream that never was',
        'metric',
        (id, channel) =>
          channel.publish('sluice.metric', `${me}.cpu`, body(wire('metric', id, other)), {
            ...asMe,
            headers: { 'x-received-from': [{ uri: 'amqps://mq.site-b' }] },
          }),
        /over the upstream amqps/,
      ],
      [
        'an upstream that never was, without a user',
        'metric',
        (id, channel) =>
          channel.publish('sluice.metric', `${me}.cpu`, body(wire('metric', id, other)), {
            headers: { 'x-received-from': [{ uri: 'amqps://mq.site-b' }] },
          }),
        /without its user/,
      ],
      [
        'one of a batch, whose others pass',
        'metric',
        (id, channel) =>
          channel.publish(
            'sluice.metric',
            `${me}.cpu`,
            body([wire('metric', `${id}-first`), wire('metric', id, other), wire('metric', `${id}-last`)]),
            { ...asMe, contentType: 'application/cloudevents-batch+json', CC: [`${other}.cpu`] },
          ),
        /wrote as/,
      ],
      [
        'another server, by way of a queue that dead-letters',
        'metric',
        async (id, channel) => {
          const queue = `${own}dead`;
          await channel.assertQueue(queue, {
            deadLetterExchange: 'sluice.metric',
            deadLetterRoutingKey: `${other}.cpu`,
            messageTtl: 0,
            expires: 5000,
          });
          await channel.assertExchange(`${own}to`, 'fanout', { autoDelete: true });
          await channel.bindQueue(queue, `${own}to`, '');
          channel.publish(`${own}to`, '', body(wire('metric', id, other)), asMe);
        },
        /wrote as/,
      ],
    ];
    it.each(cases)('%s', async (what, kind, send, reason) => {
      const id = fresh();
      expect(await attempt((channel) => send(id, channel))).toBe('done');
      const found = await until('its dead letter', () => letter(id));
      expect(found.reason).toMatch(reason);
      expect(found.reason).toMatch(/^sluice: trust: /);
      if (what.includes('batch')) for (const part of ['first', 'last']) await until(`the ${part}`, () => got(`${id}-${part}`));
      await pastAll(kind);
      expect(got(id)).toBe(false);
    });

    it.each<[what: string, between: (channel: ConfirmChannel) => unknown]>([
      [
        'an exchange of its own whose unroutable messages become metrics',
        (channel) => channel.assertExchange(`${own}alternate`, 'direct', { alternateExchange: 'sluice.metric' }),
      ],
      [
        'an exchange of its own that feeds the metrics',
        async (channel) => {
          await channel.assertExchange(`${own}alternate`, 'fanout');
          await channel.bindExchange('sluice.metric', `${own}alternate`, '');
        },
      ],
    ])('%s: it came through no exchange of sluice', async (_, between) => {
      const id = fresh();
      const sent = attempt(async (channel) => {
        await between(channel);
        channel.publish(`${own}alternate`, `${other}.cpu`, body(wire('metric', id, other)), { ...asMe, mandatory: true });
        channel.publish(`${own}alternate`, `${me}.cpu`, body(wire('metric', id)), asMe);
        await channel.waitForConfirms();
        await channel.deleteExchange(`${own}alternate`);
      });
      expect(await sent).toBe('done');
      await pastAll('metric');
      expect(got(id)).toBe(false);
    });

    it('the stream of states for itself alone: others read on', async () => {
      const connection = await login(me);
      const channel = await connection.createChannel();
      await channel.prefetch(10);
      await channel.consume('sluice.state', () => {}, { exclusive: true, arguments: { 'x-stream-offset': 'first' } });
      const servers = await sluice(['servers', '--json', '--config', join(folder, 'hub.yaml'), '--bus', broker.url]);
      await connection.close();
      expect(servers.code).toBe(0);
      expect((JSON.parse(servers.out) as ServerState[]).map(({ host }) => host)).toContain('hub-1');
    });

    it('and an incident tells who tried, once a minute', () => {
      const forged = caught.flatMap(({ data: said, source }) =>
        'what' in said && said.what === 'forged event' ? [{ ...said, source }] : [],
      );
      // Once at first, and once more where a minute ends in the middle of this.
      expect([...new Set(forged.map(({ who }) => who))].sort()).toEqual([me, 'unknown']);
      expect(forged.length).toBeLessThan(6);
      expect(forged[0]).toMatchObject({ severity: 'warning', source: `/${hub.replaceAll('.', '/')}/hub-1/sluice` });
    });
  });

  it('an agent that behaves works in full: metrics, logs, states and heartbeats arrive', async () => {
    const log = join(folder, 'app.log');
    writeFileSync(log, '');
    const refusedBefore = caught.filter(({ data: said }) => 'reason' in said).length;
    const config = { place, host: 'web-1', bus: broker.url, identity: identity(me), run: ['agent'], heartbeat: '1s', logs: [log] };
    const agent = await site({ config });
    const get = async <T>(path: string) => (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;
    await until('its heartbeat', async () =>
      (await get<ServerState[]>('/api/servers')).find(({ host, status }) => host === 'web-1' && status === 'alive'),
    );
    await until('its nodes', async () =>
      (await get<NodeState[]>('/api/nodes')).find(({ name, host }) => name === 'cpu' && host === 'web-1'),
    );
    const follow = (kind: string, words: string) =>
      start(['tap', kind, '--json', '--count', '1', '--since', '1m', '--host', 'web-1', '--resource', words, '--port', String(port)]);
    const [metric, line] = [follow('metric', 'memory'), follow('log', 'log')];
    await until('its metrics', () => {
      if (metric.out().includes('system.')) return true;
      throw new Error(metric.said());
    });
    await until('its log', () => {
      if (line.out() === '') appendFileSync(log, 'hello from web-1\n');
      return line.out().includes('hello from web-1');
    });
    // The words of the command line work with its credential as far as it may read.
    const servers = await sluice(['servers', '--json', '--config', agent.config, '--bus', broker.url]);
    const agents = (JSON.parse(servers.out) as ServerState[]).filter((state) => state.process === undefined);
    expect(agents).toEqual([expect.objectContaining({ host: 'web-1', status: 'alive' })]);
    expect(agent.err()).toBe(`sluice: web-1 runs ${agent.err().match(/\d+/g)?.[1]} nodes on ${broker.url}\n`);
    await agent.stop();
    await until('its goodbye', async () =>
      (await get<ServerState[]>('/api/servers')).find(({ host, status }) => host === 'web-1' && status === 'retired'),
    );
    expect(caught.filter(({ data: said }) => 'reason' in said)).toHaveLength(refusedBefore);
  });
});
