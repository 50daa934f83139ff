/**
 * Which git commit a config stands at, so that what filters derive can name it.
 *
 * a config file → the commit that last changed it or the `conf.d` beside it, with `-dirty` (as `git describe` writes it) where
 * they were changed since. Undefined where the file is in no checkout, was never committed, or git is not there or refuses.
 */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const patienceMs = 5000;

export async function commitOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    // The checkout is where the file itself is, and not where a link to it lies.
    const path = await realpath(file);
    const files = ['--', basename(path), 'conf.d'];
    const git = async (...words: string[]): Promise<string> => {
      // Only looking: it starts no helper of the checkout's own, and takes no lock.
      const options = ['--no-optional-locks', '-c', 'core.fsmonitor=false', '-C', dirname(path)];
      return (await run('git', [...options, ...words, ...files], { timeout: patienceMs })).stdout.trim();
    };
    const commit = await git('log', '-1', '--format=%H');
    if (!/^[0-9a-f]{40,64}$/.test(commit)) return undefined;
    return (await git('status', '--porcelain')) === '' ? commit : `${commit}-dirty`;
  } catch {
    return undefined;
  }
}
