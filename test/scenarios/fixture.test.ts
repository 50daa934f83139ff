/** What a probe caught becomes a test: tapped from a run, played to a filter, and kept as one of its examples. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folder, site, sluice, until } from './run.ts';

/** Tells of a queue that was long twice in a row. */
const filter = (examples: string) => `import { defineFilter, z } from 'sluice';

export default defineFilter({
  name: 'long',
  doc: 'Tells of queues that stay long.',
  config: z.strictObject({ above: z.number().default(100) }),
  in: [{ kind: 'metric', resource: 'queue' }],
  out: ['incident'],
  tables: { before: { schema: z.number(), bound: 100 } },
  shard: 'none',
  create: ({ above }, { before }) => ({
    event({ key, data }) {
      const [{ value }] = data.points;
      const count = value > above ? (before.get(key) ?? 0) + 1 : 0;
      before.set(key, count);
      return count === 2 ? [{ kind: 'incident', key, data: { what: \`the queue stays at \${value}\` } }] : [];
    },
  }),
  examples: [${examples}],
});
`;

it('keeps what a probe caught as a fixture, for a test and for an example', { timeout: 90_000 }, async () => {
  const at = folder();
  const running = await site({ folder: at, config: { host: 'web-1', run: ['live', 'store'] } });
  await until('the page', () => running.get('/healthz'));
  const emit = async (resource: string, value: number) => {
    const named = ['--resource', resource, '--name', 'queue.length', '--value', String(value)];
    expect(await sluice(['emit', 'metric', '--state', running.state, ...named])).toMatchObject({ code: 0 });
  };
  for (const value of [50, 150, 160]) await emit('queue.orders', value);
  await emit('other', 999);
  const tap = (...words: string[]) => sluice(['tap', 'metric', '--port', String(running.port), '--since', '10m', ...words], { cwd: at });

  const shape = await tap('--where', 'points.name=queue.length', '--count', '4', '--shape', '--json');
  expect(shape, shape.err).toMatchObject({ code: 0 });
  expect(JSON.parse(shape.out)).toMatchObject({
    events: 4,
    fields: expect.arrayContaining([
      expect.objectContaining({ path: 'points[].value', range: expect.objectContaining({ min: 50, max: 999 }) }),
    ]) as unknown,
  });
  const one = await tap('--where', 'points.value=999', '--count', '1', '--json');
  expect(JSON.parse(one.out)).toMatchObject({ data: { points: [{ value: 999 }] } });
  const caught = await tap('--where', 'points.name=queue.length', '--count', '4', '--save', 'caught.jsonl');
  expect(caught, caught.err).toMatchObject({ code: 0 });
  expect(readFileSync(join(at, 'caught.jsonl'), 'utf8').trim().split('\n')).toHaveLength(4);
  await running.stop();

  writeFileSync(join(at, 'long.ts'), filter(''));
  const played = await sluice(['test', './long.ts', '--given', 'caught.jsonl'], { cwd: at });
  expect(played, played.err).toMatchObject({ code: 0, out: expect.stringContaining('the queue stays at 160') });
  expect(played.out).toContain('3 events of caught.jsonl');
  const asJson = await sluice(['test', './long.ts', '--given', 'caught.jsonl', '--json'], { cwd: at });
  expect(JSON.parse(asJson.out)).toMatchObject({ node: 'long', read: 3, passed: true, came: [{ type: 'sluice.incident.v1' }] });

  const example = (expected: string) =>
    `{ doc: 'as it was that day', given: [{ fixture: new URL('./caught.jsonl', import.meta.url) }], expect: [${expected}] }`;
  writeFileSync(join(at, 'long.ts'), filter(example(`{ kind: 'incident', data: { what: 'the queue stays at 160' } }`)));
  const good = await sluice(['test', './long.ts'], { cwd: at });
  expect(good, good.out + good.err).toMatchObject({ code: 0, out: expect.stringContaining('as it was that day') });
  writeFileSync(join(at, 'long.ts'), filter(example('')));
  expect((await sluice(['test', './long.ts'], { cwd: at })).code).toBe(1);

  const lines = readFileSync(join(at, 'caught.jsonl'), 'utf8');
  writeFileSync(join(at, 'broken.jsonl'), `${lines}{"received": 1\n`);
  const broken = await sluice(['test', './long.ts', '--given', 'broken.jsonl'], { cwd: at });
  expect([broken.code, broken.err]).toEqual([1, expect.stringMatching(/^sluice: broken\.jsonl:5: not JSON/)]);
});
