import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Follower } from 'sluice';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { follow, type Step } from './follow.ts';
import log from './log.ts';
import type { Position } from './place.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  path = join(folder, 'app.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `line ${from + index}`);
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** A reader that stands still between two requests, so that what happens in between happens unseen. */
function reading(globs = [join(folder, '*.log')], saved?: Position, start: 'recent' | 'beginning' = 'recent') {
  const stopping = new AbortController();
  const said: string[] = [];
  const steps = follow({ globs, start, beat: 10, patience: 5 }, saved, stopping.signal, (what) => said.push(what));
  const late = setTimeout(() => stopping.abort(), 10_000);
  let last: Step | undefined;
  return {
    said,
    position: () => JSON.parse(JSON.stringify(last?.position)) as Position,
    /** The next `count` lines, and no step beyond them. */
    async lines(count: number) {
      const lines: Step['drafts'][number]['data']['lines'] = [];
      while (lines.length < count || !last) {
        const step = await steps.next();
        if (step.done) break;
        last = step.value;
        for (const draft of last.drafts) lines.push(...draft.data.lines);
      }
      return lines;
    },
    async bodies(count: number) {
      return (await this.lines(count)).map(({ body }) => body);
    },
    async stop() {
      clearTimeout(late);
      stopping.abort();
      await steps.return();
    },
  };
}

test('the first run begins with the last 20 lines, and a file that appears later with its first', async () => {
  writeFileSync(path, text(numbered(0, 100)));
  const reader = reading();
  expect(await reader.bodies(20)).toEqual(numbered(80, 100));
  writeFileSync(join(folder, 'new.log'), text(numbered(0, 50)));
  expect(await reader.bodies(50)).toEqual(numbered(0, 50));
  appendFileSync(path, text(['more']));
  expect(await reader.bodies(1)).toEqual(['more']);
  await reader.stop();
});

test('a short file is told whole, an empty one from then on, and one of a single endless line is not searched', async () => {
  writeFileSync(path, text(numbered(0, 3)));
  const reader = reading();
  expect(await reader.bodies(3)).toEqual(numbered(0, 3));
  await reader.stop();
  writeFileSync(path, 'x'.repeat(1_000_000));
  const second = reading();
  await second.lines(0);
  appendFileSync(path, 'end\nnext\n');
  expect(await second.bodies(2)).toEqual(['end', 'next']);
  await second.stop();
});

test('after a restart it goes on where it was, with what was written and made meanwhile', async () => {
  writeFileSync(path, text(numbered(0, 5)));
  const first = reading();
  await first.lines(5);
  await first.stop();
  appendFileSync(path, text(numbered(5, 8)));
  writeFileSync(join(folder, 'other.log'), text(['other']));
  const second = reading(undefined, first.position());
  expect((await second.bodies(4)).sort()).toEqual([...numbered(5, 8), 'other']);
  await second.stop();
});

test('a glob that is new begins near the end, whatever the old ones did', async () => {
  writeFileSync(path, text(numbered(0, 5)));
  const first = reading();
  await first.lines(5);
  await first.stop();
  mkdirSync(join(folder, 'more'));
  writeFileSync(join(folder, 'more', 'big.log'), text(numbered(0, 1000)));
  const second = reading([join(folder, '*.log'), join(folder, 'more', '*.log')], first.position());
  expect(await second.bodies(20)).toEqual(numbered(980, 1000));
  expect(second.position().files.map((file) => file.path)).toEqual([path, join(folder, 'more', 'big.log')]);
  await second.stop();
  const third = reading([join(folder, '*.log')], second.position());
  await third.lines(0);
  expect(third.position().files.map((file) => file.path)).toEqual([path]);
  await third.stop();
});

test('start: beginning tells a file whole', async () => {
  writeFileSync(path, text(numbered(0, 1000)));
  const reader = reading(undefined, undefined, 'beginning');
  expect(await reader.bodies(1000)).toEqual(numbered(0, 1000));
  await reader.stop();
});

test('a line waits for its newline, also over a restart', async () => {
  writeFileSync(path, 'one\ntw');
  const first = reading();
  expect(await first.bodies(1)).toEqual(['one']);
  await first.stop();
  const second = reading(undefined, first.position());
  await second.lines(0);
  appendFileSync(path, 'o\nthr');
  expect(await second.bodies(1)).toEqual(['two']);
  appendFileSync(path, 'ee\n');
  expect(await second.bodies(1)).toEqual(['three']);
  await second.stop();
});

test('of a file that was rotated away or deleted, the last line is told without its newline', async () => {
  writeFileSync(path, 'one\nlast');
  const reader = reading();
  await reader.lines(1);
  renameSync(path, `${path}.1`);
  expect(await reader.bodies(1)).toEqual(['last']);
  writeFileSync(path, 'new\ngone');
  expect(await reader.bodies(1)).toEqual(['new']);
  unlinkSync(path);
  expect(await reader.bodies(1)).toEqual(['gone']);
  expect(reader.position().files).toEqual([]);
  await reader.stop();
});

