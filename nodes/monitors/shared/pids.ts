/**
 * Reads Linux's processes, and works out what share of the processors each took since the reading before.
 *
 * root → processes. A share is ticks over ticks, the process's over all processors', so no clock is needed. A process is
 * known by its pid and start together: pids come round again.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Process, ProcessState } from './elsewhere.ts';
import { listProc, readProc } from './proc.ts';

/** How many are read before other work gets its turn: about a millisecond. */
const atOnce = 100;

/** X and x are on their way out; I is a kernel thread that sleeps without counting as load. */
const states: Readonly<Record<string, ProcessState>> = {
  R: 'running',
  D: 'blocked',
  T: 'stopped',
  t: 'stopped',
  Z: 'defunct',
  X: 'defunct',
  x: 'defunct',
};

export interface Stat {
  readonly name: string;
  readonly state: ProcessState;
  /** Time in user and kernel mode, in ticks. */
  readonly ticks: number;
  /** When it started, in ticks after boot. */
  readonly start: string;
  /** Resident pages. Near enough to rank by. */
  readonly pages: number;
}

export function processReader(node: string, root: string): () => Promise<Process[]> {
  let before = new Map<number, Stat>();
  let totalBefore = Number.NaN;
  return async () => {
    const pids = (listProc(node, root) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
    const now = new Map<number, Stat>();
    for (const [index, pid] of pids.entries()) {
      if (index % atOnce === atOnce - 1) await breathe();
      const stat = parseStat(readProc(node, root, `${pid}/stat`) ?? '');
      if (stat) now.set(pid, stat);
    }
    const total = totalTicks(readProc(node, root, 'stat') ?? '');
    const spent = total - totalBefore;
    const processes = [...now].map(([pid, stat]): Process => {
      const last = before.get(pid);
      // One that is new spent all of its time since the reading before.
      const ticks = stat.ticks - (last?.start === stat.start ? last.ticks : 0);
      return {
        pid,
        name: stat.name,
        state: stat.state,
        share: spent > 0 ? Math.min(1, Math.max(0, ticks / spent)) : undefined,
        size: stat.pages,
        bytes: () => residentBytes(readProc(node, root, `${pid}/status`) ?? ''),
      };
    });
    before = now;
    totalBefore = total;
    return processes;
  };
}

/** Reads /proc/<pid>/stat. A name stands in brackets and may hold anything, brackets and newlines too: the last one ends it. */
export function parseStat(text: string): Stat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const [state = '', user, system, start = '', pages] = [fields[0], fields[11], fields[12], fields[19], fields[21]];
  return {
    name: text.slice(open + 1, close),
    state: states[state] ?? 'sleeping',
    ticks: Number(user) + Number(system),
    start,
    pages: Number(pages),
  };
}

/** What all processors have spent, idling too, in ticks: the first eight counts, since guests are within the first two. */
const totalTicks = (stat: string): number =>
  stat
    .slice(0, stat.indexOf('\n'))
    .split(/ +/)
    .slice(1, 9)
    .reduce((sum, count) => sum + Number(count), 0);

/** Exact, and in units that need no page size; kernel threads have none. */
const residentBytes = (status: string): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
