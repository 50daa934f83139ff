/**
 * Sees to it that `dist/` is what the sources say, since scenarios run what users run. `npm test` has built it already;
 * whoever runs one scenario by hand need not think of it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stamp = join(root, 'dist', '.tsbuildinfo');
const lock = join(root, 'dist', '.building');
/** A build takes half a minute at most; a lock that is older was left by one that was killed. */
const forgottenMs = 60_000;

const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function isStale(): boolean {
  const built = changed(stamp);
  if (changed(join(root, 'dist/core/cli/main.js')) === 0) return true;
  return ['core', 'nodes', 'deploy'].some((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).some(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && changed(join(root, folder, file)) > built,
    ),
  );
}

/** Resolves once `dist/` is in step. Test files run side by side: the first builds, the others wait. */
export async function built(): Promise<void> {
  while (isStale()) {
    mkdirSync(dirname(lock), { recursive: true });
    try {
      mkdirSync(lock);
    } catch {
      if (changed(lock) < systemClock.now() - forgottenMs) rmSync(lock, { recursive: true, force: true });
      await pause(100);
      continue;
    }
    try {
      if (isStale()) build();
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
}

function build(): void {
  const began = new Date(systemClock.now());
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  // Where nothing had to be written anew, the compiler leaves its stamp as it was.
  utimesSync(stamp, began, began);
}
