import type { Event, ServerState } from 'sluice';
import { expect, it } from 'vitest';
import { createFleet } from '../fleet/fleet.ts';
import { anyone, type Looker } from '../looker.ts';
import { type FleetFrame, fleetSort } from './fleet.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const place = 'acme.shop.prod';

const state = (key: string, of: string, value: unknown): Event => ({ kind: 'state', key, time: start, data: { of, value } }) as Event;
const server = (host: string, changed: Partial<ServerState> = {}) =>
  state(`${place}.${host}.server${changed.process ? `.${changed.process}` : ''}`, 'server', {
    ...{ company: 'acme', system: 'shop', environment: 'prod', host, status: 'alive', interval: 5, boot: 'b1' },
    ...{ since: '2026-01-01T00:00:00Z', seen: '2026-01-01T00:00:00Z', first: '2026-01-01T00:00:00Z' },
    ...{ labels: { zone: 'a' }, versions: { sluice: '1.0.0' } },
    ...changed,
  });
const beat = (key: string): Event =>
  ({ kind: 'heartbeat', key: `${place}.${key}`, time: start, data: { boot: 'b1', interval: 5, labels: {}, versions: {} } }) as Event;
const cpu = (host: string, busy: number, second: number): Event =>
  ({
    kind: 'metric',
    key: `${place}.${host}.cpu`,
    time: start + second * 1000,
    data: {
      points: [
        { name: 'system.cpu.utilization', value: busy * 0.75, attributes: { 'cpu.mode': 'user' } },
        { name: 'system.cpu.utilization', value: busy * 0.25, attributes: { 'cpu.mode': 'system' } },
        { name: 'system.cpu.utilization', value: 0.1, attributes: { 'cpu.mode': 'iowait' } },
        { name: 'system.cpu.utilization', value: 0.9 - busy, attributes: { 'cpu.mode': 'idle' } },
      ],
    },
  }) as unknown as Event;

function open(looker: Looker = anyone, hosts = 100) {
  const fleet = createFleet({ ticks: 600, hosts });
  const channel = fleetSort(fleet).open({}, looker);
  const read = (body: Buffer | Promise<Buffer>) => JSON.parse(`{${body.toString()}}`) as FleetFrame;
  return {
    fleet,
    channel,
    take(...events: Event[]) {
      for (const event of events) fleet.take(event);
    },
    tick: () => fleet.tick(),
    snapshot: () => read(channel.snapshot() as Buffer),
    next: () => (channel.waiting ? read(channel.next()) : undefined),
    catchUp: (mark: number) => read(channel.catchUp(mark)),
  };
}

it('says what each server is, how busy, and how it fares', () => {
  const { take, tick, snapshot } = open();
  take(server('web-1', { reason: 'heard again', skew: 12 }), cpu('web-1', 0.4, 0), cpu('web-1', 0.5, 1), beat('web-1'));
  take(state(`${place}.web-1.node.cpu`, 'node', { status: 'running' }), state(`${place}.web-1.node.disk`, 'node', { status: 'failing' }));
  take(
    state(`${place}.web-1.alert.full./var`, 'alert', { severity: 'warning' }),
    state(`${place}.web-1.alert.load.load`, 'alert', { severity: 'critical' }),
  );
  tick();
  tick();
  const [row] = snapshot().servers ?? [];
  expect(row).toMatchObject({
    ...{ id: `${place}.web-1`, status: 'alive', reason: 'heard again', skew: 12, since: start, labels: { zone: 'a' } },
    ...{ cpu: 50, ago: 1, alerts: [2, 'critical'], nodes: [1, 2] },
  });
  expect(row?.spark?.slice(-3)).toEqual([null, 40, 50]);
  expect(row?.spark).toHaveLength(60);
});

it('sends what changed, once a second, and nothing when nothing did', () => {
  const { take, tick, snapshot, next } = open();
  take(server('web-1'), server('web-2'), cpu('web-1', 0.4, 0));
  tick();
  const numbers = new Map(snapshot().servers?.map(({ id, n }) => [id.split('.')[3], n]));
  const one = numbers.get('web-1');
  next();
  expect(next()).toBeUndefined();
  take(cpu('web-1', 0.6, 1), server('web-2', { status: 'silent', reason: 'no beat' }), beat('web-1'));
  expect(next()).toBeUndefined();
  tick();
  expect(next()).toEqual({
    changed: [expect.objectContaining({ id: `${place}.web-2`, n: numbers.get('web-2'), status: 'silent', reason: 'no beat' })],
    cpu: [one, 60],
    heard: [one],
  });
  // The same again, and the roster's repetition, are no news.
  take(cpu('web-1', 0.6, 2), server('web-2', { status: 'silent', reason: 'no beat', seen: '2026-01-01T00:01:00Z' }));
  tick();
  expect(next()).toBeUndefined();
  take(state(`${place}.web-2.server`, 'server', null));
  tick();
  expect(next()).toEqual({ gone: [numbers.get('web-2')] });
});

