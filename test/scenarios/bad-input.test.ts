/**
 * What anyone with a password can put on the pipes, and anyone with a shell into a log: it is refused with its reason, or
 * shown as the letters that it is, and what comes after it is handled.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Data, Kind } from '../../core/kinds.ts';
import type { NodeState } from '../../core/states.ts';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { afterwards, folder, site, start, until } from './run.ts';

const broker = await findBroker();
const title = broker ? 'the pipes' : 'the pipes: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';

const place = `acme.shop.hostile${process.pid}`;
const sources: Record<string, string> = { metric: 'cpu', log: 'log', alert: 'threshold' };
const good: Record<string, object> = {
  metric: { points: [{ name: 'queue.length', value: 1000 }] },
  log: { lines: [{ body: 'well' }] },
  alert: { rule: 'full', status: 'firing', severity: 'warning', summary: 'full', since: '2026-01-01T00:00:00Z' },
};

/** An event on the wire; what `over` says stands instead. */
function wire(kind: string, over: object = {}): string {
  const [company, system, environment] = place.split('.');
  return JSON.stringify({
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: `/${company}/${system}/${environment}/web-1/${sources[kind]}`,
    type: `sluice.${kind}.v1`,
    time: new Date().toISOString(),
    subject: `${place}.web-1.queue.${kind}`,
    data: good[kind],
    ...over,
  });
}

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const withData = (kind: string, data: string) => wire(kind, { data: '@' }).replace('"@"', () => data);
const hostile: [what: string, body: (kind: string) => string | Buffer, reason: RegExp][] = [
  ['what is not JSON', () => 'give me your money', /not JSON/],
  ['nothing', () => '', /not JSON/],
  ['what is not UTF-8', () => Buffer.from([0x22, 0xc3, 0x28, 0xff, 0x22]), /not UTF-8/],
  ['what is no event', () => '{"hello":"world"}', /specversion/],
  [
    'data that is not its schema',
    (kind) => wire(kind, { data: { points: 'many', lines: 3, rule: 4 } }),
    /^sluice: event: data of sluice\.\w+\.v1: /,
  ],
  ['another kind than its exchange', () => wire('heartbeat', { data: { boot: 'a', interval: 5 } }), /came through the \w+ exchange/],
  ['100,000 levels', (kind) => withData(kind, deep(100_000)), /nested deeper than 64 levels|not JSON/],
  [
    'more than a megabyte',
    (kind) => wire(kind, { data: { ...good[kind], padding: 'x'.repeat(1_100_000) } }),
    /bytes, the limit is 1048576/,
  ],
  ['the day after tomorrow', (kind) => wire(kind, { time: new Date(Date.now() + 2 * 86_400_000).toISOString() }), /more than a day ahead/],
  ['__proto__', (kind) => withData(kind, '{"__proto__":{"polluted":true}}'), /a key named __proto__/],
  ['a key that is none', (kind) => wire(kind, { subject: 'acme..web-1' }), /key: .* is none/],
];

/** Reads alerts too, as a notifier would, which no built-in node does yet. */
const listener = `import { defineFilter, z } from 'sluice';
export default defineFilter({
  name: 'listener',
  doc: 'Tells of each event that it gets.',
  config: z.strictObject({}),
  in: [{ kind: 'metric' }, { kind: 'log' }, { kind: 'alert' }],
  out: ['incident'],
  tables: {},
  create: () => ({ event: ({ kind, key }) => [{ kind: 'incident', key, data: { what: \`got \${kind}\` } }] }),
});
`;

