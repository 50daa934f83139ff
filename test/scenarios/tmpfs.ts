/** Small filesystems that a test may fill, and that are gone after it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterwards } from './run.ts';

/** Mounts a tmpfs, as in `size=4m` or `size=64k,ro`. */
export function mountTmpfs(path: string, options: string): string {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'sluice-test', path]);
  // Whatever still holds it open lets go of it when it ends.
  afterwards(() => execFileSync('umount', ['-l', path]));
  return path;
}