it('tells one who was passed over what he missed, and all anew where that is forgotten', () => {
  const { channel, take, tick, next, catchUp } = open(anyone, 5000);
  take(server('web-1'), server('web-2'));
  tick();
  next();
  const mark = channel.mark();
  take(cpu('web-1', 0.3, 1), state(`${place}.web-2.server`, 'server', null));
  tick();
  next();
  take(server('web-3'));
  tick();
  next();
  expect(catchUp(mark)).toMatchObject({ changed: [{ id: `${place}.web-3` }], gone: [1], cpu: [0, 30] });
  for (let index = 0; index < 1200; index++) take(server(`job-${index}`));
  tick();
  for (let index = 0; index < 1200; index++) take(state(`${place}.job-${index}.server`, 'server', null));
  tick();
  expect(catchUp(mark).servers?.map(({ id }) => id)).toEqual([`${place}.web-1`, `${place}.web-3`]);
});

it('gives a process to its server, and counts one without an agent as a hub', () => {
  const { take, tick, snapshot } = open();
  take(server('web-1'), server('web-1', { process: 'hub', status: 'silent' }));
  take(server('hub-1', { process: 'hub' }), server('hub-1', { process: 'roster' }), beat('hub-1.hub'), beat('web-1.hub'));
  tick();
  const [web, hub] = snapshot().servers ?? [];
  expect(web).toMatchObject({ status: 'alive', processes: [{ name: 'hub', status: 'silent' }] });
  expect(web).not.toHaveProperty('hub');
  // A process that beats says nothing of its server's agent.
  expect(web).not.toHaveProperty('ago');
  expect(hub).toMatchObject({ hub: true, status: 'alive', ago: 0, processes: [{ name: 'hub' }, { name: 'roster' }] });
});

it('holds alerts while their server is silent, but for its silence', () => {
  const { take, tick, snapshot } = open();
  take(server('web-1', { status: 'silent' }));
  take(state(`${place}.web-1.alert.full.filesystem./var`, 'alert', { severity: 'warning' }));
  tick();
  expect(snapshot().servers?.[0]).not.toHaveProperty('alerts');
  take(state(`${place}.web-1.alert.silent.server`, 'alert', { severity: 'critical' }));
  expect(snapshot().servers?.[0]?.alerts).toEqual([1, 'critical']);
});

it('shows each only what he may see, also of what went', () => {
  const looker: Looker = { ...anyone, part: `${place}.web-1`, sees: (key) => `${key}.`.startsWith(`${place}.web-1.`) };
  const { take, tick, snapshot, next } = open(looker);
  take(server('web-1'), server('web-2'));
  tick();
  expect(snapshot().servers?.map(({ id }) => id)).toEqual([`${place}.web-1`]);
  next();
  take(state(`${place}.web-2.server`, 'server', null), cpu('web-2', 1, 1));
  tick();
  expect(JSON.stringify(next())).not.toContain('1,');
});

it('reads memory, filesystems and load; forgets what is no longer said; heeds a clock that is set back', () => {
  const { take, tick, snapshot, next } = open();
  const metric = (points: unknown[], second = 0): Event =>
    ({ kind: 'metric', key: `${place}.web-1.x`, time: start + second * 1000, data: { points } }) as Event;
  const fill = (value: number, mode: string) => ({
    name: 'system.filesystem.utilization',
    value,
    attributes: { 'system.filesystem.mode': mode },
  });
  take(server('web-1'));
  take(
    metric([
      { name: 'system.memory.limit', value: 1000 },
      { name: 'system.memory.usage', value: 250, attributes: { 'system.memory.state': 'used' } },
      fill(0.3, 'rw'),
      fill(0.91, 'rw'),
      fill(1, 'ro'),
      { name: 'system.cpu.load_per_core.1m', value: 1.37 },
    ]),
  );
  take(cpu('web-1', 0.2, 100), cpu('web-1', 0.7, 3000), cpu('web-1', 0.1, 101));
  tick();
  expect(snapshot().servers?.[0]).toMatchObject({ memory: 25, disk: 91, load: 137, cpu: 70 });
  for (let second = 0; second < 20; second++) {
    tick();
    take(cpu('web-1', 0.2, 110 + second));
  }
  tick();
  expect(snapshot().servers?.[0]?.cpu).toBe(20);
  for (let ticks = 0; ticks < 95; ticks++) tick();
  expect(next()).toMatchObject({ cpu: [0, null], memory: [0, null] });
});

it('bounds hosts, and labels, which are a stranger’s', () => {
  const { take, tick, snapshot } = open(anyone, 3);
  for (let index = 0; index < 10; index++)
    take(server(`web-${index}`, { labels: Object.fromEntries(Array.from({ length: 1000 }, (_, nth) => [`l${nth}`, 'x'.repeat(1000)])) }));
  tick();
  const { servers, refused } = snapshot();
  expect([servers?.length, refused]).toEqual([3, 7]);
  expect(Object.keys(servers?.[0]?.labels ?? {})).toHaveLength(24);
});

it('a thousand servers that all change cost little', () => {
  const { take, tick, snapshot, next } = open(anyone, 2000);
  const names = Array.from({ length: 1000 }, (_, index) => `web-${index}`);
  take(...names.map((name) => server(name, { labels: { zone: 'eu-1a', rack: 'r1', role: 'web' } })));
  tick();
  next();
  take(...names.map((name, index) => cpu(name, (index % 90) / 100 + 0.01, 1)));
  tick();
  const frame = JSON.stringify(next());
  expect(frame.length).toBeLessThan(12_000);
  expect(JSON.stringify(snapshot()).length).toBeLessThan(700_000);
});
