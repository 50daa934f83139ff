/** A node that never comes back: named, ended, contained, while everything else goes on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/kill', import.meta.url));

const hang = `
import { defineFilter, z } from 'sluice';
export default defineFilter({
  name: 'hang', doc: 'Hangs at fifty.', config: z.strictObject({}), in: [{ kind: 'metric' }], out: ['incident'], tables: {},
  create: () => ({
    event({ key, data }) {
      const [{ value }] = data.points;
      while (value === 50);
      return value % 10 === 0 ? [{ kind: 'incident', key, data: { what: 'ten', fields: { value } } }] : [];
    },
  }),
});`;

let folder: string;
let child: ChildProcess | undefined;
let said = '';

function start(isolate: object): void {
  writeFileSync(join(folder, 'hang.mjs'), hang);
  const nodes = [
    { use: join(fixtures, 'feed.ts'), until: 100, step: 10 },
    { use: './hang.mjs', ...isolate },
    { use: join(fixtures, 'ledger.ts'), file: join(folder, 'ledger') },
  ];
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ host: 'web-1', run: ['feed', 'hang', 'ledger'], nodes }));
  const env = { ...process.env, SLUICE_HANG_LIMIT: '2s' };
  child = spawn(process.execPath, [main, 'run', join(folder, 'config.yaml'), '--state', join(folder, 'state')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr?.on('data', (text) => {
    said += text;
  });
}
const values = (): number[] => {
  try {
    return readFileSync(join(folder, 'ledger'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line)[2].value);
  } catch {
    return [];
  }
};
const allButFifty = [10, 20, 30, 40, 60, 70, 80, 90, 100];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-hang-'));
  said = '';
});
afterEach(async () => {
  const ended = new Promise((resolve) => child?.once('exit', resolve));
  child?.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

it('names a filter that hangs the process, starts the process again, and contains the filter', async () => {
  start({});
  await expect.poll(() => said, { timeout: 20_000 }).toContain('hang: hung the process for 2 s');
  await expect
    .poll(() => said, { timeout: 20_000 })
    .toContain('hang: hung the process in the last hour; it runs in a thread of its own now');
  await expect.poll(() => new Set(values()), { timeout: 40_000 }).toEqual(new Set(allButFifty));
});

it('ends only the thread of an isolated filter, and dead-letters the input that hangs it', async () => {
  start({ isolate: 'worker' });
  await expect.poll(() => new Set(values()), { timeout: 40_000 }).toEqual(new Set(allButFifty));
  expect(said).not.toContain('the process died');
});
