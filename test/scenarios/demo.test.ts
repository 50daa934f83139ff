/** `sluice demo` as a newcomer types it, in short: servers come by themselves, one loses its power and is missed, and all say goodbye. */
import { expect, it } from 'vitest';
import type { ServerState } from '../../core/states.ts';
import { freePort, sluice, start, until } from './run.ts';

it('shows a small fleet, misses a server that lost its power, and ends with goodbyes', async () => {
  const port = await freePort();
  const words = ['--servers', '3', '--points', '20', '--heartbeat', '500ms', '--silent-after', '1500ms', '--outage', 'web-1=4s@2s'];
  const demo = start(['demo', ...words, '--port', String(port)]);
  const servers = async (): Promise<Record<string, string>> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/servers`);
    return Object.fromEntries(((await response.json()) as ServerState[]).map(({ host, status }) => [host, status]));
  };
  const fleet = (status: Partial<Record<string, string>>) => ({ 'api-1': 'alive', 'web-1': 'alive', 'web-2': 'alive', ...status });
  const shows = (wanted: Record<string, string>) =>
    until(JSON.stringify(wanted), async () => {
      expect(await servers()).toMatchObject(wanted);
      return true;
    });

  await until('the page', () => demo.out().includes(`http://127.0.0.1:${port}`));
  await shows(fleet({}));
  await until('its silence', () => /FIRING .*web-1 is silent/.test(demo.out()));
  expect(demo.out()).toMatch(/0\d:\d\d {2}web-1: no power for 4s/);
  await until('its return', () => /RESOLVED .*web-1 is heard again/.test(demo.out()));
  await shows(fleet({}));

  const ended = await demo.stop('SIGINT');
  expect(ended.code).toBe(0);
  expect(ended.err).not.toMatch(/mistake|cannot/);
}, 60_000);

it('says what it cannot do', async () => {
  expect(await sluice(['demo', '--no-hub'])).toMatchObject({ code: 2, err: expect.stringContaining('name a broker with --bus') });
  const nobody = await sluice(['demo', '--servers', '2', '--port', '0', '--outage', 'db-9=3s']);
  expect(nobody).toMatchObject({ code: 2, err: expect.stringContaining('there is no server db-9; there are web-1, api-1') });
}, 60_000);
