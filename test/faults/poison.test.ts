/** What would stop a pipe is out of its way within seconds, alone and with the reason, and everything around it flows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../core/bus/bus.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { encode } from '../../core/event.ts';
import { author } from '../../core/runtime/author.ts';
import { type Collected, collect, message, until } from '../contract/collect.ts';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';

const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/storm/${name}`, import.meta.url));

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'poison' : 'poison: skipped, since RabbitMQ is not here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, { timeout: 120_000 }, () => {
  const broker = found as Broker;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-poison-'));
  const file = join(folder, 'numbers');
  const writer = author({ place: { company: 'acme', system: 'shop', environment: 'prod' }, host: 'web-1', bootid: 'boot' }, 'test');
  const key = 'acme.shop.prod.web-1.poison';
  let bus: Bus;
  let dead: Collected;
  let hub: ChildProcess;
  let said = '';
  let next = 1;
  const numbers = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).map(Number) : []);
  const event = (value: number) =>
    encode(writer.original({ kind: 'metric', key, data: { points: [{ name: 'number', value }] } }, systemClock.now()));
  const send = (body: string | Buffer, more: object = {}) => bus.publish(message('metric', key, body, more));

  beforeAll(async () => {
    bus = rabbitBus({ urls: [broker.url], clock: systemClock, report: () => {} });
    dead = await collect(bus, { topics: [{ kind: 'dead', pattern: '#' }], queue: { name: 'dead-letters' }, prefetch: 10 });
    const nodes = [{ use: fixture('fragile.ts') }, { use: fixture('brittle.ts'), file }];
    const config = { place: 'acme.shop.prod', host: 'hub-1', bus: [broker.url], run: ['fragile', 'brittle'], nodes };
    writeFileSync(join(folder, 'config'), JSON.stringify(config));
    const { INVOCATION_ID: _, ...env } = process.env;
    hub = spawn(process.execPath, [main, 'run', join(folder, 'config'), '--state', join(folder, 'state')], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    hub.stderr?.on('data', (text: Buffer) => {
      said += text;
    });
    await until('the hub runs', () => said.includes('runs 2 nodes'), 60_000);
  }, 60_000);
  afterAll(async () => {
    const ended = new Promise((resolve) => hub.once('exit', resolve));
    hub.kill('SIGTERM');
    await ended;
    await bus.close(0);
    await broker.remove();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const poisons: [what: string, give: () => Promise<void>, node: string, reason: string][] = [
    ['bytes that are none of ours', () => send(Buffer.from([0xff, 0xfe, 0, 1, 2])), 'fragile', ''],
    ['half a gzip', () => send(gzipSync(event(0)).subarray(0, 40), { encoding: 'gzip' }), 'fragile', ''],
    ['a gzip bomb', () => send(gzipSync(Buffer.alloc(400 * 1024 * 1024)), { encoding: 'gzip', batch: true }), 'fragile', ''],
    ['an event that a filter throws at', () => send(event(-1)), 'fragile', 'it is minus one'],
    ['one over which a filter hangs', () => send(event(-2)), 'fragile', 'hung'],
    ['one that kills the process', () => send(event(-3)), 'fragile', 'the process died of it'],
    [
      'one in a batch that kills the process',
      () => send(`[${[70, -3, 71].map(event).join(',')}]`, { batch: true }),
      'fragile',
      'the process died of it',
    ],
    ['one that kills the process in a sink', () => send(event(-4)), 'brittle', 'the process died of it'],
  ];
  it.each(poisons)('%s', async (what, give, node, reason) => {
    const before = dead.deliveries.length;
    const expected = numbers().length + 2;
    await send(event(next++));
    const began = performance.now();
    await give();
    await send(event(next++));
    await expect.poll(() => dead.deliveries.length, { timeout: 60_000 }).toBeGreaterThan(before);
    const seconds = (performance.now() - began) / 1000;
    await expect.poll(() => numbers().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(expected);
    console.log(`${what}: out of the way after ${seconds.toFixed(1)} s`);
    const letters = dead.deliveries.slice(before).map((delivery) => JSON.parse(delivery.message.body.toString()).data);
    expect(letters).toEqual([expect.objectContaining({ node, reason: expect.stringContaining(reason) })]);
    expect(numbers()).toEqual(expect.arrayContaining([next - 2, next - 1]));
    if (what.includes('batch')) expect(numbers()).toEqual(expect.arrayContaining([70, 71]));
  });

  it('leaves each good number where it belongs', () => {
    // A sink that died amid its work may have written before: to a file that is at least once.
    const good = new Set(numbers().filter((value) => value < 70));
    expect([...good].sort((a, b) => a - b)).toEqual(Array.from({ length: next - 1 }, (_, index) => index + 1));
  });
});
