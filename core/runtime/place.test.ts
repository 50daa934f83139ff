/** Where a node's config comes from: its entry, and for what that leaves out the settings of its process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { loadConfig } from '../config.ts';
import { placeNodes } from './place.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-place-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function place(entry: object): Promise<unknown> {
  const [file, state] = [join(folder, 'config.yaml'), join(folder, 'state')];
  writeFileSync(file, JSON.stringify({ run: ['store'], keep: { raw: '2d' }, nodes: [{ use: 'store', ...entry }] }));
  const config = loadConfig({ file, env: {}, defaults: { state, host: 'hub-1' } });
  const [placed] = await placeNodes({ config, clock: systemClock, process: 'test', changed: () => {} });
  return placed?.config;
}

it('fills what an entry leaves out from the settings, and puts the entry before them', async () => {
  const history = join(folder, 'state', 'history');
  expect(await place({})).toMatchObject({ folder: history, raw: `${2 * 86_400_000}ms` });
  const victoria = { url: 'http://127.0.0.1:8428' };
  expect(await place({ victoria })).toMatchObject({ folder: history, raw: `${2 * 86_400_000}ms`, victoria });
  expect(await place({ raw: '1d' })).toMatchObject({ folder: history, raw: '1d' });
  await expect(place({ rawe: '1d' })).rejects.toThrow(/config.yaml:1:\d+.*did you mean "raw"/);
});
