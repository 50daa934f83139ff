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
  return (await placeFirst({ use: 'store', ...entry }))?.config;
}

async function placeFirst(entry: object) {
  const [file, state] = [join(folder, 'config.yaml'), join(folder, 'state')];
  writeFileSync(
    file,
    JSON.stringify({ run: ['store', 'threshold', 'roster', 'anomaly', 'live', 'cpu'], keep: { raw: '2d' }, nodes: [entry] }),
  );
  const config = loadConfig({ file, env: {}, defaults: { state, host: 'hub-1' } });
  const [placed] = await placeNodes({ config, clock: systemClock, process: 'test', changed: () => {} });
  return placed;
}

it('fills what an entry leaves out from the settings, and puts the entry before them', async () => {
  const history = join(folder, 'state', 'history');
  expect(await place({})).toMatchObject({ folder: history, raw: `${2 * 86_400_000}ms` });
  const victoria = { url: 'http://127.0.0.1:8428' };
  expect(await place({ victoria })).toMatchObject({ folder: history, raw: `${2 * 86_400_000}ms`, victoria });
  expect(await place({ raw: '1d' })).toMatchObject({ folder: history, raw: '1d' });
  await expect(place({ rawe: '1d' })).rejects.toThrow(/config.yaml:1:\d+.*did you mean "raw"/);
});

it('parts what can be parted, and says why not where it cannot', async () => {
  expect(await placeFirst({ use: 'threshold', partitions: 8 })).toMatchObject({ name: 'threshold', partitions: 8 });
  expect(await placeFirst({ use: 'store', partitions: 4 })).toMatchObject({ partitions: 4 });
  expect(await placeFirst({ use: 'anomaly', partitions: 1 })).toMatchObject({ partitions: 1 });
  const refused = (use: string, partitions: unknown) => placeFirst({ use, partitions });
  await expect(refused('anomaly', 2)).rejects.toThrow(/config.yaml:1:\d+: anomaly must see everything in one place; write 1/);
  await expect(refused('roster', 2)).rejects.toThrow(/reads all, by itself; remove partitions/);
  await expect(refused('live', 2)).rejects.toThrow(/every process that runs it shows all; remove partitions/);
  await expect(refused('cpu', 2)).rejects.toThrow(/is a monitor, and works where it is; remove partitions/);
  await expect(refused('threshold', 65)).rejects.toThrow(/partitions/);
  await expect(refused('threshold', 0)).rejects.toThrow(/partitions/);
});
