/**
 * Syslog lines: RFC 5424, RFC 3164, and what files have of them: without a priority, or with rsyslog's ISO 8601 time.
 * Written here rather than taken from a library because log text is an attacker's: docs/decisions/0011.
 *
 * The time of RFC 3164 has neither year nor zone. It is kept as it stands, in the field `timestamp`, and makes no `time`:
 * a guess would be wrong each New Year, and the event has the time at which the line was read.
 */
import type { LogSeverity } from 'sluice';
import { type Fields, setField } from './fields.ts';
import { severityOfCode } from './severity.ts';
import { readStamp } from './stamp.ts';

/** A line taken apart. `severity` is missing where the format has none. */
export interface Parsed {
  body: string;
  severity?: LogSeverity | undefined;
  time?: string | undefined;
  fields?: Fields | undefined;
}

const facilities =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );

// Sticky, each with parts of one class of characters and bounded length: linear on any text.
const priority = /<(\d{1,3})>/y;
const bsdStamp = /[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d /y;
const header = /(?:([^\s[\]]{0,254}[^\s[\]:]) )?([^\s[\]:]{1,64})(?:\[([^\s[\]]{1,64})\])?:(?: |$)/y;

/** Reads a line that begins with a priority, `<34>`. What follows it decides which RFC it is of. */
export function readPriority(text: string): Parsed | undefined {
  priority.lastIndex = 0;
  const found = priority.exec(text);
  const value = Number(found?.[1]);
  if (!found || value > 191) return undefined;
  const severity = severityOfCode(value);
  const facility = facilities[value >> 3] ?? '';
  const at = found[0].length;
  const parsed = (text.startsWith('1 ', at) ? readStructured(text, at + 2, { facility }) : undefined) ??
    readBsd(text, at, { facility }) ??
    readIso(text, at, { facility }) ?? { body: text.slice(at), fields: { facility } };
  parsed.severity = severity;
  return parsed;
}

/** Reads `Oct 11 22:14:15 host program[pid]: message` at `at`. */
export function readBsd(text: string, at = 0, fields: Fields = {}): Parsed | undefined {
  bsdStamp.lastIndex = at;
  const found = bsdStamp.exec(text);
  if (!found) return undefined;
  fields.timestamp = found[0].trimEnd();
  return { body: readHeader(text, at + found[0].length, fields) ?? text.slice(at + found[0].length), fields };
}

/** Reads `2026-01-02T03:04:05.678901+00:00 host program[pid]: message` at `at`. */
export function readIso(text: string, at = 0, fields: Fields = {}): Parsed | undefined {
  const stamp = readStamp(text, at);
  if (!stamp || text[stamp.end] !== ' ') return undefined;
  const body = readHeader(text, stamp.end + 1, fields);
  return body === undefined ? undefined : { body, time: stamp.time, fields };
}

/** Reads `host program[pid]: ` into the fields; the result is what follows, undefined when there is no such thing. */
function readHeader(text: string, at: number, fields: Fields): string | undefined {
  header.lastIndex = at;
  const found = header.exec(text);
  if (!found) return undefined;
  if (found[1]) fields.host = found[1];
  if (found[2]) fields.program = found[2];
  if (found[3]) setField(fields, 'pid', numeral(found[3]));
  return text.slice(at + found[0].length);
}

/** Reads RFC 5424 from behind its version: time, host, program, pid, message id, structured data, message. */
function readStructured(text: string, from: number, fields: Fields): Parsed | undefined {
  const parts: string[] = [];
  let at = from;
  while (parts.length < 5) {
    const end = text.indexOf(' ', at);
    if (end < 0 || end - at > 255) return undefined;
    parts.push(text.slice(at, end));
    at = end + 1;
  }
  const [time = '-', host = '-', program = '-', pid = '-', message = '-'] = parts;
  const stamp = time === '-' ? undefined : readStamp(time);
  if (time !== '-' && stamp?.end !== time.length) return undefined;
  if (host !== '-') fields.host = host;
  if (program !== '-') fields.program = program;
  if (pid !== '-') setField(fields, 'pid', numeral(pid));
  if (message !== '-') fields.message_id = message;
  const end = text[at] === '-' ? at + 1 : readElements(text, at, fields);
  if (end === undefined || (end < text.length && text[end] !== ' ')) return undefined;
  const body = text.slice(end + 1);
  return { body: body.startsWith('\uFEFF') ? body.slice(1) : body, time: stamp?.time, fields };
}

/** Reads `[id name="value" …]…` as fields `id.name`; the result is where it ends, undefined when it is not well formed. */
function readElements(text: string, from: number, fields: Fields): number | undefined {
  let at = from;
  while (text[at] === '[') {
    const id = word(text, at + 1);
    if (id === '') return undefined;
    at += 1 + id.length;
    while (text[at] === ' ') {
      const name = word(text, at + 1);
      at += 1 + name.length;
      if (name === '' || !text.startsWith('="', at)) return undefined;
      const end = quoteEnd(text, at + 2);
      if (end < 0) return undefined;
      setField(fields, `${id}.${name}`, unquote(text.slice(at + 2, end)));
      at = end + 1;
    }
    if (text[at] !== ']') return undefined;
    at += 1;
  }
  return at === from ? undefined : at;
}

const wordPattern = /[^\s="[\]]{1,128}/y;

/** The name that stands at `at`, or ''. */
function word(text: string, at: number): string {
  wordPattern.lastIndex = at;
  return wordPattern.exec(text)?.[0] ?? '';
}

/** Where the quoted value that began before `at` ends; -1 when it does not. */
function quoteEnd(text: string, at: number): number {
  for (let index = at; index < text.length; index++) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === '"') return index;
  }
  return -1;
}

const unquote = (value: string): string => (value.includes('\\') ? value.replace(/\\(["\\\]])/g, '$1') : value);

const numeral = (text: string): string | number => (/^\d{1,10}$/.test(text) ? Number(text) : text);
