/**
 * One process per state: two would hand out the same orders. The lock names a process and when it began, so that a number
 * that was given to another process since does not hold it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, messageOf } from '../errors.ts';

/** Takes the lock of a state directory, which it makes; the result lets go. @throws ConfigError when another holds it. */
export function lock(directory: string): () => void {
  const file = join(directory, 'lock');
  const mine = JSON.stringify({ pid: process.pid, began: began(process.pid) });
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (let attempt = 0; ; attempt++) {
      try {
        writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
        break;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) throw thrown;
        const holder = read(file);
        if (holder && holder.pid !== process.pid && began(holder.pid) !== undefined && began(holder.pid) === holder.began) {
          throw new ConfigError(`state: ${directory} is in use by process ${holder.pid}; stop it, or choose another with --state`);
        }
        if (holder?.pid === process.pid && holder.began === began(process.pid)) {
          throw new ConfigError(`state: ${directory} is already open in this process`);
        }
        rmSync(file, { force: true });
      }
    }
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    throw new ConfigError(`state: ${directory} cannot be written: ${messageOf(thrown)}; choose another with --state`, { cause: thrown });
  }
  return () => {
    if (read(file)?.pid === process.pid) rmSync(file, { force: true });
  };
}

function read(file: string): { pid: number; began: string } | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'pid' in parsed && 'began' in parsed && typeof parsed.pid === 'number') {
      return { pid: parsed.pid, began: String(parsed.began) };
    }
  } catch {
    // Half a lock is none: its writer died.
  }
  return undefined;
}

/** When a process began, in a form that only compares; undefined when there is none. */
function began(pid: number): string | undefined {
  try {
    // Field 22, counted after the parenthesised name, which may hold spaces.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch {
      return undefined;
    }
  }
}
