import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Event, historyWithin } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { openArchive } from '../../store/archive.ts';
import { keepAll } from '../../store/tiers.ts';
import { anyone, lookerOf } from '../looker.ts';
import { answerMarks, createMarks } from './marks.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

const start = Date.UTC(2026, 0, 1);
let count = 0;
const event = (kind: Event['kind'], at: number, data: unknown, key = 'acme.shop.prod.web-1.x'): Event =>
  ({ id: `e${count++}`, kind, key, source: '/acme/shop/prod/hub/x', time: start + at * 1000, data }) as Event;
const server = (at: number, status: string, boot = 'b1', sluice = '1.0', key = 'acme.shop.prod.web-1.server') =>
  event('state', at, { of: 'server', value: { status, boot, versions: { sluice } } }, key);
const alert = (at: number, status: 'firing' | 'resolved', key?: string) =>
  event(
    'alert',
    at,
    { rule: 'hot', status, severity: 'warning', summary: `it is ${status}`, since: new Date(start).toISOString(), evidence: [] },
    key,
  );

async function world(...stored: Event[]) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-marks-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const archive = await openArchive({ folder, keep: keepAll, say: () => {}, now: () => start + 1e6 });
  undo.push(() => archive.close());
  await archive.write(stored);
  return archive.history;
}
const span = { from: start, to: start + 1000_000 };
const brief = ({ marks }: Awaited<ReturnType<typeof answerMarks>>) =>
  marks.map(({ time, what, text }) => [(time - start) / 1000, what, text]);

it('has alerts and changes of what is remembered and of what was kept, each once, in order', async () => {
  const old = [
    server(0, 'alive'),
    server(60, 'alive'),
    alert(70, 'firing'),
    server(120, 'silent'),
    server(180, 'alive', 'b2', '1.1'),
    event('audit', 190, { who: 'ada', did: 'token.new', to: 'x' }),
    event('policy', 195, { commit: 'abc123', document: {} }),
  ];
  const recent = [
    server(240, 'alive', 'b2', '1.1'),
    alert(250, 'resolved'),
    server(300, 'blind', 'b2', '1.1'),
    server(360, 'alive', 'b2', '1.1'),
  ];
  const history = await world(...old, ...recent.slice(0, 2));
  const memory = createMarks();
  for (const one of [...old.slice(-1), ...recent]) memory.take(one);
  expect(brief(await answerMarks(memory, span, history, anyone))).toEqual([
    [70, 'firing', 'it is firing'],
    [120, 'silent', 'silent'],
    [180, 'alive', 'heard again'],
    [180, 'boot', 'started anew'],
    [180, 'version', 'sluice 1.0 → 1.1'],
    [190, 'audit', 'ada: token.new x'],
    [195, 'policy', 'policy abc123'],
    [250, 'resolved', 'it is resolved'],
  ]);
  expect(brief(await answerMarks(memory, { ...span, from: start + 196_000 }, undefined, anyone))).toEqual([
    [250, 'resolved', 'it is resolved'],
  ]);
});

it('is of one server where that is asked for, and of what the looker may see', async () => {
  const there = [alert(1, 'firing'), alert(2, 'firing', 'acme.shop.prod.web-10.x'), alert(3, 'firing', 'acme.till.prod.till-1.x')];
  const history = await world(...there);
  const memory = createMarks();
  for (const one of there) memory.take(one);
  const times = async (...asked: Parameters<typeof answerMarks>) => brief(await answerMarks(...asked)).map(([at]) => at);
  expect(await times(memory, { ...span, server: 'acme.shop.prod.web-1' }, history, anyone)).toEqual([1]);
  expect(await times(memory, { ...span, server: "x' OR true --" }, history, anyone)).toEqual([]);
  expect(await times(memory, span, historyWithin(history, 'acme.till'), lookerOf('t', 'viewer', 'acme.till'))).toEqual([3]);
});

it('asks a store of what it does not know itself, and of that once', async () => {
  const stored = [alert(1, 'firing'), alert(50, 'resolved')];
  const history = await world(...stored);
  let asked = 0;
  const query: typeof history.query = (...question) => {
    asked++;
    return history.query(...question);
  };
  const counting = { ...history, query };
  const memory = createMarks(start + 100_000);
  memory.take(alert(150, 'firing'));
  const times = async (from: number) =>
    brief(await answerMarks(memory, { ...span, from: start + from * 1000 }, counting, anyone)).map(([at]) => at);
  expect([await times(101), asked]).toEqual([[150], 0]);
  expect(await times(0)).toEqual([1, 50, 150]);
  const before = asked;
  expect([await times(20), asked]).toEqual([[50, 150], before]);
});

it('is bounded, the latest first to stay, and says so', async () => {
  const memory = createMarks();
  for (let at = 0; at < 10_000; at++) memory.take(alert(at / 100, 'firing'));
  const { marks, cut } = await answerMarks(memory, span, undefined, anyone);
  expect([marks.length, cut, marks.at(-1)?.time]).toEqual([500, true, start + 99_990]);
  expect(memory.all.length).toBeLessThanOrEqual(4000);
});
