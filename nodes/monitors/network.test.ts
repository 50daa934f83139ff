import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import network from './network.ts';
import { interfacesElsewhere } from './shared/elsewhere.ts';
import { fixture, once, valueIn } from './shared/testing.ts';

const root = fixture('server');
const interfaces = (points: Awaited<ReturnType<typeof once>>) => [
  ...new Set(points.map((point) => point.attributes?.['network.interface.name'])),
];

test('counts each way, also where the first follows its colon at once', async () => {
  const points = await once(network, { root });
  const eth0 = (name: string, direction: string) =>
    valueIn(points, name, { 'network.interface.name': 'eth0', 'network.io.direction': direction });
  const names = ['system.network.io', 'system.network.packet.count', 'system.network.errors', 'system.network.packet.dropped'];
  expect(names.map((name) => eth0(name, 'receive'))).toEqual([375504665, 10435, 3, 7]);
  expect(names.map((name) => eth0(name, 'transmit'))).toEqual([529861, 5211, 1, 2]);
});

test('loopback and the ends of containers are left out unless asked for', async () => {
  expect(interfaces(await once(network, { root }))).toEqual(['eth0', 'eth0:1']);
  expect(interfaces(await once(network, { root, exclude: ['eth0*'] }))).toEqual(['lo', 'veth9f']);
});

test('headings alone, or no file, are no points', async () => {
  expect(await once(network, { root: fixture('container') })).toEqual([]);
  expect(await once(network, { root: fixture('old') })).toEqual([]);
});

test('this machine: the kernel, Node and the library for other systems name the same interfaces', async () => {
  const here = interfaces(await once(network, { exclude: [] }));
  for (const name of Object.keys(networkInterfaces())) expect(here).toContain(name);
  for (const { name, receive } of await interfacesElsewhere()) {
    expect(here).toContain(name);
    expect(receive.bytes).toBeGreaterThanOrEqual(0);
  }
});
