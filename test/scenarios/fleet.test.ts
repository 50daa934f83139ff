/** Servers that nobody listed: they appear by beating, fall silent when they are killed, and retire when they say so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../core/event.ts';
import type { NodeState, ServerState } from '../../core/states.ts';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { type Running, type Site, site, sluice, start, throughout, until } from './run.ts';

const broker = await findBroker();
const title = broker ? 'a fleet on rabbitmq' : 'a fleet: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';

/** Milliseconds: three beats of a second each, which is also the least silence that counts. */
const beat = 1000;
const limit = 3000;

describe.skipIf(!broker)(title, { timeout: 60_000 }, () => {
  const url = broker?.url ?? '';
  // A place of its own, so that what others do on a shared broker is not looked at.
  const environment = `fleet${process.pid}`;
  const place = `acme.shop.${environment}`;
  const base = { place, bus: url };
  const agent = (host: string) =>
    site({ config: { ...base, heartbeat: '1s', logs: ['journal'] }, words: ['--only', 'agent', '--host', host] });
  const remote = ['--bus', url];

  beforeAll(() => {
    expect(limit).toBe(3 * beat);
  });
  afterAll(() => broker?.release(), 30_000);

  it('discovers servers, tells a death from a goodbye, and remembers both', async () => {
    const hub = await site({
      config: { ...base, host: 'hub-1', run: ['hub'], nodes: [{ use: 'roster', atLeast: `${limit}ms`, read: { environment } }] },
    });
    await until('the hub', () => hub.out().includes('http://'), 20_000);
    const alerts = start(['tap', 'alert', '--json', '--environment', environment, ...remote]);
    const heard = () =>
      alerts
        .out()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { subject: string; time: string; data: Event<'alert'>['data'] });
    const said = (host: string) => heard().filter(({ subject }) => subject === `${place}.${host}.server`);

    const [web, db] = await Promise.all([agent('web-1'), agent('db-1')]);
    await status(hub, { 'web-1': 'alive', 'db-1': 'alive' });

    // A third, about which nothing is configured anywhere.
    const began = performance.now();
    const cache = await agent('cache-1');
    await status(hub, { 'web-1': 'alive', 'db-1': 'alive', 'cache-1': 'alive' });
    const appeared = performance.now() - began;
    console.log(`a third server appeared ${Math.round(appeared)} ms after its start`);
    expect(appeared).toBeLessThan(10 * beat);

    // The words of the command line work against the pipes themselves.
    const servers = await sluice(['servers', '--json', ...remote]);
    expect(servers.code).toBe(0);
    expect((JSON.parse(servers.out) as ServerState[]).filter((one) => one.environment === environment).map(({ host }) => host)).toEqual(
      expect.arrayContaining(['cache-1', 'db-1', 'web-1']),
    );
    await checkCommands();

    // A kill, as the out-of-memory killer does it.
    const killed = performance.now();
    await web.stop('SIGKILL');
    const [silent] = await until('an alert', () => said('web-1').length > 0 && said('web-1'), limit + 5000);
    const noticed = performance.now() - killed;
    console.log(`a kill was told after ${Math.round(noticed)} ms, the limit is ${limit} ms`);
    expect(silent?.data).toMatchObject({ rule: 'silent', status: 'firing', action: expect.any(String), value: expect.any(Number) });
    // By the roster's own clock: how long the alert then takes to this test is the machine's affair.
    expect(silent?.data.value).toBeLessThanOrEqual(limit / 1000 + 1);
    await status(hub, { 'web-1': 'silent', 'db-1': 'alive', 'cache-1': 'alive' });

    // A clean stop is none.
    expect(await db.stop('SIGTERM')).toMatchObject({ code: 0 });
    await status(hub, { 'web-1': 'silent', 'db-1': 'retired', 'cache-1': 'alive' });

    // The watcher dies for longer than the limit; while it is gone, nobody beats to it and one more server dies.
    const doomed = await agent('doomed-1');
    await status(hub, { 'web-1': 'silent', 'db-1': 'retired', 'cache-1': 'alive', 'doomed-1': 'alive' });
    await hub.stop('SIGKILL');
    await doomed.stop('SIGKILL');
    await throughout(limit + 1000, () => {});
    const again = await hub.again();
    // States come one after the other: until it shows all that it knew, it shows some.
    const first = await until(
      'all servers that it knew',
      async () => {
        const all = await again.get<ServerState[]>('/api/servers');
        return ['web-1', 'db-1', 'cache-1', 'doomed-1'].every((known) => all.some(({ host }) => host === known)) && all;
      },
      20_000,
    );
    expect(Object.fromEntries(first.map(({ host, status }) => [host, status]))).toMatchObject({
      'web-1': 'silent',
      'db-1': 'retired',
      'cache-1': expect.stringMatching(/alive|blind/),
      'doomed-1': expect.stringMatching(/alive|blind/),
    });
    await until('the death that it did not see', () => said('doomed-1').length > 0, limit + 15_000);
    await throughout(limit, () => expect(said('cache-1')).toEqual([]));

    // One word for each death, and none for anyone else. Of anything but servers the machine may have its own to say.
    const deaths = heard().filter(({ subject }) => subject.endsWith('.server'));
    expect(deaths.map(({ subject, data }) => `${subject} ${data.rule} ${data.status}`)).toEqual([
      `${place}.web-1.server silent firing`,
      `${place}.doomed-1.server silent firing`,
    ]);
    await status(again, { 'web-1': 'silent', 'db-1': 'retired', 'cache-1': 'alive', 'doomed-1': 'silent' });
    await Promise.all([cache.stop(), again.stop(), alerts.stop()]);
  });

  /** `nodes`, `graph`, `tap` and `emit` with `--bus`. */
  async function checkCommands(): Promise<void> {
    const [nodes, graph] = await Promise.all([sluice(['nodes', '--json', ...remote]), sluice(['graph', '--json', ...remote])]);
    const cpus = (JSON.parse(nodes.out) as NodeState[]).filter(({ name }) => name === 'cpu').map(({ host }) => host);
    expect(cpus).toEqual(expect.arrayContaining(['web-1', 'db-1', 'cache-1']));
    const metric = (JSON.parse(graph.out) as { kind: string; from: string[]; to: string[] }[]).find(({ kind }) => kind === 'metric');
    expect(metric?.from).toContain('cpu');
    expect(metric?.to).toContain('threshold');

    const tap: Running = start(['tap', 'metric', '--count', '1', '--host', 'batch-7', '--resource', 'queue', ...remote]);
    // A tap sees what comes once it listens, and it says nothing before: so it is told until it has heard.
    const told = until('the tap to hear', async () => {
      await sluice([
        'emit',
        'metric',
        '--host',
        'batch-7',
        '--resource',
        'queue.orders',
        '--name',
        'queue.length',
        '--value',
        '12',
        ...remote,
      ]);
      return tap.out().includes('queue.length');
    });
    expect(await tap.ended).toMatchObject({ code: 0, out: expect.stringMatching(/batch-7 queue orders {2}queue\.length 12/) });
    await told;
  }
});

/** Waits until the hub shows these servers, and no others, as these. */
function status(hub: Site, wanted: Record<string, ServerState['status']>): Promise<unknown> {
  const names = Object.keys(wanted).sort();
  return until(`servers ${JSON.stringify(wanted)}`, async () => {
    const all = await hub.get<ServerState[]>('/api/servers');
    // The hub itself beats too, without an agent beside it.
    const shown = Object.fromEntries(all.filter(({ process }) => process === undefined).map(({ host, status: is }) => [host, is]));
    if (JSON.stringify(shown, Object.keys(shown).sort()) === JSON.stringify(wanted, names)) return true;
    throw new Error(JSON.stringify(shown));
  });
}
