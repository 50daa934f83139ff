/**
 * A line of text → its severity, time and fields, by whichever of the known formats it is in. The first characters
 * decide which is tried. What is in none of them is a plain line: its body is the whole text, and its severity and
 * leading time are read where they can be. Nothing throws, and all of it takes time in proportion to the line.
 */
import type { DataInput } from 'sluice';
import { readJson } from './json.ts';
import type { Line } from './lines.ts';
import { severityOfText } from './severity.ts';
import { readStamp } from './stamp.ts';
import { type Parsed, readBsd, readIso, readPriority } from './syslog.ts';

export type LineInput = DataInput<'log'>['lines'][number];

export function parseLine({ text, cut }: Line): LineInput {
  const { body, severity = severityOfText(body), time, fields } = known(text) ?? plain(text);
  const line: LineInput = { body };
  if (severity !== undefined) line.severity = severity;
  if (time !== undefined) line.time = time;
  if (fields !== undefined && hasAny(fields)) line.fields = fields;
  if (cut > 0) line.cut = cut;
  return line;
}

const [lessThan, brace, bracket, zero, nine, upperA, upperZ] = [0x3c, 0x7b, 0x5b, 0x30, 0x39, 0x41, 0x5a];

function known(text: string): Parsed | undefined {
  const first = text.charCodeAt(0);
  if (first === lessThan) return readPriority(text);
  if (first === brace) return text.endsWith('}') ? readJson(text) : undefined;
  if (first >= upperA && first <= upperZ) return readBsd(text);
  // Programs write `time word: text` too; only syslog's daemons write microseconds and an offset.
  if (first >= zero && first <= nine && microseconds.test(text)) return readIso(text);
  return undefined;
}

const microseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d /;

function plain(text: string): Parsed {
  const first = text.charCodeAt(0);
  const at = first === bracket ? 1 : 0;
  const digit = text.charCodeAt(at);
  return { body: text, time: digit >= zero && digit <= nine ? readStamp(text, at)?.time : undefined };
}

function hasAny(fields: object): boolean {
  for (const _ in fields) return true;
  return false;
}
