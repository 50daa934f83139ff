/** Dead letters from the command line, against a sluice that runs: listed, shown, and given again to the one node that refused. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePort } from '../fixtures/rabbitmq.ts';

const run = promisify(execFile);
const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));

/** Counts what it reads; as long as it is broken, it throws at thirteen. */
const fragile = `
import { defineFilter, table, z } from 'sluice';
export default defineFilter({
  name: 'fragile', doc: 'Breaks.', config: z.strictObject({ broken: z.boolean() }), in: [{ kind: 'metric' }], out: ['incident'],
  tables: { counts: table(z.int(), { bound: 10 }) },
  create: ({ broken }, { counts }) => ({
    event({ key, data }) {
      const [{ value }] = data.points;
      if (broken && value === 13) throw new Error('thirteen is not for me');
      counts.set('all', (counts.get('all') ?? 0) + 1);
      return [{ kind: 'incident', key, data: { what: 'number', fields: { value, count: counts.get('all') } } }];
    },
  }),
});`;
/** Writes all that it gets to a file. */
const ledger = `
import { appendFileSync } from 'node:fs';
import { defineSink, z } from 'sluice';
export default defineSink({
  name: 'ledger', doc: 'Writes.', config: z.strictObject({ file: z.string() }), in: [{ kind: 'incident' }, { kind: 'metric' }],
  create: ({ file }) => ({
    write(events) {
      for (const { kind, data } of events)
        appendFileSync(file, kind === 'metric' ? 'metric ' + data.points[0].value + '\\n' : 'incident ' + data.fields.value + ' ' + data.fields.count + '\\n');
    },
  }),
});`;

let folder: string;
let port: number;
let child: ChildProcess | undefined;

async function start(broken: boolean): Promise<void> {
  const nodes = [
    // Not what sluice says of itself.
    { use: './fragile.mjs', broken, read: { resource: 'number' } },
    { use: './ledger.mjs', file: join(folder, 'written'), read: { resource: 'number' } },
  ];
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ host: 'web-1', run: ['fragile', 'ledger', 'store', 'live'], nodes }));
  const started = spawn(
    process.execPath,
    [main, 'run', join(folder, 'config.yaml'), '--state', join(folder, 'state'), '--port', `${port}`],
    {
      env: { ...process.env, SLUICE_KEPT: '1' },
      stdio: 'ignore',
    },
  );
  child = started;
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
}
async function stop(): Promise<void> {
  const ending = child;
  child = undefined;
  if (!ending) return;
  const ended = new Promise((resolve) => ending.once('exit', resolve));
  ending.kill('SIGTERM');
  await ended;
}
const sluice = async (...args: string[]): Promise<string> => {
  const where = args[0] === 'emit' ? [] : ['--port', `${port}`];
  return (await run(process.execPath, [main, ...args, ...where, '--state', join(folder, 'state')])).stdout;
};
const failure = (...args: string[]) =>
  sluice(...args).then(
    () => 'nothing',
    (thrown: { code: number; stderr: string }) => `${thrown.code} ${thrown.stderr}`,
  );
const letters = async (...args: string[]) => JSON.parse(await sluice('dead', 'list', '--json', ...args));
const emit = (value: number) => sluice('emit', 'metric', '--resource', 'number', '--name', 'number', '--value', `${value}`);
const written = () => (existsSync(join(folder, 'written')) ? readFileSync(join(folder, 'written'), 'utf8').split('\n').slice(0, -1) : []);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-dead-'));
  port = await freePort();
  writeFileSync(join(folder, 'fragile.mjs'), fragile);
  writeFileSync(join(folder, 'ledger.mjs'), ledger);
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

it('lists, shows and replays what a node refused, to that node alone, once, and audits it', { timeout: 120_000 }, async () => {
  await start(true);
  await emit(13);
  await emit(14);
  await expect.poll(() => letters(), { timeout: 30_000 }).toHaveLength(1);
  const [letter] = await letters('--node', 'fragile', '--kind', 'metric', '--reason', 'Thirteen');
  expect(letter).toMatchObject({
    node: 'fragile',
    kind: 'metric',
    host: 'web-1',
    reason: expect.stringContaining('thirteen is not for me'),
  });
  expect(await sluice('dead', 'list')).toContain(letter.id);
  const shown = await sluice('dead', 'show', letter.id);
  expect(shown).toContain('thirteen is not for me');
  expect(shown).toContain('"value": 13');

  // Nothing is mended: it is refused again, and that is a new letter.
  expect(await failure('dead', 'replay', letter.id)).toMatch(/^1 .*refused it again/);
  await expect.poll(() => letters(), { timeout: 30_000 }).toHaveLength(2);
  const [again] = await letters();
  expect(again.id).not.toBe(letter.id);
  expect(again.event).toBe(letter.event);

  await stop();
  await start(false);
  expect(await sluice('dead', 'replay', again.id)).toContain('fragile has handled it');
  expect(await failure('dead', 'replay', again.id)).toMatch(/^1 .*was replayed before/);
  expect(await failure('dead', 'replay', 'none-such')).toMatch(/^1 .*no dead letter none-such/);
  await expect.poll(written, { timeout: 30_000 }).toEqual(expect.arrayContaining(['incident 13 2']));
  expect(written().sort()).toEqual(['incident 13 2', 'incident 14 1', 'metric 13', 'metric 14']);
  const audits = async () => JSON.parse(await sluice('query', 'SELECT who, did, "to" FROM audit WHERE did = \'dead.replay\'', '--json'));
  await expect.poll(async () => (await audits()).rows, { timeout: 30_000 }).toHaveLength(3);
});
