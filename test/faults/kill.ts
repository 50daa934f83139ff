/**
 * A run of numbers through a filter to a ledger, whose process is killed at random moments and started again. What the
 * filter says must be, to the last number, what it says when nobody kills it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/kill', import.meta.url));

export interface KillRun {
  /** The distinct lines of the ledger, in order of first appearance. */
  readonly lines: readonly string[];
  /** Lines that the ledger got again: it is written at least once. */
  readonly repeated: number;
  readonly kills: number;
  readonly seconds: number;
}

/** A repeatable stream of numbers in [0, 1), so that a failure can be run again (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export async function killRun({ until, kills, seed }: { until: number; kills: number; seed: number }): Promise<KillRun> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-kill-'));
  const ledger = join(folder, 'ledger');
  const random = seeded(seed);
  const began = performance.now();
  writeFileSync(
    join(folder, 'config.yaml'),
    JSON.stringify({
      host: 'web-1',
      run: ['feed', 'count', 'ledger'],
      nodes: [
        { use: join(fixtures, 'feed.ts'), until },
        { use: join(fixtures, 'count.ts') },
        { use: join(fixtures, 'ledger.ts'), file: ledger },
      ],
    }),
  );
  // Every lane counts in tens; what is left over is not said.
  const expected = Array.from({ length: 7 }, (_, lane) =>
    Math.floor((Math.floor(until / 7) + (until % 7 >= lane && lane > 0 ? 1 : 0)) / 10),
  ).reduce((a, b) => a + b);
  const read = () => (existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : []);
  let child: ChildProcess | undefined;
  let killed = 0;
  try {
    for (;;) {
      const running = spawn(process.execPath, [main, 'run', join(folder, 'config.yaml'), '--state', join(folder, 'state')], {
        env: { ...process.env, SLUICE_KEPT: '1', SLUICE_PORT: '0' },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      child = running;
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      if (killed < kills) {
        // From before the first event to well into the run; its start takes about half a second.
        await pause(300 + random() * 900);
        running.kill('SIGKILL');
        await ended;
        killed += 1;
        continue;
      }
      const deadline = performance.now() + 120_000;
      while (new Set(read()).size < expected && performance.now() < deadline && running.exitCode === null) await pause(100);
      running.kill('SIGTERM');
      await ended;
      break;
    }
    const all = read();
    const lines = [...new Set(all)];
    return { lines, repeated: all.length - lines.length, kills: killed, seconds: (performance.now() - began) / 1000 };
  } finally {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
