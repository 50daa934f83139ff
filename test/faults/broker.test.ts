/**
 * A broker as a file says it, on real brokers: `sluice broker apply` and `check`, hosts that are known by their certificates, and
 * a second site whose events come over a federation and are believed as far as that site is trusted.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../../core/bus/bus.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { Reject } from '../../core/errors.ts';
import type { Event } from '../../core/event.ts';
import { readIdentity } from '../../core/identity.ts';
import { judgeOf } from '../../core/runtime/trust.ts';
import { applyWanted } from '../../deploy/rabbitmq/apply.ts';
import { compare } from '../../deploy/rabbitmq/compare.ts';
import { lookAt } from '../../deploy/rabbitmq/found.ts';
import { definitionsOf } from '../../deploy/rabbitmq/rights.ts';
import { clusterSettings } from '../../deploy/rabbitmq/settings.ts';
import { readWanted } from '../../deploy/rabbitmq/wanted.ts';
import { until } from '../contract/collect.ts';
import { type Broker, findProgram, freePort, startBroker } from '../fixtures/rabbitmq.ts';

const installed = findProgram('rabbitmq-server') !== undefined;
if (!installed && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = installed ? 'a broker' : 'a broker: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';

const [here, there] = ['acme.shop.prod', 'acme.depot.prod'];
const agent = `${here}.web-1`;

describe.skipIf(!installed)(title, { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-broker-test-'));
  const at = (name: string) => join(folder, name);
  const brokers: Broker[] = [];
  const buses: { close(ms: number): Promise<void> }[] = [];
  let [home, away]: [Broker, Broker] = [] as never;
  let tlsPort: number;

  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  /** A certificate of the authority, and its key: `<name>.pem` and `<name>.key`. */
  const certify = (name: string, user: string, more: string[] = [], authority = 'ca') =>
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${user}`],
      ...more,
      ...(name === authority ? [] : ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`]),
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`],
    );
  const identity = (name: string, said: object) => {
    writeFileSync(at(name), JSON.stringify(said), { mode: 0o600 });
    return at(name);
  };
  const write = (more: object = {}) => {
    writeFileSync(at('broker.yaml'), JSON.stringify({ users: [here, agent], ...more }));
    return readWanted(at('broker.yaml'));
  };
  const withUpstream = () => write({ upstreams: { depot: { address: away.url, identity: 'depot' } }, federate: ['metric', 'alert'] });
  const ask = (...words: string[]) => home.control(...words);
  const differences = async (wanted = withUpstream()) => compare(wanted, await lookAt(ask, wanted.vhost)).map(({ text }) => text);
  const busOf = (url: string, file?: string) => {
    const said: string[] = [];
    const bus = rabbitBus({
      urls: [url],
      clock: systemClock,
      report: (_, text) => said.push(text),
      ...(file !== undefined && { credentials: readIdentity(file) }),
    });
    buses.push(bus);
    return { bus, said };
  };

  beforeAll(async () => {
    certify('ca', 'an authority', ['-addext', 'basicConstraints=critical,CA:TRUE']);
    certify('server', 'broker', ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE']);
    tlsPort = await freePort();
    const files = { authority: at('ca.pem'), certificate: at('server.pem'), key: at('server.key') };
    // The file as it is written for people, with a port that is free here.
    const conf = clusterSettings({ nodes: [], listen: files })
      .replace('listeners.ssl.default = 5671', `listeners.ssl.default = ${tlsPort}`)
      .replace('listeners.tcp.local = 127.0.0.1:5672\n', '')
      .replace('disk_free_limit.absolute = 2GB\n', '');
    const started = await Promise.all([
      startBroker({ plugins: ['rabbitmq_auth_mechanism_ssl', 'rabbitmq_federation'], conf }),
      startBroker({ plugins: ['rabbitmq_federation'] }),
    ]);
    [home, away] = started as [Broker, Broker];
    brokers.push(home, away);
    writeFileSync(
      at('away.json'),
      JSON.stringify(
        definitionsOf(
          '/',
          [`${there}.db-1`, agent, there].map((name) => ({ name, secret: { password: 'p' } })),
        ),
      ),
    );
    await away.control('import_definitions', at('away.json'));
    // With what it needs there, as an administrator would make it.
    await away.control('add_user', 'link', 'p: /@');
    await away.control('set_permissions', 'link', '^federation: .*', '^federation: .*', '.*');
    identity('depot', { username: 'link', password: 'p: /@' });
    for (const broker of brokers) {
      const connection = await connect(broker.url);
      const channel = await connection.createChannel();
      for (const kind of ['metric', 'alert']) await channel.assertExchange(`sluice.${kind}`, 'topic', { durable: true });
      await connection.close();
    }
  }, 120_000);
  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.close(0)));
    await Promise.all(brokers.map((broker) => broker.remove()));
    rmSync(folder, { recursive: true });
  }, 60_000);

  // Each look starts rabbitmqctl four times, each of which starts an Erlang machine.
  it('becomes what the file says; again changes nothing; each thing that strays is named, and mended', { timeout: 400_000 }, async () => {
    const wanted = withUpstream();
    const first = await applyWanted(wanted, ask);
    expect(first.left).toEqual([]);
    expect(first.changed).toEqual([
      `${here} is missing`,
      `${agent} is missing`,
      ...['durable', 'telemetry', 'heartbeat', 'agent', 'federation'].map((name) => `sluice-${name} is missing`),
      'depot is missing',
    ]);
    expect(await applyWanted(wanted, ask)).toEqual({ changed: [], left: [] });

    // A server that joined is in no file, and has a password; its rights stray like any other's.
    await ask('add_user', `${here}.db-1`, 'kept');
    await ask('set_permissions', `${here}.db-1`, '.*', '.*', '.*');
    await ask('set_topic_permissions', agent, 'sluice.metric', '.*', '.*');
    await ask('clear_policy', 'sluice-agent');
    await ask('set_policy', '--priority', '50', '--apply-to', 'queues', 'mine', '^sluice\\.', '{"max-length":10}');
    await ask('set_parameter', 'federation-upstream', 'depot', JSON.stringify({ uri: away.url, 'trust-user-id': false }));
    const connection = await connect(home.url);
    await (await connection.createChannel()).assertQueue('sluice.threshold.telemetry', { durable: true });
    await connection.close();
    const strayed = [
      `${agent} has other rights than its name gives it (keys of sluice.metric)`,
      expect.stringMatching(
        `^${here}.db-1 has other rights than its name gives it \\(configure, write, read, keys of sluice.heartbeat, .*limits\\)`,
      ),
      'sluice-agent is missing',
      'mine stands before those of sluice',
      'depot is another',
    ];
    expect(await differences()).toEqual(strayed);
    const mended = await applyWanted(wanted, ask);
    expect(mended.left.map(({ text }) => text)).toEqual(['mine stands before those of sluice']);
    expect(mended.changed).toHaveLength(4);
    expect(await ask('authenticate_user', `${here}.db-1`, 'kept')).toMatch(/Success|^$/);
    await ask('clear_policy', 'mine');
    expect(await differences()).toEqual([]);
  });

  it('knows a host by its certificate, whose name is its user', async () => {
    certify('web-1', agent);
    certify('stranger', `${here}.stranger`);
    certify('forged-ca', 'another authority', ['-addext', 'basicConstraints=critical,CA:TRUE'], 'forged-ca');
    certify('forged', agent, [], 'forged-ca');
    const url = `amqps://127.0.0.1:${tlsPort}/`;
    const named = (name: string, username: string) =>
      identity(`identity-${name}`, { username, certificate: `${name}.pem`, key: `${name}.key`, ca: 'ca.pem' });

    const reader = await collectMetrics(busOf(home.url).bus, 'certified');
    const { bus } = busOf(url, named('web-1', agent));
    await bus.publish({ kind: 'metric', keys: [`${agent}.cpu`], body: Buffer.from('"hello"'), batch: false });
    await until('the event', () => reader.length > 0, 20_000);
    expect(reader[0]?.user).toBe(agent);

    for (const [name, username] of [
      ['stranger', `${here}.stranger`],
      ['forged', agent],
    ] as const) {
      const refused = busOf(url, named(name, username));
      await until(`${name} is refused`, () => refused.said.length > 0, 20_000);
      expect(refused.said[0]).toMatch(name === 'forged' ? /does not answer|refuses/ : /refuses us/);
      expect(refused.bus.connected).toBe(false);
    }
    // What could never work is said at once.
    expect(() => busOf(home.url, named('web-1', agent))).toThrow(/shown over TLS alone; write amqps:/);
    expect(() => readIdentity(named('web-1', `${here}.db-1`))).toThrow(/is of acme.shop.prod.web-1 and not of acme.shop.prod.db-1/);
    expect(() => readIdentity(identity('mixed', { username: agent, certificate: 'web-1.pem', key: 'stranger.key' }))).toThrow(
      /is not the key of/,
    );
  });

  it('takes a federated event as far as its upstream is trusted, and none whose user was cleared', async () => {
    const deliveries = await collectMetrics(busOf(home.url).bus, 'federated');
    await applyWanted(withUpstream(), ask);
    const send = async (user: string, source: string) => {
      const connection = await connect({ hostname: '127.0.0.1', port: away.port, username: user, password: 'p' });
      const channel = await connection.createConfirmChannel();
      channel.publish('sluice.metric', `${source}.cpu`, Buffer.from(source), { userId: user });
      await channel.waitForConfirms();
      await connection.close();
    };
    // The link binds a moment after it was made: what is said before that stays over there.
    for (let tries = 0; tries < 60 && deliveries.length === 0; tries++) {
      await send(`${there}.db-1`, `${there}.db-1`);
      await systemClock.sleep(500);
    }
    await send(agent, agent);
    await until('both', () => deliveries.some(({ message }) => message.body.toString() === agent), 20_000);

    const upstream = new URL(away.url);
    const config = (trust: object) => ({ bus: [home.url], identity: 'i', trust });
    const verdict = (trust: object, about: string) => {
      const delivery = deliveries.find(({ message }) => message.body.toString() === about);
      if (!delivery) throw new Error(`nothing came of ${about}`);
      expect(delivery).toMatchObject({ user: about, upstream: expect.stringContaining(upstream.host) });
      const event = { kind: 'metric', source: `/${about.replaceAll('.', '/')}/cpu`, key: `${about}.cpu` } as Event;
      const found = judgeOf(config(trust))?.(event, delivery);
      return found instanceof Reject ? found.message : found;
    };
    const trusted = { upstreams: { [away.url]: 'acme.depot' } };
    expect(verdict(trusted, `${there}.db-1`)).toBe('believed');
    // A user of ours, as the other broker calls it: its word ends at the part that it was given.
    expect(verdict(trusted, agent)).toMatch(/wrote as .*shop.*; it may speak for acme.depot alone/);
    expect(verdict({}, `${there}.db-1`)).toMatch(/name what it may speak for in trust: upstreams:/);

    // Without trust-user-id the broker clears the user, and nobody vouches for it any more.
    await ask(
      'set_parameter',
      'federation-upstream',
      'depot',
      JSON.stringify({ uri: `amqp://link:${encodeURIComponent('p: /@')}@127.0.0.1:${away.port}`, 'trust-user-id': false }),
    );
    const cleared = () => deliveries.find(({ user, upstream: over }) => user === undefined && over !== undefined);
    for (let tries = 0; tries < 60 && !cleared(); tries++) {
      await send(`${there}.db-1`, `${there}.db-1`);
      await systemClock.sleep(500);
    }
    const event = { kind: 'metric', source: `/${there.replaceAll('.', '/')}/db-1/cpu`, key: `${there}.db-1.cpu` } as Event;
    const found = judgeOf(config(trusted))?.(event, cleared() ?? {});
    expect(found).toMatchObject({ message: expect.stringMatching(/without its user; set trust-user-id/) });
  });

  async function collectMetrics(bus: ReturnType<typeof rabbitBus>, name: string): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    await bus.subscribe(
      { topics: [{ kind: 'metric', pattern: '#' }], queue: { name: `sluice.${name}.telemetry` }, prefetch: 100 },
      {
        deliver(delivery) {
          deliveries.push(delivery);
          delivery.ack();
        },
        pipe() {},
      },
    );
    return deliveries;
  }
});