test('lines of a megabyte are cut and say so, and the lines around them are whole', async () => {
  writeFileSync(path, '');
  const reader = reading();
  await reader.lines(0);
  appendFileSync(path, `before\n${'é'.repeat(524_288)}\nbetween\n${'y'.repeat(100_000)}\n${'z'.repeat(65_536)}\nafter\n`);
  const lines = await reader.lines(6);
  expect(lines.map(({ body, cut }) => [body.slice(0, 7), body.length, cut])).toEqual([
    ['before', 6, undefined],
    ['ééééééé', 32_768, 1_048_576 - 65_536],
    ['between', 7, undefined],
    ['yyyyyyy', 65_536, 100_000 - 65_536],
    ['zzzzzzz', 65_536, undefined],
    ['after', 5, undefined],
  ]);
  await reader.stop();
});

test('a file without a newline takes no memory, and is one cut line when its newline comes', async () => {
  writeFileSync(path, '');
  const reader = reading();
  await reader.lines(0);
  const before = process.memoryUsage().arrayBuffers;
  const next = reader.lines(2);
  const part = 'x'.repeat(8_388_608);
  for (let turn = 0; turn < 32; turn++) appendFileSync(path, part);
  appendFileSync(path, '\nnext\n');
  const [long, short] = await next;
  expect([long?.body.length, long?.cut, short?.body]).toEqual([65_536, 32 * 8_388_608 - 65_536, 'next']);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_777_216);
  await reader.stop();
});

test('the hole that truncation leaves under a writer that does not append is no text', async () => {
  writeFileSync(path, text(numbered(0, 10)));
  const reader = reading();
  await reader.lines(10);
  truncateSync(path, 0);
  truncateSync(path, 3_000_000);
  appendFileSync(path, 'after\n');
  expect(await reader.bodies(1)).toEqual(['after']);
  await reader.stop();
});

for (const [size, count] of Object.entries({ shorter: 2, 'as long': 10, longer: 500 })) {
  test(`truncated and written anew between two looks, ${size}`, async () => {
    writeFileSync(path, text(numbered(0, 10)));
    const reader = reading();
    await reader.lines(10);
    const anew = numbered(0, count).map((line) => line.toUpperCase());
    truncateSync(path, 0);
    appendFileSync(path, text(anew));
    expect(await reader.bodies(count)).toEqual(anew);
    await reader.stop();
    // And while nobody looks at all.
    const other = numbered(0, count).map((line) => `other ${line}`);
    writeFileSync(path, text(other));
    const second = reading(undefined, reader.position());
    expect(await second.bodies(count)).toEqual(other);
    await second.stop();
  });
}

test('a file is read once, whatever names, links and globs it has', async () => {
  writeFileSync(path, text(['one']));
  symlinkSync(path, join(folder, 'link.log'));
  const reader = reading([join(folder, '*.log'), path]);
  expect(await reader.bodies(1)).toEqual(['one']);
  appendFileSync(path, text(['two']));
  writeFileSync(join(folder, 'z.log'), text(['end']));
  expect((await reader.bodies(2)).sort()).toEqual(['end', 'two']);
  await reader.stop();
});

test('a pipe, a folder and a broken link are no logs and hold nothing up', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe.log')]);
  mkdirSync(join(folder, 'folder.log'));
  symlinkSync(join(folder, 'pipe.log'), join(folder, 'topipe.log'));
  symlinkSync(join(folder, 'nothing'), join(folder, 'broken.log'));
  writeFileSync(path, text(['one']));
  const reader = reading();
  expect(await reader.bodies(1)).toEqual(['one']);
  expect(reader.said).toEqual([]);
  await reader.stop();
});

test('drafts say which file, and have its name in their key', async () => {
  writeFileSync(path, text(['one']));
  const follower = log.create({ files: [path], start: 'recent' }) as Follower<'log', Position>;
  const stopping = new AbortController();
  const drafts: unknown[] = [];
  for await (const step of follower.events(stopping.signal)) {
    drafts.push(...step.drafts);
    if (drafts.length > 0) stopping.abort();
  }
  expect(drafts).toEqual([{ kind: 'log', key: ['log', 'app'], data: { file: path, lines: [{ body: 'one' }] } }]);
});

test('it is asked for by the globs in logs', () => {
  const settings = (logs: string[]) => ({ logs, live: { listen: '' }, output: 'text' as const, state: '', keep: {} });
  expect(log.configure?.(settings(['journal', '/var/log/*.log']))).toEqual({ files: ['/var/log/*.log'] });
  expect(log.configure?.(settings(['journal']))).toBeUndefined();
  expect(log.config.safeParse({ files: ['/x'], from: 1 }).success).toBe(false);
  expect(log.config.safeParse({ files: [] }).success).toBe(false);
});
