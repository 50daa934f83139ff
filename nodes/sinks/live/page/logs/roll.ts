/**
 * The rows that a log shows, in order: lines, and marks where some are missing. Bounded at whichever end the reader is not.
 */
import type { Counts, Shown } from '../../logs/line.ts';

export type Line = Shown;
export type { Counts };

export interface Row {
  /** Its place: what came before has a smaller one, also what was found later. */
  readonly number: number;
  /** undefined: a gap, of which `said` tells. */
  readonly line: Line | undefined;
  readonly said: string;
}

export interface Roll {
  readonly rows: readonly Row[];
  has(line: Line): boolean;
  /** Lines that came, or were found, behind the last, or before the first. Those that are there already are left out. */
  append(lines: readonly Line[]): void;
  prepend(lines: readonly Line[]): void;
  /** Marks that something is missing behind the last row. */
  mark(said: string): void;
  clear(): void;
  /** Rows that went at the head since the last call: what the reader looks at is that much nearer to it. */
  forgotten(): number;
}

const maxRows = 20_000;
/** Dropped at once, so that an array of 20,000 is not moved for each line. */
const chunk = 1_000;

export const markOf = ({ at, id, line }: Pick<Line, 'at' | 'id' | 'line'>): string => `${at}.${line}.${id}`;

export function createRoll(): Roll {
  let rows: Row[] = [];
  let known = new Set<string>();
  let next = 0;
  let first = 0;
  let gone = 0;

  const fresh = (lines: readonly Line[]) =>
    lines.filter((line) => {
      const mark = markOf(line);
      if (known.has(mark)) return false;
      known.add(mark);
      return true;
    });
  const drop = (dropped: readonly Row[]) => {
    for (const { line } of dropped) if (line) known.delete(markOf(line));
  };

  return {
    get rows() {
      return rows;
    },
    has: (line) => known.has(markOf(line)),
    append(lines) {
      const added = fresh(lines).map((line) => ({ number: next++, line, said: '' }));
      if (added.length === 0) return;
      rows.push(...added);
      if (rows.length < maxRows + chunk) return;
      const over = rows.length - maxRows;
      drop(rows.slice(0, over));
      rows = rows.slice(over);
      gone += over;
    },
    prepend(lines) {
      const added = fresh(lines);
      first -= added.length;
      rows = [...added.map((line, index) => ({ number: first + index, line, said: '' })), ...rows];
      if (rows.length < maxRows + chunk) return;
      drop(rows.slice(maxRows));
      rows = rows.slice(0, maxRows);
    },
    mark(said) {
      if (rows.length > 0) rows.push({ number: next++, line: undefined, said });
    },
    clear() {
      rows = [];
      known = new Set();
      gone = 0;
    },
    forgotten() {
      const count = gone;
      gone = 0;
      return count;
    },
  };
}
