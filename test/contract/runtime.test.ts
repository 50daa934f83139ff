/** What section 4 of the design promises of a running process, with real state, on each bus. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, it as each, expect } from 'vitest';
import type { Bus, Message } from '../../core/bus/bus.ts';
import { embeddedBus } from '../../core/bus/embedded.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config.ts';
import { type Event, fromWire } from '../../core/event.ts';
import type { Kind } from '../../core/kinds.ts';
import { type Process, runProcess } from '../../core/runtime/process.ts';
import { findBroker } from '../fixtures/rabbitmq.ts';

let folder: string;
let running: Process | undefined;
let bus: Bus;
const said: string[] = [];
const caught: Event[] = [];

const broker = await findBroker();
afterAll(() => broker?.release());
const missing = 'rabbitmq: skipped, since none is here; to run these: apt-get install rabbitmq-server';
const buses: readonly (readonly [name: string, connect: (() => Bus) | undefined])[] = [
  ['embedded', () => embeddedBus({ clock: systemClock })],
  broker ? ['rabbitmq', () => rabbitBus({ urls: [broker.url], clock: systemClock, report: () => {} })] : [missing, undefined],
];
let connect: () => Bus;

/** A process with one filter of the given code, and the other end of its pipes. */
async function start(filter: string): Promise<void> {
  writeFileSync(join(folder, 'probe.mjs'), filter);
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ host: 'hub-1', run: ['probe'], nodes: [{ use: './probe.mjs' }] }));
  bus = connect();
  for (const kind of ['incident', 'dead', 'log'] as Kind[]) {
    await bus.subscribe(
      { topics: [{ kind, pattern: '#' }], queue: 'viewer', prefetch: 1000 },
      {
        deliver(delivery) {
          caught.push(fromWire(JSON.parse(delivery.message.body.toString()), { kind, at: systemClock.now() }));
          delivery.ack();
        },
        pipe() {},
      },
    );
  }
  const config = loadConfig({ file: join(folder, 'config.yaml'), env: {}, defaults: { state: join(folder, 'state'), host: 'hub-1' } });
  running = await runProcess(config, { bus, print: (_level, text) => void said.push(text) });
}

const echo = `
import { defineFilter, table, z } from 'sluice';
export default defineFilter({
  name: 'probe', doc: 'Repeats what it hears.', config: z.strictObject({}),
  in: [{ kind: 'metric' }], out: ['incident'],
  tables: { heard: table(z.number(), { bound: 100 }) },
  create: (config, { heard }) => ({
    event(event) {
      const value = event.data.points[0].value;
      heard.set('count', (heard.get('count') ?? 0) + 1);
      if (value === 13) throw new Error('thirteen');
      return [{ kind: 'incident', key: event.key, data: { what: 'heard', fields: { value, count: heard.get('count') } } }];
    },
  }),
});`;