describe.skipIf(!broker)(title, { timeout: 60_000 }, () => {
  const url = broker?.url ?? '';
  afterAll(() => broker?.release(), 30_000);

  it('dead-letter what is hostile, each with its reason, and carry what comes after it', async () => {
    const at = folder();
    writeFileSync(join(at, 'listener.ts'), listener);
    const rule = { metric: 'queue.length', critical: { above: 100 } };
    const nodes = [{ use: 'threshold', rules: { queue: rule } }, { use: './listener.ts' }];
    const hub = await site({ folder: at, config: { place, bus: url, run: ['threshold', 'listener', 'live'], nodes } });
    await until('the hub', () => hub.out().includes('http://'), 20_000);
    const tap = (kind: string) => start(['tap', kind, '--json', '--bus', url, '--environment', place.split('.')[2] ?? '']);
    const [dead, incidents] = [tap('dead'), tap('incident')];
    const connection = await connect(url);
    afterwards(() => connection.close());
    const channel = await connection.createConfirmChannel();
    const publish = (kind: string, body: string | Buffer) =>
      channel.publish(`sluice.${kind}`, `${place}.web-1.queue.${kind}`, Buffer.from(body), {
        contentType: 'application/cloudevents+json',
        userId: 'guest',
      });

    // A tap says nothing before it hears: so it is told until it has, each time anew, since what is known is not derived again.
    for (const [running, greeting] of [
      [dead, () => 'are you there?'],
      [incidents, () => wire('log')],
    ] as const) {
      await until('the tap', () => {
        if (running.out() === '') publish('log', greeting());
        return running.out() !== '';
      });
    }
    for (const kind of ['metric', 'log', 'alert']) {
      for (const [, body] of hostile) publish(kind, body(kind));
      publish(kind, wire(kind));
    }
    await channel.waitForConfirms();

    const said = <K extends Kind>(text: string) => lines(text).map((line) => JSON.parse(line) as { subject: string; data: Data<K> });
    const letters = () => said<'dead'>(dead.out()).map(({ data }) => data);
    for (const kind of ['metric', 'log', 'alert']) {
      for (const [what, , reason] of hostile) {
        const find = () => letters().some((letter) => letter.node === 'listener' && letter.kind === kind && reason.test(letter.reason));
        await until(`a dead letter of ${what} as ${kind}`, find);
      }
    }
    // As many as were sent: none was tried twice, and none is missing. The greetings are not counted.
    const counted = letters().filter(({ node, event }) => node === 'listener' && event !== 'are you there?');
    expect(counted).toHaveLength(3 * hostile.length);
    for (const kind of ['metric', 'log', 'alert'])
      await until(`the ${kind} after them`, () =>
        said<'incident'>(incidents.out()).some(({ subject, data }) => subject.endsWith(`queue.${kind}`) && data.what === `got ${kind}`),
      );
    await until('the alert that the metric led to', async () => {
      const { firing } = await hub.get<{ firing: Data<'alert'>[] }>('/api/alerts');
      return firing.some(({ rule, value }) => rule === 'queue' && value === 1000);
    });
    const states = await hub.get<NodeState[]>('/api/nodes');
    expect(states.find(({ name }) => name === 'threshold')).toMatchObject({ status: 'running' });
    expect(hub.err()).not.toMatch(/^\s+at /m);
    await hub.stop();
  });
});

describe('a log', () => {
  it('that holds what a terminal or a browser would obey is shown as the letters that it is', { timeout: 60_000 }, async () => {
    const at = folder();
    const log = join(at, 'app.log');
    writeFileSync(log, '');
    writeFileSync(join(at, 'echo.ts'), echo);
    const running = await site({
      folder: at,
      config: { host: 'web-1', run: ['log', 'live', 'console', 'echo'], logs: [log], nodes: [{ use: './echo.ts' }] },
    });
    await until('the page', () => running.get('/healthz'));
    const tap = start(['tap', 'log', '--port', String(running.port), '--since', '1m', '--resource', 'log']);
    appendFileSync(
      log,
      Buffer.concat([
        Buffer.from('escape \u001b[2J\u001b]0;owned\u0007 end\n'),
        Buffer.from('override \u202egnp.exe end\n'),
        Buffer.from('markup <img src=x onerror=alert(1)> end\n'),
        Buffer.from('bytes '),
        Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0x80]),
        Buffer.from(' end\n'),
        Buffer.from('c1 \u009b31m and \u0000 nul end\n'),
      ]),
    );
    await until('the last line in the tap', () => /c1 .* nul end/.test(tap.out()));
    await until('the last line on the console', () => /c1 .* nul end/.test(running.out()));
    for (const text of [tap.out(), running.said()]) {
      // Newlines end lines; nothing else in it does anything.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(text).toMatch(/escape .*2J.*owned.* end/);
      expect(text).toMatch(/override .*gnp\.exe end/);
      expect(text).toContain('markup <img src=x onerror=alert(1)> end');
      expect(text).toMatch(/bytes .*\ufffd.* end/);
    }
    await Promise.all([tap.stop(), running.stop()]);
  });
});

/** Brings each log line to the console, which shows incidents. */
const echo = `import { defineFilter, z } from 'sluice';
export default defineFilter({
  name: 'echo',
  doc: 'Makes an incident of each log line.',
  config: z.strictObject({}),
  in: [{ kind: 'log', resource: 'log' }],
  out: ['incident'],
  tables: {},
  create: () => ({ event: ({ key, data }) => data.lines.map(({ body }) => ({ kind: 'incident', key, data: { what: body } })) }),
});
`;

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
