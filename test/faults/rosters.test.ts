/**
 * Two hubs on one broker: each judges by itself, and whoever reads has one alert. A hub that dies is told by the other; a
 * person retires what is gone; a call goes out for as long as anyone watches.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import type { Event } from '../../core/event.ts';
import type { ServerState } from '../../core/states.ts';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { afterwards, type Site, site, sluice, start, until } from '../scenarios/run.ts';

const broker = await findBroker();
const title = broker
  ? 'two rosters on rabbitmq'
  : 'two rosters: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';

describe.skipIf(!broker)(title, { timeout: 120_000 }, () => {
  const url = broker?.url ?? '';
  const environment = `rosters${process.pid}`;
  const place = `acme.shop.${environment}`;
  const base = { place, bus: url, heartbeat: '1s' };
  afterAll(() => broker?.release(), 30_000);

  it('give one alert, watch each other, and say outside that they watch', async () => {
    let calls = 0;
    const outside = createServer((_, response) => {
      calls++;
      response.end();
    });
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    afterwards(() => {
      outside.closeAllConnections();
      return new Promise((resolve) => outside.close(resolve));
    });
    const address = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/a-secret`;

    const nodes = [
      // A limit that a busy machine keeps; only this test's part of a broker that others may use.
      { use: 'roster', atLeast: '6s', read: { environment } },
      { use: 'ping', url: address, interval: '1s', read: { environment } },
    ];
    const hub = (host: string) => site({ config: { ...base, host, run: ['roster', 'live', 'ping'], nodes } });
    const agent = (host: string) => site({ config: { ...base, host, run: ['uptime'], labels: { rack: 'r1' } } });
    const [one, two] = await Promise.all([hub('hub-1'), hub('hub-2')]);
    const tap = start(['tap', 'alert', '--json', '--environment', environment, '--bus', url]);
    const told = (): string[] =>
      tap
        .out()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { id: string; subject: string; data: Event<'alert'>['data'] })
        .map(({ id, subject, data }) => `${subject.slice(place.length + 1)} ${data.rule} ${data.status} ${id}`);
    /** As a reader has it, who knows a repeat by its id. */
    const unique = (): string[] => [...new Set(told())].map((line) => line.split(' ').slice(0, 3).join(' '));

    const agents = await Promise.all(['web-1', 'web-2', 'web-3', 'web-4', 'db-1'].map(agent));
    const states = (of: Site) => of.get<ServerState[]>('/api/servers');
    const all = ['db-1', 'hub-1', 'hub-1', 'hub-2', 'hub-2', 'web-1', 'web-2', 'web-3', 'web-4'];
    await until(
      'both to know all, and each other',
      async () => {
        const seen = await Promise.all([states(one), states(two)]);
        const names = seen.map((list) =>
          list
            .filter(({ status }) => status === 'alive')
            .map(({ host }) => host)
            .sort(),
        );
        if (names.every((list) => JSON.stringify(list) === JSON.stringify(all))) return true;
        throw new Error(JSON.stringify(names));
      },
      40_000,
    );
    // What sluice knows of itself: the broker that a server is on, and from where.
    expect((await states(one)).find(({ host }) => host === 'web-1')?.labels).toMatchObject({
      rack: 'r1',
      bus: expect.stringMatching(/:\d+$/),
      address: '127.0.0.1',
    });
    await until('a call', () => calls > 0);

    // One of a rack dies alone: one alert, though two saw it.
    const [web1, ...others] = agents;
    await web1?.stop('SIGKILL');
    await until('its silence', () => unique().includes('web-1.server silent firing'), 30_000);

    // A person says that it is gone.
    const retired = await sluice(['servers', 'retire', `${place}.web-1`, '--reason', 'sold', '--bus', url]);
    expect(retired).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^web-1 is retired: retired by .+: sold\n$/) });
    expect(await sluice(['servers', 'retire', `${place}.web-2`, '--bus', url])).toMatchObject({
      code: 1,
      err: expect.stringContaining('web-2 is alive'),
    });
    await until('the end of its alert', () => unique().includes('web-1.server silent resolved'), 10_000);

    // A hub dies: the other tells, once, and the calls go on.
    await one.stop('SIGKILL');
    await until('the death of a hub', () => unique().some((line) => /^hub-1\.server\S* silent firing$/.test(line)), 40_000);
    const before = calls;
    await until('calls from the other', () => calls > before + 1, 20_000);

    expect(unique()).toEqual([
      'web-1.server silent firing',
      'web-1.server silent resolved',
      expect.stringMatching(/^hub-1\.server\S* silent firing$/),
    ]);

    // A clean end is told of nobody; and with the last watcher the calls end.
    expect(await two.stop('SIGTERM')).toMatchObject({ code: 0 });
    const last = calls;
    await Promise.all(others.map((each) => each.stop()));
    expect(calls).toBe(last);
    await tap.stop();
  });
});
