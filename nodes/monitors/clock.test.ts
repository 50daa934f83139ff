import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import clock, { parseSynchronized, parseTracking } from './clock.ts';
import { once } from './shared/testing.ts';

const { PATH } = process.env;
let programs: string;

beforeEach(() => {
  programs = mkdtempSync(join(tmpdir(), 'sluice-clock-'));
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(programs, { recursive: true });
});

const tracking = (offset: string, leap: string) =>
  `C0A80101,192.168.1.1,3,1795224625.123456789,${offset},-0.000001,0.000024,-3.512,0.001,0.04,0.012,0.0011,64.2,${leap}\n`;

function install(name: string, script: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(programs, name), 0o755);
}

test('chrony says how far behind the clock is: ahead is positive here', () => {
  expect(parseTracking(tracking('0.250000000', 'Normal'))).toEqual([
    { name: 'system.clock.synchronized', value: 1, unit: '1' },
    { name: 'system.clock.offset', value: -0.25, unit: 's' },
  ]);
});

test('without a source, chrony knows no offset', () => {
  expect(parseTracking(tracking('0.000000000', 'Not synchronised'))).toEqual([{ name: 'system.clock.synchronized', value: 0, unit: '1' }]);
});

test('what neither program prints is no answer', () => {
  for (const text of ['', '506 Cannot talk to daemon\n', 'maybe', ',,,']) {
    expect(parseTracking(text)).toBeUndefined();
    expect(parseSynchronized(text)).toBeUndefined();
  }
});

test('timedatectl is asked where there is no chrony', async () => {
  process.env.PATH = programs;
  install('timedatectl', 'echo no');
  expect(await once(clock)).toEqual([{ name: 'system.clock.synchronized', value: 0, unit: '1' }]);
  install('chronyc', `echo '${tracking('-0.5', 'Normal').trim()}'`);
  expect(await once(clock)).toContainEqual({ name: 'system.clock.offset', value: 0.5, unit: 's' });
});

test('where neither is there, or both fail, there are no points', async () => {
  process.env.PATH = programs;
  expect(await once(clock)).toEqual([]);
  process.env.PATH = `${programs}${delimiter}${PATH}`;
  install('chronyc', 'exit 1');
  install('timedatectl', 'echo broken >&2; exit 1');
  expect(await once(clock)).toEqual([]);
});
