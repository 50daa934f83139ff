/**
 * Which windows are open, and when each closes. Windows are aligned spans of the data's own time, per key and length.
 *
 *     start ├───── window ─────┤ end   allowance
 *           ·· · · ··  ·  ·· · ··  ·   ├ due: closes, is told
 *                                      ·  a straggler opens it again, for a whole length and an allowance
 *
 * a key, a time and the receiving clock → the open window; a receiving clock → those that are due. What comes outside of
 * `start - allowance … end + allowance` on the receiving clock (a backlog, a clock that is wrong) is gathered from its arrival on,
 * and told as a further part of the same window: parts merge, as everything in a stat does.
 */
import { type Table, z } from 'sluice';
import { type Range, range, widened } from './causes.ts';

export const minute = 60_000;
export const hour = 60 * minute;
/** Each length divides the next, whose windows are merged from its own. */
export const lengths: readonly number[] = [minute, 10 * minute, hour];

/** `part`: for all but the first part, when it began to be gathered. `ranges`: the events that it is made of. */
export const openWindow = z.object({ due: z.number(), part: z.number().optional(), ranges: z.array(range).readonly().optional() });

export interface Window extends Omit<z.output<typeof openWindow>, 'ranges'> {
  readonly id: string;
  readonly length: number;
  readonly from: number;
  readonly key: string;
  /** The table keys of what it holds: buffered points, or summaries of the windows that it is merged from. */
  readonly holds: string[];
  /** Of a minute, those that are known of its writers: what its points say is added when it closes. */
  ranges: readonly Range[];
}

export interface Windows {
  /** The window that a time falls into, opened if it is not open. `closed`: when the latest one that was told had been due. */
  at(length: number, time: number, key: string, at: number, closed: number): Window;
  /** An open window; undefined when it is not. */
  find(length: number, time: number, key: string): Window | undefined;
  /** Those that are to be closed, in the order in which they are. */
  due(at: number): Window[];
  /** The window is made of these, too. */
  made(window: Window, of: readonly Range[]): void;
  close(window: Window): void;
}

export function windows(table: Table<z.output<typeof openWindow>>, allowance: number): Windows {
  const open = new Map<string, Window>();
  let nextDue = Number.POSITIVE_INFINITY;
  const index = (id: string, row: z.output<typeof openWindow>): Window => {
    const [length = '', from = ''] = id.split(' ', 2);
    const key = id.slice(length.length + from.length + 2);
    const window: Window = { ...row, id, length: Number(length), from: Number(from), key, holds: [], ranges: row.ranges ?? [] };
    open.set(id, window);
    nextDue = Math.min(nextDue, row.due);
    return window;
  };
  for (const [id, row] of table.entries()) index(id, row);
  const startOf = (length: number, time: number): number => Math.floor(time / length) * length;

  return {
    find: (length, time, key) => open.get(`${length} ${startOf(length, time)} ${key}`),
    at(length, time, key, at, closed) {
      const from = startOf(length, time);
      const id = `${length} ${from} ${key}`;
      const known = open.get(id);
      if (known !== undefined) return known;
      const end = from + length;
      const inTime = at >= from - allowance && Math.max(at, closed) <= end + allowance;
      const row = inTime ? { due: end + allowance } : { due: at + length + allowance, part: at };
      table.set(id, row);
      return index(id, row);
    },
    due(at) {
      if (at < nextDue) return [];
      nextDue = Number.POSITIVE_INFINITY;
      const found: Window[] = [];
      for (const window of open.values()) {
        if (window.due <= at) found.push(window);
        nextDue = Math.min(nextDue, window.due);
      }
      return found.sort((a, b) => a.due - b.due || a.length - b.length || a.from - b.from || (a.key < b.key ? -1 : 1));
    },
    made(window, of) {
      const ranges = widened(window.ranges, of);
      if (ranges === window.ranges) return;
      window.ranges = ranges;
      const { due, part } = window;
      table.set(window.id, { due, ...(part !== undefined && { part }), ranges });
    },
    close(window) {
      open.delete(window.id);
      table.delete(window.id);
    },
  };
}
