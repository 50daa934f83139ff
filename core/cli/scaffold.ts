/**
 * The files of a new node: one that works, its examples, its test, and what an editor needs to know its types. Meant to be
 * changed: each is as short as a whole node can be.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { codeRoot, packageRoot } from '../installation.ts';

export const scaffolds = ['monitor', 'filter', 'sink'] as const;
export type Scaffold = (typeof scaffolds)[number];

/** The text of each new file, by its name. */
export function filesOf(sort: Scaffold, name: string): Record<string, string> {
  const { code, test } = texts[sort](name);
  return { [`${name}.ts`]: code, [`${name}.test.ts`]: test };
}

const texts: Record<Scaffold, (name: string) => { code: string; test: string }> = {
  filter: (name) => ({
    code: `/**
 * Alerts while a metric is above its limit.
 *
 * metric → alert
 */
import { defineFilter, table, z } from 'sluice';

const config = z.strictObject({
  metric: z.string().default('temperature'),
  above: z.number().default(80),
});

export default defineFilter({
  name: '${name}',
  doc: 'Alerts while a metric is above its limit, and resolves once it is not.',
  config,
  in: [{ kind: 'metric' }],
  out: ['alert'],
  // All that it remembers is in tables: they survive a restart.
  tables: { firing: table(z.object({ since: z.string() }), { bound: 10_000 }) },
  create({ metric, above }, { firing }) {
    return {
      event({ key, time, data }) {
        const point = data.points.find((each) => each.name === metric);
        if (!point) return [];
        const known = firing.get(key);
        const isAbove = point.value > above;
        if (isAbove === (known !== undefined)) return [];

        const since = known?.since ?? new Date(time).toISOString();
        if (isAbove) firing.set(key, { since });
        else firing.delete(key);
        const status = isAbove ? 'firing' : 'resolved';
        const summary = \`\${metric} is \${point.value}, the limit is \${above}\`;
        const action = 'say here what a person should do';
        return [
          { kind: 'alert', key, data: { rule: '${name}', status, severity: 'warning', summary, action, value: point.value, threshold: above, since } },
        ];
      },
    };
  },
  examples: [
    {
      doc: 'fires when the metric goes above its limit',
      given: [{ at: '0s', event: temperature(90) }],
      expect: [{ kind: 'alert', data: { status: 'firing', value: 90 } }],
    },
    {
      doc: 'resolves when it is back below, and says each change once',
      given: [
        { at: '0s', event: temperature(90) },
        { at: '10s', event: temperature(95) },
        { at: '20s', event: temperature(70) },
      ],
      expect: [
        { kind: 'alert', data: { status: 'firing' } },
        { kind: 'alert', at: '20s', data: { status: 'resolved', value: 70 } },
      ],
    },
    {
      doc: 'stays quiet below its limit',
      given: [{ at: '0s', event: temperature(20) }],
      expect: [],
    },
  ],
});

function temperature(value: number) {
  return { kind: 'metric' as const, key: 'acme.shop.prod.web-1.rack', data: { points: [{ name: 'temperature', value }] } };
}
`,
    test: `import { test } from 'node:test';
import { checkFilter } from 'sluice/testing';
import ${variable(name)} from './${name}.ts';

test('${name} keeps its examples and its contract', () => {
  checkFilter(${variable(name)});
});
`,
  }),
  monitor: (name) => ({
    code: `/**
 * Measures how long the event loop of this process is late.
 *
 * the process → metric
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { defineMonitor, z } from 'sluice';

const config = z.strictObject({
  /** Milliseconds between two looks. */
  resolution: z.int().min(1).default(20),
});

export default defineMonitor({
  name: '${name}',
  doc: 'Tells how late the event loop of this process is.',
  config,
  out: ['metric'],
  every: 5000,
  create({ resolution }) {
    const delay = monitorEventLoopDelay({ resolution });
    return {
      start() {
        delay.enable();
      },
      stop() {
        delay.disable();
      },
      sample() {
        const value = delay.max / 1e9;
        delay.reset();
        return [{ kind: 'metric', key: ['${name}'], data: { points: [{ name: 'process.eventloop.delay', value, unit: 's' }] } }];
      },
    };
  },
});
`,
    test: `import assert from 'node:assert/strict';
import { test } from 'node:test';
import ${variable(name)} from './${name}.ts';

test('${name} measures', async () => {
  const working = ${variable(name)}.create(${variable(name)}.config.parse({}));
  assert('sample' in working);
  await working.start?.();
  try {
    const [draft] = await working.sample(AbortSignal.timeout(5000));
    assert.equal(draft?.data.points[0]?.unit, 's');
  } finally {
    await working.stop?.();
  }
});
`,
  }),
  sink: (name) => ({
    code: `/**
 * Writes each alert to a file, as a line of JSON.
 *
 * alert → a file
 */
import { appendFile } from 'node:fs/promises';
import { defineSink, toWire, z } from 'sluice';

const config = z.strictObject({
  file: z.string().default('${name}.ndjson'),
});

export default defineSink({
  name: '${name}',
  doc: 'Writes each alert to a file, as a line of JSON.',
  config,
  in: [{ kind: 'alert' }],
  create({ file }) {
    return {
      // Resolves once they are written: only then are they done. What throws is tried again.
      async write(events) {
        await appendFile(file, events.map((event) => \`\${JSON.stringify(toWire(event))}\\n\`).join(''));
      },
    };
  },
});
`,
    test: `import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import ${variable(name)} from './${name}.ts';

test('${name} writes each alert once', async () => {
  const folder = await mkdtemp(join(tmpdir(), '${name}-'));
  try {
    const file = join(folder, 'alerts');
    const data = { rule: 'full', status: 'firing' as const, severity: 'warning' as const, summary: 'full', since: '2026-01-01T00:00:00Z', evidence: [] };
    const alert = { id: '1', kind: 'alert' as const, key: 'acme.shop.prod.web-1', source: '/acme/shop/prod/web-1/full', time: 0, data };
    await ${variable(name)}.create({ file }).write([alert]);
    assert.match(await readFile(file, 'utf8'), /^\\{.*"rule":"full".*\\}\\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
`,
  }),
};

/** `disk-full` → `diskFull` */
const variable = (name: string): string => name.replace(/-+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? '');

/** What makes `sluice` and Node's own modules known to an editor and to tsc, in a folder without an install. */
export function tsconfig(): string {
  const built = join(packageRoot, 'dist', 'core');
  const core = existsSync(join(built, 'index.d.ts'))
    ? { folder: built, extension: '.d.ts' }
    : { folder: join(codeRoot, 'core'), extension: '.ts' };
  const path = (...words: string[]) => [`${join(core.folder, ...words)}${core.extension}`];
  const nodeTypes = createRequire(import.meta.url).resolve('@types/node/package.json');
  const config = {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2024'],
      module: 'esnext',
      moduleResolution: 'bundler',
      moduleDetection: 'force',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      typeRoots: [dirname(dirname(nodeTypes))],
      types: ['node'],
      paths: { sluice: path('index'), 'sluice/testing': path('testing', 'index') },
    },
    include: ['**/*.ts'],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
