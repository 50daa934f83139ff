/**
 * The journal monitor on real journal files, written by systemd-journal-remote from the journal's export format and read
 * by the real journalctl. Skipped where one of them is missing; in CI that is a failure.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataInput, Follower, Services } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readEntry } from './entry.ts';
import journal from './journal.ts';
import { linesOf, outputOf } from './program.ts';

const remote = '/lib/systemd/systemd-journal-remote';
const missing = [
  ...(existsSync('/usr/bin/journalctl') || existsSync('/bin/journalctl') ? [] : ['journalctl (apt-get install systemd)']),
  ...(existsSync(remote) ? [] : ['systemd-journal-remote (apt-get install systemd-journal-remote)']),
];
const isCI = Boolean(process.env.CI);
if (missing.length > 0 && !isCI) console.warn(`skipped: the journal on real files needs ${missing.join(' and ')}`);

let folder: string;
let writers: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-journal-'));
  mkdirSync(join(folder, 'journal'));
});
afterEach(() => {
  for (const writer of writers) writer.kill();
  writers = [];
  rmSync(folder, { recursive: true });
});

interface Written {
  readonly message: string | Buffer;
  readonly boot?: number;
  readonly fields?: Readonly<Record<string, string>>;
}

/** A journal file that grows: each `write` appends entries to it. */
function journalFile(name = 'test') {
  const writer = spawn(remote, [`--output=${join(folder, 'journal', `${name}.journal`)}`, '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  writers.push(writer);
  let count = 0;
  return {
    write(...entries: Written[]) {
      for (const { message, boot = 1, fields = {} } of entries) {
        count += 1;
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(Buffer.byteLength(message)));
        const named = Object.entries({
          __REALTIME_TIMESTAMP: String(1_767_323_045_000_000 + count * 1000),
          __MONOTONIC_TIMESTAMP: String(count * 1000),
          _BOOT_ID: `4531fd22ec84429e85ae888b12fadb9${boot}`,
          ...fields,
        }).map(([field, value]) => `${field}=${value}\n`);
        writer.stdin.write(Buffer.concat([Buffer.from(`${named.join('')}MESSAGE\n`), length, Buffer.from(message), Buffer.from('\n\n')]));
      }
    },
    async end() {
      writer.stdin.end();
      await new Promise((resolve) => writer.once('close', resolve));
    },
  };
}

type Position = { cursor: string };
type Lines = DataInput<'log'>['lines'];

/** Reads until that many lines have come, and returns them with the position of the last. */
async function read(count: number, saved?: Position, services?: Services): Promise<{ lines: Lines; position: Position | undefined }> {
  const follower = journal.create({ directory: join(folder, 'journal') }, saved) as Follower<'log', Position>;
  await follower.start?.(services);
  const enough = new AbortController();
  const late = setTimeout(() => enough.abort(), 8000);
  const lines: Lines = [];
  let position: Position | undefined;
  for await (const step of follower.events(enough.signal)) {
    for (const draft of step.drafts) lines.push(...draft.data.lines);
    position = step.position;
    if (lines.length >= count) enough.abort();
  }
  clearTimeout(late);
  return { lines, position };
}

const bodies = (lines: Lines) => lines.map(({ body }) => body);
const numbered = (from: number, to: number, boot = 1): Written[] =>
  Array.from({ length: to - from }, (_, index) => ({ message: `entry ${from + index}`, boot }));

describe.skipIf(missing.length > 0 && !isCI)('on real journal files', () => {
  test('tells message, severity, time, program, pid, unit and host', async () => {
    const file = journalFile();
    const fields = { PRIORITY: '3', SYSLOG_IDENTIFIER: 'sshd', _COMM: 'x', _PID: '42', _SYSTEMD_UNIT: 'ssh.service', _HOSTNAME: 'web-1' };
    file.write({ message: 'Failed password', fields }, { message: 'of the kernel', fields: { _COMM: 'init' } });
    await file.end();
    const { lines } = await read(2);
    expect(lines).toEqual([
      {
        body: 'Failed password',
        severity: 'error',
        time: '2026-01-02T03:04:05.001Z',
        fields: { program: 'sshd', pid: 42, unit: 'ssh.service', host: 'web-1' },
      },
      { body: 'of the kernel', severity: 'info', time: '2026-01-02T03:04:05.002Z', fields: { program: 'init' } },
    ]);
  });

  test('begins with the last 20 entries, and goes on after the cursor without loss or repetition, also across a reboot', async () => {
    const file = journalFile();
    file.write(...numbered(0, 50));
    await file.end();
    const first = await read(20);
    expect(bodies(first.lines)).toEqual(bodies(numbered(30, 50).map(({ message }) => ({ body: String(message) }))));
    const more = journalFile();
    more.write(...numbered(50, 60), ...numbered(60, 70, 2));
    await more.end();
    const second = await read(20, first.position);
    expect(bodies(second.lines)).toEqual(bodies(numbered(50, 70).map(({ message }) => ({ body: String(message) }))));
  });

  test('tells what is written while it follows', async () => {
    const file = journalFile();
    file.write(...numbered(0, 3));
    const written = () => execFileSync('journalctl', ['--directory', join(folder, 'journal'), '-q', '-o', 'cat'], { encoding: 'utf8' });
    for (let turn = 0; turn < 100 && written().trim().split('\n').length < 3; turn++) await pause(20);
    // A first run begins with what is there: until that is read, more would only push it out of the window.
    const first = await read(3);
    const reading = read(3, first.position);
    file.write(...numbered(3, 6));
    await file.end();
    expect(bodies([...first.lines, ...(await reading).lines])).toEqual(['entry 0', 'entry 1', 'entry 2', 'entry 3', 'entry 4', 'entry 5']);
  });

  test('hostile messages are kept as they are, long ones cut', async () => {
    const file = journalFile();
    const long = 'y'.repeat(100_000);
    const hostile = [
      '\u001b]0;owned\u0007\u001b[2J',
      '\u202egnp.exe',
      '<img src=x onerror=alert(1)>',
      '{"__proto__":{"x":1}}',
      'two\nlines',
    ];
    file.write(...hostile.map((message) => ({ message })), { message: Buffer.from([0x61, 0xff, 0xfe, 0x00, 0x62]) }, { message: long });
    await file.end();
    const { lines } = await read(7);
    expect(bodies(lines.slice(0, 6))).toEqual([...hostile, 'a\ufffd\ufffd\u0000b']);
    expect(lines[6]?.body.length).toBe(65_536);
    expect(lines[6]?.cut).toBe(100_000 - 65_536);
  });

  test('a position of another journal is given up, and said', async () => {
    const file = journalFile();
    file.write(...numbered(0, 3));
    await file.end();
    const services = testServices();
    const { lines } = await read(3, { cursor: 'no cursor at all' }, services);
    expect(bodies(lines)).toEqual(['entry 0', 'entry 1', 'entry 2']);
    expect(services.said.map(({ text }) => text).join()).toContain('Failed to seek to cursor');
  });

  test('leaves no journalctl behind', async () => {
    const file = journalFile();
    file.write(...numbered(0, 3));
    await file.end();
    await read(3);
    for (let turn = 0; turn < 100 && running().includes(folder); turn++) await pause(10);
    expect(
      running()
        .split('\n')
        .filter((line) => line.includes('--follow') && line.includes(folder)),
    ).toEqual([]);
  });
});

const running = (): string => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });

