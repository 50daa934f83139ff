/** Nodes of one's own, outside the repository: they run, their examples are their tests, and any language will do. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { folder, site, sluice, start, until } from './run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A filter as a person writes it in five minutes. */
const mine = `import { defineFilter, z } from 'sluice';

export default defineFilter({
  name: 'mine',
  doc: 'Tells of queues that are long.',
  config: z.strictObject({ above: z.number().default(100) }),
  in: [{ kind: 'metric', resource: 'queue' }],
  out: ['incident'],
  tables: {},
  create: ({ above }) => ({
    event: ({ key, data }) =>
      data.points.filter(({ value }) => value > above).map(({ value }) => ({ kind: 'incident', key, data: { what: \`the queue has \${value}\` } })),
  }),
  examples: [
    { doc: 'tells of a long queue', given: [{ at: '0s', event: queue(101) }], expect: [{ kind: 'incident' }] },
    { doc: 'stays quiet about a short one', given: [{ at: '0s', event: queue(100) }], expect: [] },
  ],
});

function queue(value: number) {
  return { kind: 'metric' as const, key: 'acme.shop.prod.web-1.queue.orders', data: { points: [{ name: 'queue.length', value }] } };
}
`;

it('runs a filter in TypeScript from outside the repository, and finds by its examples what is wrong with it', {
  timeout: 60_000,
}, async () => {
  const at = folder();
  writeFileSync(join(at, 'mine.ts'), mine);
  const running = await site({ folder: at, config: { host: 'web-1', run: ['live'], nodes: [{ use: './mine.ts', above: 5 }] } });
  await until('the page', () => running.get('/healthz'));
  const tap = start(['tap', 'incident', '--port', String(running.port), '--since', '1m', '--count', '1']);
  const emit = (value: string) =>
    sluice(['emit', 'metric', '--state', running.state, '--resource', 'queue.orders', '--name', 'queue.length', '--value', value]);
  expect(await emit('4')).toMatchObject({ code: 0 });
  expect(await emit('7')).toMatchObject({ code: 0 });
  expect(await tap.ended).toMatchObject({ code: 0, out: expect.stringMatching(/web-1 queue orders .*the queue has 7/) });
  await running.stop();

  const good = await sluice(['test', './mine.ts'], { cwd: at });
  expect(good, good.out + good.err).toMatchObject({ code: 0, out: expect.stringContaining('tells of a long queue') });

  writeFileSync(join(at, 'mine.ts'), mine.replace('value > above', 'value <= above'));
  const bad = await sluice(['test', './mine.ts'], { cwd: at });
  expect(bad.code).toBe(1);
  expect(bad.out).toMatch(/✗ .*tells of a long queue.*mine\.ts:\d+/);
  expect(bad.out + bad.err).not.toMatch(/^\s+at .*(node:internal|dist\/core)/m);
});

it('makes a filter that passes its test and its types, in an empty folder', { timeout: 60_000 }, async () => {
  const at = folder();
  expect(await sluice(['new', 'filter', 'hot'], { cwd: at })).toMatchObject({ code: 0, out: expect.stringContaining('hot.ts') });
  const [examples, test, types] = await Promise.all([
    sluice(['test', './hot.ts'], { cwd: at }),
    sluice(['test', './hot.test.ts'], { cwd: at }),
    promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['--noEmit'], { cwd: at }).catch((thrown: { stdout: string }) => thrown),
  ]);
  expect(examples, examples.out + examples.err).toMatchObject({ code: 0 });
  expect(test, test.out + test.err).toMatchObject({ code: 0 });
  expect(types.stdout).toBe('');
});

it('runs the Bash node of the examples, whose metric arrives', async () => {
  const at = folder();
  for (const name of ['one', 'two', 'three']) writeFileSync(join(at, name), '');
  const script = join(root, 'deploy/examples/queue-depth.sh');
  expect(readFileSync(script, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(5);
  const config = { host: 'web-1', run: ['live'], nodes: [{ use: 'exec', name: 'queue-depth', command: [script, at], every: '1s' }] };
  const running = await site({ config });
  const depth = await until('the metric', async () => {
    const all = await running.get<{ name: string; series: { value: number }[] }[]>('/api/metrics');
    return all.find(({ name }) => name === 'queue.depth');
  });
  expect(JSON.stringify(depth)).toContain('"value":3');
  await running.stop();
});
