/**
 * Rotation under a real writer: a child process writes numbered lines while the file is renamed, copied, truncated and
 * deleted, and the reader is killed and started again. Whatever happens, every number comes exactly once.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { follow } from './follow.ts';
import type { Position } from './place.ts';

const program = fileURLToPath(new URL('../../../test/fixtures/log/writer.mjs', import.meta.url));
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-rotation-'));
  path = join(folder, 'app.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the writer does when it is told to, and how many lines it has written when it is done. */
type Tell = (message: 'pause' | 'resume' | 'more' | 'reopen' | 'stop') => Promise<number>;

async function withWriter(work: (tell: Tell) => Promise<void>): Promise<void> {
  const child: ChildProcess = fork(program, [path], { stdio: 'inherit' });
  const tell: Tell = (message) =>
    new Promise((resolve, reject) => {
      child.once('exit', reject);
      child.on('message', function answer(reply: { done: string; written: number }) {
        if (reply.done !== message) return;
        child.off('message', answer).off('exit', reject);
        resolve(reply.written);
      });
      child.send(message);
    });
  try {
    await work(tell);
  } finally {
    child.kill('SIGKILL');
  }
}

/** A reader that keeps what it was given together with the position, as the runtime does, and can be killed at any point. */
function reader(glob: string) {
  const numbers: number[] = [];
  let saved: Position | undefined = { globs: [glob], files: [] };
  let kill: (() => Promise<void>) | undefined;
  const run = async (signal: AbortSignal, isDead: () => boolean): Promise<void> => {
    const steps = follow({ globs: [glob], start: 'recent', beat: 20, patience: 25 }, saved, signal, (text) => {
      throw new Error(text);
    });
    for await (const { drafts, position } of steps) {
      // Killed between reading and committing: neither the lines nor the position are kept.
      if (isDead()) break;
      for (const line of drafts.flatMap((draft) => draft.data.lines)) numbers.push(Number(/^line (\d{8}) x*$/.exec(line.body)?.[1]));
      saved = JSON.parse(JSON.stringify(position)) as Position;
    }
  };
  return {
    numbers,
    start() {
      const stopping = new AbortController();
      let dead = false;
      const finished = run(stopping.signal, () => dead);
      kill = async () => {
        dead = true;
        stopping.abort();
        await finished;
      };
    },
    kill: async () => kill?.(),
    /** Looks at everything once more, so that what would come twice has come: a file that appears now is read after it. */
    async settle() {
      writeFileSync(join(folder, 'last.log'), 'line 99999999 \n');
      for (let turn = 0; turn < 1000 && numbers.at(-1) !== 99_999_999; turn++) await pause(10);
      await kill?.();
      expect(numbers.pop()).toBe(99_999_999);
    },
    /** Resolves when that many lines have come; what is missing or came twice says so itself. */
    async until(count: number) {
      for (let turn = 0; turn < 1000 && numbers.length < count; turn++) await pause(10);
    },
  };
}

const isComplete = (numbers: readonly number[], count: number): void => {
  const seen = new Map<number, number>();
  for (const number of numbers) seen.set(number, (seen.get(number) ?? 0) + 1);
  const missing = Array.from({ length: count }, (_, number) => number).filter((number) => !seen.has(number));
  const repeated = [...seen].filter(([, times]) => times > 1).map(([number]) => number);
  expect({ missing, repeated, lines: numbers.length }).toEqual({ missing: [], repeated: [], lines: count });
};

/** Moves app.log.1 to app.log.2 and so on, as logrotate does before it rotates. */
function shift(): void {
  for (let index = 9; index >= 1; index--) {
    if (existsSync(`${path}.${index}`)) renameSync(`${path}.${index}`, `${path}.${index + 1}`);
  }
}

const rotations: Record<string, (tell: Tell, caughtUp: (count: number) => Promise<void>) => Promise<void>> = {
  async 'rename, and the writer reopens at once'(tell) {
    shift();
    renameSync(path, `${path}.1`);
    await tell('reopen');
  },
  async 'rename and create, while the writer goes on with the old file for a while'(tell) {
    shift();
    renameSync(path, `${path}.1`);
    writeFileSync(path, '');
    await tell('more');
    await tell('reopen');
  },
  async 'rename within what the glob selects'(tell) {
    shift();
    renameSync(path, join(folder, `app-20260102.${Math.floor(performance.now())}.log`));
    await tell('reopen');
  },
  async 'copy and truncate'(tell) {
    // Between copy and truncation a line would be lost whoever reads: the writer holds still for as long.
    await tell('pause');
    shift();
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
    await tell('resume');
  },
  async truncation(tell, caughtUp) {
    await caughtUp(await tell('pause'));
    truncateSync(path, 0);
    await tell('resume');
  },
  async deletion(tell) {
    unlinkSync(path);
    await tell('reopen');
  },
};

describe('under a concurrent writer every line comes once', () => {
  for (const [name, rotate] of Object.entries(rotations)) {
    test(name, { timeout: 30_000 }, async () => {
      await withWriter(async (tell) => {
        const reading = reader(join(folder, '*.log'));
        reading.start();
        for (let turn = 0; turn < 5; turn++) {
          await reading.until(reading.numbers.length + 150);
          await rotate(tell, reading.until);
        }
        const count = await tell('stop');
        await reading.until(count);
        await reading.settle();
        isComplete(reading.numbers, count);
        expect(reading.numbers).toEqual([...reading.numbers].sort((a, b) => a - b));
      });
    });
  }
});

/** Numbers from a seed, so that a failure can be seen again (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

describe('killed and started again at random points, with every rotation in between', () => {
  const safe = ['rename, and the writer reopens at once', 'rename and create, while the writer goes on with the old file for a while'];
  const ways = { 'by rename': safe, 'by copy': ['copy and truncate'], 'by both': [...safe, 'copy and truncate'] };
  for (const [way, names] of Object.entries(ways)) {
    for (const seed of [1, 2, 3]) {
      test(`${way}, seed ${seed}`, { timeout: 40_000 }, async () => {
        const below = random(seed);
        await withWriter(async (tell) => {
          const reading = reader(join(folder, '*.log'));
          let running = false;
          for (let turn = 0; turn < 14; turn++) {
            if (running) await reading.kill();
            else reading.start();
            running = !running;
            // A copy is known by what was read of it: each generation is begun before it is copied away.
            if (running) await reading.until(reading.numbers.length + 20 + below(200));
            else await tell('more');
            const rotate = rotations[names[below(names.length)] ?? ''];
            if (below(3) > 0 && rotate) await rotate(tell, reading.until);
          }
          if (!running) reading.start();
          const count = await tell('stop');
          await reading.until(count);
          await reading.settle();
          isComplete(reading.numbers, count);
        });
      });
    }
  }
});