const key = 'a.b.c.web-1.cpu';
const wire = (value: number, more: object = {}) => ({
  specversion: '1.0',
  id: `n${value}`,
  source: '/a/b/c/web-1/bash',
  type: 'sluice.metric.v1',
  time: new Date().toISOString(),
  subject: key,
  data: { points: [{ name: 'n', value }] },
  ...more,
});
const message = (body: string | Buffer, batch = false): Message => ({ kind: 'metric', keys: [key], body: Buffer.from(body), batch });
const send = (...values: object[]) => Promise.all(values.map((value) => bus.publish(message(JSON.stringify(value)))));
const incidents = () => caught.filter((event): event is Event<'incident'> => event.kind === 'incident');
const dead = () => caught.filter((event): event is Event<'dead'> => event.kind === 'dead');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-runtime-'));
  caught.length = 0;
  said.length = 0;
});
afterEach(async () => {
  await running?.stop('test');
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

describe.each(buses)('a filter in a process on %s', (_, open) => {
  const it = open ? each : each.skip;
  beforeEach(() => {
    if (open) connect = open;
  });

  it('derives events that name their trigger, version and config', async () => {
    await start(echo);
    await send(wire(1));
    await expect.poll(incidents).toHaveLength(1);
    expect(incidents()[0]).toMatchObject({
      key,
      causationid: 'n1',
      nodeversion: '1',
      source: '/local/servers/default/hub-1/probe',
      sequence: 1,
    });
  });

  it('dead-letters an input that makes it throw, once, and undoes what that input wrote', async () => {
    await start(echo);
    await send(wire(1), wire(13), wire(2));
    await expect.poll(incidents).toHaveLength(2);
    expect(incidents().map((event) => event.data.fields)).toEqual([
      { value: 1, count: 1 },
      { value: 2, count: 2 },
    ]);
    await expect.poll(dead).toHaveLength(1);
    expect(dead()[0]?.data).toMatchObject({ node: 'probe', id: 'n13', kind: 'metric', key });
    expect(dead()[0]?.data.reason).toContain('thirteen');
  });

  it('handles a repeated event once, with or without a sequence, also after a restart', async () => {
    await start(echo);
    const sequenced = wire(5, { id: 'other', bootid: 'boot', sequence: '0000000000000001' });
    await send(wire(1), wire(1), sequenced, sequenced);
    await expect.poll(incidents).toHaveLength(2);
    await running?.stop('restart');
    await start(echo);
    await send(wire(1), sequenced, wire(7));
    await expect.poll(() => incidents().at(-1)?.data.fields?.value).toBe(7);
    expect(incidents()).toHaveLength(3);
    expect(incidents().at(-1)?.data.fields?.count).toBe(3);
  });

  it('parts a batch: the bad events are dead-lettered one by one, the good are handled', async () => {
    await start(echo);
    await bus.publish(message(JSON.stringify([wire(1), { ...wire(2), specversion: '0.3' }, wire(3), wire(13), 'nonsense', wire(4)]), true));
    await expect.poll(incidents).toHaveLength(3);
    await expect.poll(dead).toHaveLength(3);
    expect(incidents().map((event) => event.data.fields?.value)).toEqual([1, 3, 4]);
  });

  const hostile: [string, () => string | Buffer, RegExp][] = [
    ['is not JSON', () => '{"specversion":', /not JSON/],
    ['is not UTF-8', () => Buffer.from([0x22, 0xff, 0xfe, 0x22]), /not UTF-8/],
    ['is 100,000 levels deep', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /deeper than 64/],
    [
      'hides its depth in its data',
      () => JSON.stringify(wire(1)).replace('"value":1', `"value":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
      /deeper than 64/,
    ],
    [
      'is over 1 MB',
      () => JSON.stringify(wire(1, { data: { points: [{ name: 'n', value: 1, attributes: { long: 'x'.repeat(1_100_000) } }] } })),
      /1048576/,
    ],
    ['is from the future', () => JSON.stringify(wire(1, { time: '2999-01-01T00:00:00Z' })), /more than a day ahead/],
    ['has a key named __proto__', () => JSON.stringify(wire(1)).replace('"data":{', '"data":{"__proto__":{"polluted":1},'), /__proto__/],
    [
      'has an escaped __proto__',
      () => JSON.stringify(wire(1)).replace('"data":{', '"data":{"\\u005f_proto__":{"polluted":1},'),
      /__proto__/,
    ],
    ['does not fit its schema', () => JSON.stringify(wire(1, { data: { points: [{ name: 'n', value: 'many' }] } })), /points\.0\.value/],
    ['is of another kind', () => JSON.stringify(wire(1, { type: 'sluice.command.v1' })), /came through the metric exchange/],
    ['has an empty word in its subject', () => JSON.stringify(wire(1, { subject: 'a..c.web-1' })), /no empty word/],
  ];
  it.each(hostile)('dead-letters an event that %s, with the reason, and handles the next', async (_, body, reason) => {
    await start(echo);
    await bus.publish(message(body()));
    await send(wire(99));
    await expect.poll(() => incidents().map((event) => event.data.fields?.value)).toEqual([99]);
    await expect.poll(dead).toHaveLength(1);
    expect(dead()[0]?.data.reason).toMatch(reason);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
