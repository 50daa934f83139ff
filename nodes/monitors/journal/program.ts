/**
 * A program that never ends, as lines: started again with growing pauses when it does end, killed when nobody listens.
 * Its output waits in the pipe while the last lines are being kept, so memory is bounded by one line.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

export interface Ended {
  /** What it wrote last to its standard error, in one line. */
  readonly complaint: string;
  readonly reason: string;
}

/** Lines that came together, or the bytes of one that was too long and is gone. */
export type Output = { readonly lines: readonly string[] } | { readonly tooLong: number };

const firstPauseMs = 1000;
const longestPauseMs = 60_000;
const complaintLimit = 500;

/**
 * Runs `file` with the arguments that `args` gives at each start, until the signal aborts. `ended` is told of each end;
 * after output, the pause before the next start is short again.
 */
export async function* outputOf(
  file: string,
  args: () => readonly string[],
  lineLimit: number,
  signal: AbortSignal,
  ended: (end: Ended) => void,
): AsyncGenerator<Output, void, void> {
  let wait = firstPauseMs;
  while (!signal.aborted) {
    const child = spawn(file, args(), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C.UTF-8' } });
    const kill = (): void => void child.kill();
    signal.addEventListener('abort', kill, { once: true });
    const exit = once(child, 'close').then(
      ([code, by]) => (by ? `by ${by}` : `with ${code}`),
      (thrown: NodeJS.ErrnoException) => `with ${thrown.code ?? thrown.message}`,
    );
    let complaint = '';
    child.stderr.on('data', (bytes: Buffer) => {
      complaint = (complaint + bytes.toString('utf8')).slice(-complaintLimit);
    });
    try {
      for await (const output of linesOf(child.stdout, lineLimit)) {
        wait = firstPauseMs;
        yield output;
      }
    } finally {
      signal.removeEventListener('abort', kill);
      child.kill();
    }
    const reason = await exit;
    if (signal.aborted) return;
    ended({ complaint: complaint.trim().replace(/\s+/g, ' '), reason });
    await pause(wait, undefined, { signal }).catch(() => {});
    wait = Math.min(wait * 2, longestPauseMs);
  }
}

/** A stream's lines, those of each chunk together. */
export async function* linesOf(stream: AsyncIterable<Buffer>, lineLimit: number): AsyncGenerator<Output, void, void> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      const first = chunk.indexOf(0x0a) + 1;
      const isTooLong = bytes + first > lineLimit;
      if (isTooLong) yield { tooLong: bytes + first - 1 };
      const whole = isTooLong ? chunk.subarray(first, end) : Buffer.concat([...parts, chunk.subarray(0, end)]);
      const lines = whole.toString('utf8').split('\n').filter(Boolean);
      if (lines.length > 0) yield { lines };
      parts = [];
      bytes = 0;
    }
    bytes += chunk.length - end;
    // Past the limit only the size goes on counting.
    if (bytes <= lineLimit) parts.push(Buffer.from(chunk.subarray(end)));
    else parts = [];
  }
}