test('without journalctl it says so once, tells nothing and ends when asked to', async () => {
  const services = testServices();
  const path = process.env.PATH;
  process.env.PATH = folder;
  const follower = journal.create({}) as Follower<'log', Position>;
  await follower.start?.(services);
  process.env.PATH = path;
  const stopping = new AbortController();
  const steps = follower.events(stopping.signal)[Symbol.asyncIterator]();
  const next = steps.next();
  stopping.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(services.said).toEqual([
    { level: 'warn', text: 'there is no journalctl on this machine; leave journal out of logs:, or install systemd' },
  ]);
});

test('a program that ends is started again, and one that is not there is no end of the process', async () => {
  const ends: string[] = [];
  const stopping = new AbortController();
  const lines: string[] = [];
  const script = "process.stdout.write('a\\nb\\n'); process.stderr.write('why'); process.exitCode = 3";
  for await (const part of outputOf(
    process.execPath,
    () => ['-e', script],
    1000,
    stopping.signal,
    (end) => ends.push(`${end.reason}: ${end.complaint}`),
  )) {
    if ('lines' in part) lines.push(...part.lines);
    if (lines.length === 4) stopping.abort();
  }
  expect([lines, ends]).toEqual([['a', 'b', 'a', 'b'], ['with 3: why']]);
  const absent = new AbortController();
  for await (const _ of outputOf(
    join(folder, 'none'),
    () => [],
    1000,
    absent.signal,
    ({ reason }) => {
      ends.push(reason);
      absent.abort();
    },
  ));
  expect(ends.at(-1)).toBe('with ENOENT');
});

test('output past the limit of a line is counted, not held, and the next line is read', async () => {
  const chunks = ['one\ntw', 'o\n', 'x'.repeat(60), 'x'.repeat(60), 'x\nthree\nfour', '\n'].map((text) => Buffer.from(text));
  const found: unknown[] = [];
  for await (const part of linesOf(
    (async function* () {
      yield* chunks;
    })(),
    100,
  ))
    found.push(part);
  expect(found).toEqual([{ lines: ['one'] }, { lines: ['two'] }, { tooLong: 121 }, { lines: ['three'] }, { lines: ['four'] }]);
});

test('what is no entry is left out', () => {
  for (const text of ['', 'null', '[]', '{}', '{"__CURSOR":1}', '-- No entries --', '{"__CURSOR":"s=1","MESSAGE":'])
    expect(readEntry(text)).toBeUndefined();
  expect(readEntry('{"__CURSOR":"c","MESSAGE":null,"__REALTIME_TIMESTAMP":"x","_PID":"x","PRIORITY":"9"}')).toEqual({
    cursor: 'c',
    line: { body: '', severity: 'info', fields: {} },
  });
});

test('it is asked for by the word journal in logs', () => {
  const settings = (logs: string[]) => ({ logs, live: { listen: '' }, output: 'text' as const, state: '', keep: {} });
  expect(journal.configure?.(settings(['journal', '/var/log/*.log']))).toEqual({});
  expect(journal.configure?.(settings(['/var/log/journal']))).toBeUndefined();
});
