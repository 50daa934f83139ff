/** The disk of the state is full: the process says so once, holds everything where it is, and goes on when there is room. */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { canMount, folder, mounting, site, sluice, until } from './run.ts';
import { mountTmpfs } from './tmpfs.ts';

const numbers = fileURLToPath(new URL('../fixtures/scenarios/numbers.ts', import.meta.url));
const hoard = fileURLToPath(new URL('../fixtures/scenarios/hoard.ts', import.meta.url));
const title = mounting('holds everything while the disk of its state is full, and goes on with nothing lost when there is room');

it.skipIf(!canMount)(title, { timeout: 60_000 }, async () => {
  const at = folder();
  const state = mountTmpfs(join(at, 'state'), 'size=1m');
  const ledger = join(at, 'numbers');
  const source = join(at, 'source');
  writeFileSync(source, '');
  const config = {
    run: ['counting', 'numbers', 'hoard'],
    nodes: [
      { use: 'exec', name: 'counting', mode: 'follow', command: ['tail', '-n', '+1', '-f', source], resource: 'number' },
      { use: numbers, file: ledger },
      { use: hoard },
    ],
  };
  const running = await site({ folder: at, config });
  const seen = () => (existsSync(ledger) ? new Set(readFileSync(ledger, 'utf8').split('\n').slice(0, -1).map(Number)) : new Set());
  let last = 0;
  const say = (count: number) => {
    for (const end = last + count; last < end; ) appendFileSync(source, `{"name":"n","value":${++last}}\n`);
  };
  say(100);
  await until('the first numbers', () => seen().size === 100);

  // All the room that is left, to the last block, goes to something else.
  const filler = join(state, 'filler');
  expect(() => {
    for (;;) appendFileSync(filler, Buffer.alloc(4096));
  }).toThrow(/ENOSPC/);
  for (let tries = 0; tries < 200 && !running.err().includes('cannot be written'); tries++) {
    say(100);
    await until('it to take or to hold them', () => seen().size === last || running.err().includes('cannot be written'));
  }
  say(100);
  const said = running.err();
  expect(said).toMatch(/sluice: state: cannot be written: .*(ENOSPC|space|FULL).*; everything waits until it can, make room on its disk/);
  expect(said.split('\n').filter((line) => line.includes('cannot be written'))).toHaveLength(1);
  expect(said).not.toMatch(/^\s+at /m);
  console.log(`held after ${seen().size} of ${last} numbers`);

  rmSync(filler);
  await until('every number', () => seen().size === last, 20_000);
  await until('word of it', () => running.err().includes('state: can be written again; going on'));
  expect(await running.stop()).toMatchObject({ code: 0 });
  expect([...seen()].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: last }, (_, index) => index + 1));
});

const feed = fileURLToPath(new URL('../fixtures/kill/feed.ts', import.meta.url));
const storing = mounting('keeps nothing and can be asked while the disk of the history is full, and then has every number once');

it.skipIf(!canMount)(storing, { timeout: 150_000 }, async () => {
  const at = folder();
  const disk = mountTmpfs(join(at, 'disk'), 'size=24m');
  const last = 60_000;
  const nodes = [
    { use: feed, until: last, step: 100 },
    { use: 'store', folder: join(disk, 'history') },
  ];
  const running = await site({ folder: at, config: { run: ['feed', 'store', 'live'], nodes } });
  const sql = "SELECT count(*), count(DISTINCT value), min(value), max(value) FROM points WHERE name = 'number'";
  const ask = async (): Promise<number[]> => {
    const { code, out, err } = await sluice(['query', sql, '--json', '--port', String(running.port)]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return (JSON.parse(out) as { rows: number[][] }).rows[0] ?? [];
  };
  await until('the first numbers', async () => ((await ask())[0] ?? 0) > 0);
  const filler = join(disk, 'filler');
  const fill = (): void => {
    expect(() => {
      for (;;) appendFileSync(filler, Buffer.alloc(4096));
    }).toThrow(/ENOSPC/);
  };
  await until('it to hold them', () => {
    fill();
    return running.err().includes('no room is left');
  });
  const held = (await until('an answer', ask))[0] ?? 0;
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThan(last);
  expect(running.err()).toMatch(
    /^sluice: store: no room is left on the disk of .*history; make room there, or keep less .*; its events wait and are tried again$/m,
  );
  console.log(`held after ${held} of ${last} numbers`);

  rmSync(filler);
  await until('every number', async () => (await ask())[0] === last, 60_000);
  expect(await ask()).toEqual([last, last, 1, last]);
  expect(running.err().match(/no room is left/g)).toHaveLength(1);
  expect(running.err()).toMatch(/there is room again on the disk of .*; going on/);
  expect(await running.stop()).toMatchObject({ code: 0 });
});
