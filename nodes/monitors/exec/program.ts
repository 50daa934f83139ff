/**
 * Runs a program of the operator's, without a shell, and never leaves it or its children behind.
 *
 * command → its output and exit code. It gets a process group of its own, an empty stdin, and of our environment only what
 * programs need to find their way: secrets that were given to sluice are not for it. What leaves the group with setsid is
 * out of reach, and is only not waited for.
 */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { formatDuration, messageOf, SluiceError } from 'sluice';

/** The most that one run may print. */
export const maxOutputBytes = 1_048_576;
const maxComplaintBytes = 4096;
/** From asking a program to end until it is ended. */
const graceMs = 1000;

export interface Command {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Program {
  readonly output: Readable;
  /** Resolves with the exit code once it and its output have ended; rejects when it could not run, or a signal ended it. */
  readonly ended: Promise<number>;
  /** The last that it wrote to stderr. */
  complaint(): string;
  /** Asks its whole group to end, and a second later makes it. Safe twice, and after its end. */
  end(): void;
}

const inherited = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|TMP|TEMP|PATHEXT|SystemRoot)$/i;

/** What is left of our own environment, and what the config adds. */
export function environmentOf(added: Readonly<Record<string, string>>): Record<string, string> {
  const ours = Object.entries(process.env).filter((entry): entry is [string, string] => inherited.test(entry[0]) && entry[1] !== undefined);
  return { ...Object.fromEntries(ours), ...added };
}

export function launch({ command, environment }: Command): Program {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(environment),
    // Its own group, so that one signal reaches what it has started.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  let complaint = Buffer.alloc(0);
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = Buffer.concat([complaint, chunk]).subarray(-maxComplaintBytes);
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      if (process.platform === 'win32') child.kill(name);
      else process.kill(-child.pid, name);
    } catch {
      // Nobody is left in the group.
    }
  };
  let over = false;
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(new SluiceError(`exec: cannot run ${file}: ${messageOf(cause)}; check command`, { cause })));
    child.once('close', (code, endedBy) => {
      over = true;
      // What it left in the background would be there once more after each run.
      signal('SIGKILL');
      if (code === null) reject(new SluiceError(`exec: ${file} was ended by ${endedBy}`));
      else resolve(code);
    });
  });
  // Whoever launched it may have stopped listening by then.
  ended.catch(() => {});
  let ending = false;
  return {
    output: child.stdout,
    ended,
    complaint: () => complaint.toString('utf8').trim(),
    end() {
      if (ending || over) return;
      ending = true;
      signal('SIGTERM');
      const last = setTimeout(() => {
        signal('SIGKILL');
        // One that has left the group may still hold the pipes: it does not hold us.
        child.stdout.destroy();
        child.stderr.destroy();
      }, graceMs);
      child.once('close', () => clearTimeout(last));
    },
  };
}

/** Runs a program to its end. @throws SluiceError when it cannot run, takes too long, says too much or is stopped. */
export async function runOnce(
  command: Command,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ exit: number; output: Buffer; complaint: string }> {
  signal.throwIfAborted();
  const program = launch(command);
  const chunks: Buffer[] = [];
  let size = 0;
  let stopped: string | undefined;
  const stop = (why: string): void => {
    stopped ??= why;
    program.end();
  };
  const aborted = () => stop('was stopped before it ended');
  signal.addEventListener('abort', aborted, { once: true });
  const timer = setTimeout(() => stop(`did not end within ${formatDuration(timeoutMs)}; make it quicker, or raise timeout`), timeoutMs);
  program.output.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxOutputBytes) chunks.push(chunk);
    else stop('printed more than 1 MB; print less, or use mode: follow');
  });
  try {
    const exit = await program.ended.catch((cause: unknown) => {
      if (stopped === undefined) throw cause;
      return -1;
    });
    if (stopped !== undefined) throw new SluiceError(`exec: ${command.command[0]} ${stopped}${said(program.complaint())}`);
    return { exit, output: Buffer.concat(chunks), complaint: program.complaint() };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
  }
}

/** What a program wrote to stderr, as the end of an error. Quoted, since it may hold anything. */
export const said = (complaint: string): string => (complaint === '' ? '' : `; it said: ${JSON.stringify(complaint.slice(-500))}`);
