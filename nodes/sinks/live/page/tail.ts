/**
 * The log lines that fit a filter, followed as they come: each line is looked at once, unless the filter changes.
 */
import type { Line, Lines } from './lines.ts';

export interface Filter {
  readonly text: string;
  readonly severity: keyof typeof severities;
  readonly server: string | undefined;
}

/** How bad; a mark of a gap is always shown. */
export const severities = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, fatal: 5 } as const;

export interface Tail {
  /** The lines that fit, oldest first. `forgotten`: how many at its head went since the last look. */
  look(lines: Lines, filter: Filter): { readonly rows: readonly Line[]; readonly forgotten: number };
}

export function createTail(): Tail {
  let rows: Line[] = [];
  let next = 0;
  let seen: Filter | undefined;

  return {
    look(lines, filter) {
      if (seen?.text !== filter.text || seen.severity !== filter.severity || seen.server !== filter.server) {
        rows = [];
        next = 0;
        seen = filter;
      }
      const { oldest } = lines;
      const kept = rows.findIndex((row) => row.number >= oldest);
      const forgotten = kept < 0 ? rows.length : kept;
      if (forgotten > 0) rows = rows.slice(forgotten);
      const fits = compile(filter);
      for (const line of lines.from(next)) {
        next = line.number + 1;
        if (fits(line)) rows.push(line);
      }
      return { rows, forgotten };
    },
  };
}

function compile({ text, severity, server }: Filter): (line: Line) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const least = severities[severity];
  return (line) => {
    if (line.severity === 'gap') return true;
    if (severities[line.severity] < least || (server !== undefined && line.server !== server)) return false;
    if (words.length === 0) return true;
    const whole = `${line.host} ${line.from} ${line.raw}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  };
}
