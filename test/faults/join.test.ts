/** A fleet made from nothing, as its users make it: a broker, `hub init`, and servers that join in one line, or may not. */
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../core/bus/rabbitmq.ts';
import { readIdentity } from '../../core/identity.ts';
import type { ServerState } from '../../core/states.ts';
import { readEnrolConfig } from '../../deploy/join/hub.ts';
import { parseToken, userOfToken } from '../../deploy/join/token.ts';
import { type Broker, freePort, startBroker } from '../fixtures/rabbitmq.ts';
import { type Ended, folder, sluice, start, until } from '../scenarios/run.ts';

let broker: Broker | undefined;
let api = 0;
beforeAll(async () => {
  api = await freePort();
  broker = await startBroker({ conf: `management.tcp.port = ${api}\nmanagement.tcp.ip = 127.0.0.1\n` });
  if (!broker && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
}, 120_000);
afterAll(() => broker?.remove(), 30_000);

describe('joining a fleet', { timeout: 240_000 }, () => {
  it('prepares a broker, lets servers in and keeps out who may not', async (context) => {
    if (!broker) return context.skip('skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server');
    const hub = folder();
    const env = broker.environment;
    const tls = await freePort();
    const made = await sluice(
      [
        'hub',
        'init',
        '--place',
        'acme.shop.prod',
        '--name',
        '127.0.0.1',
        '--api',
        `http://127.0.0.1:${api}`,
        '--port',
        String(tls),
        '--root',
        hub,
      ],
      { env },
    );
    expect(made, made.err).toMatchObject({ code: 0 });
    expect(made.out).toContain('any number of servers of acme.shop.prod');
    const [, url = '', token = ''] = /sluice join (amqps:\S+) (sluice1\S+)/.exec(made.out) ?? [];
    expect(url).toBe(`amqps://127.0.0.1:${tls}/sluice`);
    for (const secret of ['etc/sluice/enrol/config.yaml', 'etc/sluice/hub/identity', 'etc/sluice/ca/ca.key'])
      expect(statSync(join(hub, secret)).mode & 0o077).toBe(0);
    expect(readFileSync(join(hub, `var/lib/sluice-enrol/enrolment/tokens/${parseToken(token).id}.json`), 'utf8')).not.toContain(
      parseToken(token).secret,
    );

    const port = await freePort();
    const running = start(['run', join(hub, 'etc/sluice/hub/config.yaml'), '--port', String(port)]);
    const enrolling = start(['hub', 'enrol', join(hub, 'etc/sluice/enrol/config.yaml')]);
    await until('the way in', () => enrolling.said().includes('can join at'), 60_000);
    await until('the hub', () => running.out().includes('http://'), 60_000);

    // A second server: joined, started, on the roster.
    const web = folder();
    const file = join(web, 'token');
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    const joining = start(['join', url, '--token-file', file, '--host', 'web-2', '--root', web, '--wait', '60s']);
    const config = join(web, 'etc/sluice/config.yaml');
    await until(
      'its identity',
      () => existsSync(join(web, 'etc/sluice/identity')) || (joining.err() !== '' && Promise.reject(new Error(joining.said()))),
      30_000,
    );
    const agent = start(['run', config]);
    const joined = await joining.ended;
    expect(joined, `${joined.err}${agent.said()}${running.said()}`).toMatchObject({
      code: 0,
      out: expect.stringContaining('web-2 is on the roster of acme.shop.prod'),
    });
    const listed = await until('the roster', async () => {
      const { out } = await sluice(['servers', '--json', '--port', String(port)]);
      return (JSON.parse(out) as ServerState[]).find(({ host }) => host === 'web-2');
    });
    expect(listed).toMatchObject({ status: 'alive', environment: 'prod' });
    expect(readIdentity(join(web, 'etc/sluice/identity'))).toMatchObject({
      username: 'acme.shop.prod.web-2',
      ca: expect.stringContaining('CERTIFICATE'),
    });

    const server = (name: string, root: string, line: string, more: string[] = []): Promise<Ended> =>
      sluice(['join', url, line, '--host', name, '--root', root, ...more]);
    const newToken = async (...words: string[]): Promise<string> => {
      const { out, err } = await sluice(['token', 'new', '--root', hub, '--json', ...words]);
      return (JSON.parse(out || JSON.stringify({ token: err })) as { token: string }).token;
    };
    const once = await newToken('--uses', '1', '--for', '1h');
    const [again, reused, twin, ended, other, first] = await Promise.all([
      server('web-2', web, token),
      server('db-1', folder(), token),
      server('web-2', folder(), token),
      newToken('--for', '1ms').then((line) => server('late-1', folder(), line)),
      newToken('--scope', 'acme.shop.test').then((line) => server('lost-1', folder(), line, ['--place', 'acme.shop.prod'])),
      server('one-1', folder(), once),
    ]);
    expect(again).toMatchObject({
      code: 0,
      out: expect.stringContaining('this server is acme.shop.prod.web-2 already; nothing was changed'),
    });
    expect(reused, reused.err).toMatchObject({ code: 0 });
    expect(twin).toMatchObject({ code: 1, err: expect.stringContaining('another server is acme.shop.prod.web-2 already') });
    expect(ended).toMatchObject({ code: 1, err: expect.stringMatching(/the token ended at/) });
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('good for acme.shop.test, and not for acme.shop.prod.lost-1') });
    expect(first, first.err).toMatchObject({ code: 0 });
    expect(await server('two-1', folder(), once)).toMatchObject({
      code: 1,
      err: expect.stringContaining('good for one server, and is used up'),
    });

    const { id } = parseToken(once);
    expect(await sluice(['token', 'revoke', id, '--root', hub])).toMatchObject({ code: 0 });
    expect(await server('three-1', folder(), once)).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not know this token: it was revoked'),
    });
    const list = await sluice(['token', 'list', '--root', hub]);
    expect(list.out).toMatch(new RegExp(`${id}\\s+join\\s+acme\\.shop\\.prod\\s+revoked`));
    expect(list.out).not.toContain(parseToken(once).secret);

    // A golden image: two servers made of it, each with an identity of its own.
    const image = folder();
    expect(await sluice(['join', url, token, '--later', '--root', image])).toMatchObject({ code: 0 });
    const clones = await Promise.all(
      ['gold-1', 'gold-2'].map(async (name) => {
        const clone = folder();
        cpSync(image, clone, { recursive: true });
        const came = await sluice(['join', '--from', join(clone, 'etc/sluice/join'), '--host', name, '--root', clone, '--no-start']);
        // What lets servers in does not stay behind.
        expect(existsSync(join(clone, 'etc/sluice/join'))).toBe(false);
        return `${came.code} ${readIdentity(join(clone, 'etc/sluice/identity')).username}`;
      }),
    );
    expect(clones).toEqual(['0 acme.shop.prod.gold-1', '0 acme.shop.prod.gold-2']);

    // A user that somebody made by hand is nobody's to take.
    await broker.control('add_user', 'acme.shop.prod.hand-1', 'secret');
    expect(await server('hand-1', folder(), token)).toMatchObject({
      code: 1,
      err: expect.stringContaining('has a user acme.shop.prod.hand-1 already'),
    });
    await broker.control('authenticate_user', 'acme.shop.prod.hand-1', 'secret');

    // Forgotten: its name is free, and its way in gone.
    expect(await sluice(['hub', 'forget', 'acme.shop.prod.db-1', '--root', hub])).toMatchObject({ code: 0 });
    expect(await server('db-1', folder(), token)).toMatchObject({ code: 0 });

    const tap = start(['tap', 'audit', '--json', '--since', '1h', '--port', String(port)]);
    const audits = await until('what was recorded: 4 tokens, 6 servers, 5 refusals, and what was taken back', () => {
      const all = tap.out().split('\n').slice(0, -1);
      if (all.length < 17) throw new Error(`${all.length} records`);
      return all.map((line) => JSON.parse(line) as { data: { did: string; to: string } });
    });
    const did = (what: string) => audits.filter(({ data }) => data.did === what).map(({ data }) => data.to);
    expect(did('made a token')).toHaveLength(4);
    // Who asks again, since an answer was late, is refused again.
    expect(did('refused').length).toBeGreaterThanOrEqual(5);
    expect(did('enrolled').sort()).toEqual(['db-1', 'db-1', 'gold-1', 'gold-2', 'one-1', 'web-2'].map((host) => `acme.shop.prod.${host}`));
    expect(did('refused')).toEqual(
      expect.arrayContaining(['acme.shop.prod.web-2', 'acme.shop.prod.lost-1', 'late-1', 'acme.shop.prod.two-1']),
    );
    expect(did('revoked a token')).toHaveLength(1);
    expect(did('forgot a server')).toEqual(['acme.shop.prod.db-1']);
  });

  it('lets a token ask, and do nothing else', async (context) => {
    if (!broker) return context.skip('skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server');
    const hub = folder();
    // As for a broker on another machine: through its API alone, with an administrator's name and password.
    const admin = join(hub, 'admin');
    writeFileSync(admin, 'username: guest\npassword: guest\n', { mode: 0o600 });
    const words = ['--vhost', 'bare', '--no-tls', '--port', String(broker.port), '--api', `http://127.0.0.1:${api}`, '--admin', admin];
    const made = await sluice(['hub', 'init', '--place', 'acme.shop.prod', '--name', '127.0.0.1', ...words, '--root', hub]);
    const [, text = ''] = /(sluice1\S+)/.exec(made.out) ?? [];
    expect(made, made.err).toMatchObject({ code: 0 });
    const { id, secret } = parseToken(text);
    const username = userOfToken(id);
    const model = await connect({ hostname: '127.0.0.1', port: broker.port, username, password: secret, vhost: 'bare' });
    model.on('error', () => {});
    const tries: [what: string, (channel: Awaited<ReturnType<typeof model.createConfirmChannel>>) => Promise<unknown>][] = [
      ['writes an event', async (channel) => channel.publish('sluice.heartbeat', 'acme.shop.prod.web-1', Buffer.from('{}'))],
      ['writes to a queue', async (channel) => channel.sendToQueue('sluice.enrol', Buffer.from('{}'))],
      ['reads what others ask', (channel) => channel.consume('sluice.enrol', () => {})],
      ['reads states', (channel) => channel.get('sluice.state')],
      ['makes a queue', (channel) => channel.assertQueue('sluice.mine')],
      ['makes a nameless queue', (channel) => channel.assertQueue('')],
      ['makes an exchange', (channel) => channel.assertExchange('sluice.mine', 'topic')],
      ['empties a queue', (channel) => channel.purgeQueue('sluice.enrol')],
      [
        'says that it is another',
        async (channel) => channel.publish('sluice.enrol', 'sluice.enrol', Buffer.from('{}'), { userId: 'guest' }),
      ],
    ];
    const allowed: string[] = [];
    for (const [what, work] of tries) {
      const channel = await model.createConfirmChannel();
      const refused = new Promise<boolean>((resolve) => channel.once('error', () => resolve(true)));
      channel.on('error', () => {});
      const done = work(channel)
        .then(() => channel.waitForConfirms())
        .then(
          () => false,
          () => true,
        );
      if (!(await Promise.race([refused, done]))) allowed.push(what);
    }
    await model.close();
    expect(allowed).toEqual([]);
    // And who asks at its queue is the hub alone, which is what the same call shows.
    const { username: name, password } = readEnrolConfig(join(hub, 'etc/sluice/enrol/config.yaml'));
    const own = await connect({ hostname: '127.0.0.1', port: broker.port, username: name, password, vhost: 'bare' });
    const channel = await own.createChannel();
    await channel.consume('sluice.enrol', () => {});
    await own.close();
  });
});
