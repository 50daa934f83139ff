/** The severity of a line: from a number or a word where its format has one, else from the first word that looks like one. */
import type { LogSeverity } from 'sluice';

const words = new Map<string, LogSeverity>();
for (const [severity, said] of [
  ['trace', 'trace verbose'],
  ['debug', 'debug'],
  ['info', 'info information notice'],
  ['warn', 'warn warning'],
  ['error', 'err error severe'],
  ['fatal', 'crit critical alert emerg emergency fatal panic'],
] as const)
  for (const word of said.split(' ')) words.set(word, severity);

export const severityOfWord = (word: string): LogSeverity | undefined => words.get(word.toLowerCase());

/** By RFC 5424's numerical code, 0 to 7. */
const codes: readonly LogSeverity[] = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];

export const severityOfCode = (code: number): LogSeverity => codes[code & 7] ?? 'info';

/** The numbers of bunyan and pino: 10 is trace, 60 fatal. */
export function severityOfNumber(level: number): LogSeverity | undefined {
  const index = Math.floor(level / 10);
  return (['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)[index - 1];
}

/** A program says how bad a line is at its beginning; what comes later is more likely what somebody wrote to it. */
const lookedAt = 160;

// `ERROR` alone, `level=warn`, `[error]`, `Error: …`. Fixed words, no repetition within another: linear on any text.
const spoken =
  /\b(?:(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|ALERT|EMERG(?:ENCY)?|FATAL|PANIC)\b|(?:level|lvl|severity)=["']?([A-Za-z]{3,11})|((?:[Ww]arn|[Ee]rr)(?:ing|or)?|[Ff]atal|[Pp]anic|[Cc]ritical|[Nn]otice|[Dd]ebug|[Ii]nfo|crit|alert|emerg)[\]:])/;

/** The severity that a plain line speaks of; undefined when it speaks of none. */
export function severityOfText(text: string): LogSeverity | undefined {
  const found = spoken.exec(text.length > lookedAt ? text.slice(0, lookedAt) : text);
  return found ? severityOfWord(found[1] ?? found[2] ?? found[3] ?? '') : undefined;
}
