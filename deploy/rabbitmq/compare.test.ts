/** What is told of a broker that is not as the file says. What a real one answers is tested in `test/faults/broker.test.ts`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compare } from './compare.ts';
import type { Found } from './found.ts';
import { clusterSettings } from './settings.ts';
import { definitionsFor, readWanted, type Wanted } from './wanted.ts';

const nodes = ['rabbit@mq1', 'rabbit@mq2', 'rabbit@mq3'];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-compare-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function wanted(text: string): Wanted {
  const file = join(folder, 'broker.yaml');
  writeFileSync(file, text);
  return readWanted(file);
}
/** A broker that is as the file says, but for what `over` says. */
function found(file: Wanted, over: Partial<Found> = {}): Found {
  const { users, ...made } = definitionsFor(file, new Set());
  return {
    definitions: {
      ...made,
      users: users.map(({ name, tags, limits }) => ({ name: String(name), tags: String(tags), limits })),
    } as unknown as Found['definitions'],
    running: file.nodes,
    versions: Object.fromEntries(file.nodes.map((node) => [node, '3.10.8'])),
    apart: false,
    alarms: 0,
    queues: [],
    settings: { partitions: 'pause_minority', mechanisms: ['EXTERNAL', 'PLAIN'] },
    ...over,
  };
}

it('reads the example that is shipped, and finds nothing wrong with a broker that is so', () => {
  const file = readWanted(fileURLToPath(new URL('../examples/broker.yaml', import.meta.url)));
  expect(file.nodes).toEqual(nodes);
  expect(compare(file, found(file))).toEqual([]);
});

it('names what is wrong with the members, each with what to do', () => {
  const file = wanted(`nodes: [${nodes.join(', ')}]\ntls: {authority: /a, certificate: /b, key: /c}\n`);
  const over = {
    running: ['rabbit@mq1', 'rabbit@mq9'],
    apart: true,
    alarms: 1,
    versions: { 'rabbit@mq1': '3.10.8', 'rabbit@mq9': '3.11.0' },
    settings: { partitions: 'ignore', mechanisms: ['PLAIN'] },
    queues: [
      { name: 'sluice.roster.heartbeat', type: 'classic', members: [] },
      { name: 'sluice.threshold.telemetry', type: 'rabbit_classic_queue', members: [] },
      { name: 'sluice.notify.durable', type: 'quorum', members: ['rabbit@mq1', 'rabbit@mq2'] },
      { name: 'sluice.store.durable', type: 'quorum', members: nodes },
      { name: 'sluice.agent.acme.shop.prod.web-1.x', type: 'classic', members: [] },
      { name: 'orders', type: 'classic', members: [] },
    ],
  };
  const told = compare(file, found(file, over));
  expect(told.map(({ text }) => text)).toEqual([
    'rabbit@mq2 does not run',
    'rabbit@mq3 does not run',
    'rabbit@mq9 is a member that the file does not name',
    'its members were apart and have not come together',
    'it is short of memory or disk, and takes nothing',
    'its members run different versions (rabbit@mq1 3.10.8; rabbit@mq9 3.11.0)',
    'cluster_partition_handling is ignore: two halves would each go on alone',
    'hosts are not known by their certificates: EXTERNAL is missing',
    'sluice.roster.heartbeat is on one member alone, and away with it',
    'sluice.threshold.telemetry is on one member alone, and away with it',
    'sluice.notify.durable is kept on 2 of 3 members',
  ]);
  expect(told.every(({ advice }) => advice.length > 10)).toBe(true);
});

it('refuses a file that says what it does not know, with where it says so', () => {
  for (const [text, complaint] of [
    ['nodes: [mq1]', /nodes\.0: write a name as in rabbit@mq1/],
    ['users: [a b]', /users\.0: write a part of the tree/],
    ['user: [acme]', /Unrecognized key/],
    ['limits: {durable: 5}', /limits\.durable/],
    ['limits: {durable: 5TB}', /write a size/],
    [': :', /cannot be read/],
  ] as const)
    expect(() => wanted(text)).toThrow(complaint);
});

it('writes one file of settings for all members', () => {
  const text = clusterSettings({ nodes, listen: { authority: '/etc/a.pem', certificate: '/etc/b.pem', key: '/etc/c.key' } });
  for (const line of [
    'cluster_partition_handling = pause_minority',
    'net_ticktime = 15',
    'listeners.ssl.default = 5671',
    'ssl_options.verify = verify_peer',
    'auth_mechanisms.1 = EXTERNAL',
    'cluster_formation.classic_config.nodes.3 = rabbit@mq3',
  ])
    expect(text.split('\n')).toContain(line);
  expect(() => clusterSettings({ nodes: ['rabbit@mq1\nloopback_users = none', 'rabbit@mq2'], listen: 'plain' })).toThrow(
    /cannot stand in it/,
  );
  expect(readFileSync(fileURLToPath(new URL('../examples/broker.yaml', import.meta.url)), 'utf8')).toContain('sluice broker files');
});
