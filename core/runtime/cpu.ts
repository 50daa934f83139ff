/**
 * How long a thread of this process has computed: what tells one that hangs in its own code from one that a busy machine keeps
 * waiting. Linux only; elsewhere undefined, and the clock on the wall must do.
 */
import { readFileSync } from 'node:fs';

/** A node that computes for this long without coming back hangs, in milliseconds: of its own time, however busy the machine is. */
export const busyLimitMs = 2000;

/** Milliseconds that a thread has run so far, to 10 ms. The kernel counts in ticks of 1/100 s, whatever its own clock. */
export function computed(thread: number): number | undefined {
  try {
    // Fields 14 and 15, counted after the parenthesised name, which may hold spaces.
    const fields = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks * 10 : undefined;
  } catch {
    return undefined;
  }
}
