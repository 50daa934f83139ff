/**
 * An entry of systemd's journal, as `journalctl -o json` writes it → a line. The journal vouches for the fields that begin
 * with an underscore; the others are what the program said of itself.
 */
import type { DataInput, LogSeverity } from 'sluice';

type Line = DataInput<'log'>['lines'][number];

export interface Entry {
  readonly line: Line;
  /** Where the journal goes on after this entry. */
  readonly cursor: string;
}

/** The fields that are asked for. The cursor and the time come with any. */
export const outputFields = ['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', '_COMM', '_PID', '_SYSTEMD_UNIT', '_HOSTNAME'];

/** The most characters of a message that are kept. */
const bodyLimit = 65_536;
const fieldLimit = 1024;

const severities: readonly LogSeverity[] = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];

/** Reads one line of journalctl's output; undefined when it is no entry. */
export function readEntry(json: string): Entry | undefined {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const cursor = entry?.__CURSOR;
  if (typeof cursor !== 'string') return undefined;
  const message = textOf(entry.MESSAGE) ?? '';
  const body = message.slice(0, bodyLimit).toWellFormed();
  const cut = message.length > bodyLimit ? Buffer.byteLength(message) - Buffer.byteLength(body) : 0;
  const time = timeOf(entry.__REALTIME_TIMESTAMP);
  const line: Line = {
    body,
    severity: severities[Number(textOf(entry.PRIORITY) ?? 6)] ?? 'info',
    ...(time !== undefined && { time }),
    fields: fieldsOf(entry),
    ...(cut > 0 && { cut }),
  };
  return { line, cursor };
}

function fieldsOf(entry: Record<string, unknown>): NonNullable<Line['fields']> {
  const pid = Number(textOf(entry._PID));
  const named = {
    program: textOf(entry.SYSLOG_IDENTIFIER) ?? textOf(entry._COMM),
    pid: Number.isSafeInteger(pid) ? pid : undefined,
    unit: textOf(entry._SYSTEMD_UNIT),
    host: textOf(entry._HOSTNAME),
  };
  const fields: NonNullable<Line['fields']> = {};
  for (const [name, value] of Object.entries(named)) {
    if (value !== undefined) fields[name] = typeof value === 'string' ? value.slice(0, fieldLimit).toWellFormed() : value;
  }
  return fields;
}

/** A field's text. Text that is not printable UTF-8 is written as a list of bytes, a field that comes twice as a list of texts. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  if (value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) return Buffer.from(value as number[]).toString('utf8');
  return textOf(value[0]);
}

/** Microseconds since 1970, in digits, as ISO 8601. */
function timeOf(value: unknown): string | undefined {
  const ms = typeof value === 'string' ? Math.floor(Number(value) / 1000) : Number.NaN;
  return ms >= 0 && ms <= 253_402_300_799_999 ? new Date(ms).toISOString() : undefined;
}
