/** What a process takes of its machine, as the kernel counts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Linux counts CPU in hundredths of a second for whoever asks. */
const tickMs = 10;

export interface Usage {
  readonly cpuMs: number;
  readonly megabytes: number;
}

export function usageOf({ pid, exitCode }: ChildProcess): Usage {
  if (exitCode !== null || pid === undefined) throw new Error(`the process that was measured ended with exit code ${exitCode}`);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  // Its own and that of programs it started and waited for.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { cpuMs: ticks * tickMs, megabytes: Number(resident?.[1]) / 1024 };
}

/** Starts Node with these words; it ends with this process. */
export function startNode(words: readonly string[]): ChildProcess {
  // As systemd starts it: what dies is started again by somebody else.
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, INVOCATION_ID: 'bench', NODE_OPTIONS: '' },
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

export async function endNode(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
