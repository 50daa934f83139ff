import { expect, test } from 'vitest';
import { fixture, once } from './shared/testing.ts';
import uptime from './uptime.ts';

test('seconds since boot', async () => {
  expect(await once(uptime, { root: fixture('server') })).toEqual([{ name: 'system.uptime', value: 2085.18, unit: 's' }]);
  expect(await once(uptime, { root: fixture('old') })).toEqual([]);
});

test('this machine', async () => {
  expect((await once(uptime))[0]?.value).toBeGreaterThan(0);
});
