/**
 * Lines that are JSON objects, as bunyan, pino, zap, structlog, Docker and many others write them: the message, the
 * level and the time under the names that they use, everything else a field.
 */
import { type Fields, setField } from './fields.ts';
import { severityOfNumber, severityOfWord } from './severity.ts';
import { isoTime, readStamp } from './stamp.ts';
import type { Parsed } from './syslog.ts';

const bodyNames = new Set(['msg', 'message', 'log', 'event', 'body', 'MESSAGE']);
const levelNames = new Set(['level', 'severity', 'lvl', 'levelname', 'log.level', 'loglevel', 'severity_text', 'severityText']);
const timeNames = new Set(['time', 'ts', 'timestamp', '@timestamp', 't', 'datetime']);

/** Reads a line that is one JSON object; undefined when it is not, or when it is too deep to be told again. */
export function readJson(text: string): Parsed | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? partsOf(value, text) : undefined;
  } catch {
    // No JSON after all, or nested values so deep that writing them again ends the stack: it is a plain line.
    return undefined;
  }
}

function partsOf(value: object, text: string): Parsed {
  const fields: Fields = {};
  let body: string | undefined;
  let severity: Parsed['severity'];
  let time: string | undefined;
  for (const [name, part] of Object.entries(value)) {
    if (body === undefined && typeof part === 'string' && bodyNames.has(name)) body = part;
    else {
      const level = severity === undefined && levelNames.has(name) ? severityOf(part) : undefined;
      const stamp = time === undefined && timeNames.has(name) ? timeOf(part) : undefined;
      severity ??= level;
      time ??= stamp;
      if (level === undefined && stamp === undefined) setField(fields, name, part);
    }
  }
  // Docker's lines end as they did where they were written.
  if (body?.endsWith('\n')) body = body.slice(0, -1);
  return { body: (body ?? text).toWellFormed(), severity, time, fields };
}

function severityOf(level: unknown): Parsed['severity'] {
  if (typeof level === 'string') return severityOfWord(level);
  return typeof level === 'number' ? severityOfNumber(level) : undefined;
}

/** Text in ISO 8601, or a number of seconds or milliseconds since 1970: those of now differ in size a thousandfold. */
function timeOf(value: unknown): string | undefined {
  if (typeof value === 'string') return readStamp(value)?.time;
  if (typeof value !== 'number' || value < 1e8) return undefined;
  return isoTime(value < 1e11 ? value * 1000 : value);
}
