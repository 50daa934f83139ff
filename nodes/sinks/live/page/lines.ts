/**
 * The tail of all logs together: the last 20,000 lines, in order of arrival, and marks where some may be missing.
 */
import type { LogSeverity } from 'sluice';
import { inert } from './inert.ts';
import type { Gap } from './model.ts';
import type { Heard } from './wire.ts';

export interface Line {
  /** Its place among all lines that ever came. */
  readonly number: number;
  readonly time: number;
  readonly host: string;
  readonly server: string;
  /** Where it was read: a file, `journal`. */
  readonly from: string;
  readonly severity: LogSeverity | 'gap';
  /** One line, safe to show. */
  readonly body: string;
  /** As it came; what is shown of it goes through `inert`. */
  readonly raw: string;
  readonly fields: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly cut: number | undefined;
}

export interface Lines {
  take(event: Extract<Heard, { kind: 'log' }>): void;
  mark(gap: Gap): void;
  /** The lines from a number on, oldest first. */
  from(number: number): readonly Line[];
  /** Number of the oldest line that is kept. */
  readonly oldest: number;
}

const maxLines = 20_000;
/** Dropped at once, so that an array of 20,000 is not moved for each line. */
const chunk = 1_000;
/** Log events whose ids are remembered, since a reconnection repeats the last ones. */
const maxIds = 5_000;
/** What a row can show; the whole line is shown when it is chosen. */
const bodyLength = 1_000;

export function createLines(): Lines {
  let lines: Line[] = [];
  let next = 0;
  const ids = new Set<string>();

  const push = (line: Omit<Line, 'number'>) => {
    lines.push({ number: next++, ...line });
    if (lines.length >= maxLines + chunk) lines = lines.slice(chunk);
  };

  return {
    take({ id, server, host, resource, time, data }) {
      if (ids.has(id)) return;
      ids.add(id);
      for (const oldest of ids) {
        if (ids.size <= maxIds) break;
        ids.delete(oldest);
      }
      const from = inert(data.file ?? resource.replace(/^log /, ''));
      for (const { body, severity, time: own, fields, cut } of data.lines) {
        const at = own === undefined ? time : Date.parse(own);
        push({ time: at, host: inert(host), server, from, severity, body: inert(body.slice(0, bodyLength)), raw: body, fields, cut });
      }
    },
    mark({ from, to, why }) {
      const seconds = Math.max(1, Math.round((to - from) / 1000));
      const body = `${seconds} s may be missing: ${why}`;
      push({ time: to, host: '', server: '', from: '', severity: 'gap', body, raw: body, fields: undefined, cut: undefined });
    },
    from(number) {
      const [first] = lines;
      return first === undefined || number > (lines.at(-1)?.number ?? 0) ? [] : lines.slice(Math.max(0, number - first.number));
    },
    get oldest() {
      return lines[0]?.number ?? 0;
    },
  };
}
