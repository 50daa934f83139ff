import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Delivery } from '../bus/bus.ts';
import { virtualClock } from '../clock.ts';
import type { Kind } from '../kinds.ts';
import { type Suspicion, suspect } from './suspicion.ts';

let state: string;
const clock = virtualClock(Date.UTC(2026, 0, 31));
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'sluice-suspicion-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

/** A run; without `stop` it is one that died. */
const start = (died?: string, tells = true) => suspect({ state, clock, died, tells });
const delivery = (redelivered: boolean, kind: Kind = 'metric') => ({ redelivered, message: { kind } }) as Delivery;
/** Dies while it handles this. */
const dieOf = (run: Suspicion, node: string, ...whats: string[]) => void run.alone(node, whats, () => new Promise(() => {}));
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('suspects nothing after a run that ended well, and leaves nothing behind', () => {
  start().stop();
  const run = start();
  expect(run.suspects(delivery(true))).toBe(false);
  run.stop();
  expect(readdirSync(state)).toEqual([]);
});

it('suspects, after a death, what is delivered again; all for a while where nobody tells', async () => {
  start();
  const run = start('SIGSEGV');
  expect([run.suspects(delivery(true)), run.suspects(delivery(false)), run.suspects(delivery(false, 'state'))]).toEqual([
    true,
    false,
    true,
  ]);
  const embedded = start('SIGSEGV', false);
  expect(embedded.suspects(delivery(false))).toBe(true);
  await clock.advance(61_000);
  expect(embedded.suspects(delivery(false))).toBe(false);
});

it('parts what it died of, and then condemns one', async () => {
  start();
  dieOf(start('SIGSEGV'), 'fragile', 'a', 'b');
  await turn();
  const second = start('SIGSEGV');
  expect([second.parted('fragile', 'b'), second.parted('other', 'b'), second.verdict('fragile', 'b')]).toEqual([true, false, undefined]);
  dieOf(second, 'fragile', 'b');
  await turn();
  const third = start('SIGSEGV');
  expect(third.verdict('fragile', 'b')?.message).toContain('the process died of it');
  expect([third.verdict('fragile', 'a'), third.verdict('other', 'b')]).toEqual([undefined, undefined]);
});

it('takes two deaths for proof where somebody else may have ended the process', async () => {
  start();
  for (const proven of [false, true]) {
    dieOf(start('SIGKILL'), 'fragile', 'a');
    await turn();
    const next = start('SIGKILL');
    expect(next.verdict('fragile', 'a') !== undefined).toBe(proven);
  }
});

it('lets one be handled at a time, notes it alone, and waits for no sink for ever', async () => {
  start();
  const run = start('SIGSEGV');
  const order: string[] = [];
  void run.alone('slow', ['a'], () => new Promise(() => order.push('slow')));
  void run.alone('fragile', ['b', 'c'], async () => {
    order.push('fragile');
    // Of another node, and in no line: it changes nothing.
    run.at('elsewhere', 'd');
    run.at('fragile', 'c');
    await new Promise(() => {});
  });
  await turn();
  expect(order).toEqual(['slow']);
  await clock.advance(2000);
  await turn();
  expect(order).toEqual(['slow', 'fragile']);
  const next = start('SIGSEGV');
  expect([next.verdict('fragile', 'c') !== undefined, next.verdict('slow', 'a')]).toEqual([true, undefined]);
});

it('goes without where it cannot write', () => {
  const run = suspect({ state: join(state, 'absent'), clock, died: 'SIGSEGV', tells: true });
  expect(run.suspects(delivery(true))).toBe(false);
  run.stop();
});
