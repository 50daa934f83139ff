/**
 * A log line as the page and scripts get it. It stands where it was written in time; one that says no time of its own, or was read
 * long after it was written (a file found later, a clock that is wrong), stands where it was read.
 */
import type { Event, LogLine, LogSeverity } from 'sluice';
import type { Span } from './pattern.ts';

export const severities = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const satisfies readonly LogSeverity[];
/** How bad, from 0. */
export const rankOf = (severity: LogSeverity): number => severities.indexOf(severity);
/** How many lines of each severity, from `trace` to `fatal`. */
export type Counts = [trace: number, debug: number, info: number, warn: number, error: number, fatal: number];
export const noCounts = (): Counts => [0, 0, 0, 0, 0, 0];

/** How long before and after it was read a line may say that it was written, in milliseconds, to stand there. */
export const readLate = 60_000;
export const readEarly = 5_000;

/** What is needed of a log event. */
export type LogEvent = Pick<Event<'log'>, 'id' | 'key' | 'time' | 'data'>;

/** What order lines stand in: time, then the event and the place in it. */
export interface Mark {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly id: string;
  /** Its place in its event, from 0. */
  readonly line: number;
}

export interface Shown extends Mark {
  readonly key: string;
  /** What it says of its own time, where it does not stand there; null where it says none. */
  readonly written?: string | null;
  readonly file?: string;
  readonly severity: LogSeverity;
  readonly body: string;
  /** Characters of the body that are left out here, and bytes that its reader left off. */
  readonly rest?: number;
  readonly cut?: number;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
  /** Where the regular expression matched. */
  readonly spans?: readonly Span[];
}

/** What a row has room for; the whole is had by asking for it. */
export const shortBody = 2_000;
const mostFields = 32;
const shortField = 300;

/** When a line that was read at `time` stands. */
export function standsAt(time: number, line: LogLine): number {
  const own = line.time === undefined ? Number.NaN : Date.parse(line.time);
  return own >= time - readLate && own <= time + readEarly ? own : time;
}

/** @param whole leave nothing out */
export function shown({ id, key, time, data }: LogEvent, index: number, line: LogLine, spans: readonly Span[], whole = false): Shown {
  const at = standsAt(time, line);
  const stamped = line.time !== undefined && Date.parse(line.time) === at;
  const room = whole ? Number.POSITIVE_INFINITY : shortBody;
  return {
    at,
    id,
    line: index,
    key,
    ...(!stamped && { written: line.time ?? null }),
    ...(data.file !== undefined && { file: data.file.slice(0, 512) }),
    severity: line.severity,
    body: line.body.slice(0, room),
    ...(line.body.length > room && { rest: line.body.length - room }),
    ...(line.cut !== undefined && { cut: line.cut }),
    ...(line.fields && { fields: whole ? line.fields : fewer(line.fields) }),
    ...(spans.length > 0 && { spans }),
  };
}

function fewer(fields: NonNullable<LogLine['fields']>): NonNullable<LogLine['fields']> {
  const kept = Object.entries(fields).slice(0, mostFields);
  return Object.fromEntries(
    kept.map(([name, value]) => [name, typeof value === 'string' && value.length > shortField ? `${value.slice(0, shortField)}…` : value]),
  );
}

/** A stretch of time, in milliseconds since 1970: from ≤ at < to; of it what stands before one line, or after one. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly before?: Mark | undefined;
  readonly after?: Mark | undefined;
}
/** Which of the lines that fit, when there are too many. */
export type Which = 'newest' | 'oldest';

export const isWithin = ({ from, to, before, after }: Stretch, mark: Mark): boolean =>
  mark.at >= from && mark.at < to && (!before || inOrder(mark, before) < 0) && (!after || inOrder(mark, after) > 0);

/** The newest or the oldest, in order. */
export function most<Each extends Mark>(lines: Each[], count: number, which: Which): Each[] {
  lines.sort(inOrder);
  if (which === 'newest') lines.splice(0, Math.max(0, lines.length - count));
  else lines.splice(count);
  return lines;
}

/** Negative where `one` stands before the other. */
export function inOrder(one: Mark, other: Mark): number {
  if (one.at !== other.at) return one.at - other.at;
  if (one.id !== other.id) return one.id < other.id ? -1 : 1;
  return one.line - other.line;
}

export const markOf = ({ at, id, line }: Mark): string => `${at}.${line}.${id}`;

/** The inverse of {@link markOf}; undefined for what is none. */
export function readMark(text: string): Mark | undefined {
  const [, at = '', line = '', id = ''] = /^(\d{1,16})\.(\d{1,9})\.(.{1,512})$/s.exec(text) ?? [];
  return id === '' ? undefined : { at: Number(at), line: Number(line), id };
}
