/**
 * What the reader asks of the log: text or a regular expression, a least severity, and terms of host, file or field that lines must
 * have or must not. It stands in the address, or is a small log's own.
 */
import type { LogSeverity } from 'sluice';
import { bound, oneOf, text, words } from '../address.ts';
import { type Cell, cell } from '../parts/cell.ts';
import { search } from '../view.ts';

export const severities = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const satisfies readonly LogSeverity[];

export interface Asked {
  readonly text: Cell<string>;
  /** Whether the text is a regular expression. */
  readonly regex: Cell<'' | 'regex'>;
  readonly severity: Cell<LogSeverity>;
  readonly terms: Cell<readonly string[]>;
}

/** A term as it stands in the address: `host:web-1`, `-file:/var/log/syslog`, `field:status=500`. */
export interface Term {
  readonly of: 'host' | 'file' | 'field';
  /** Of a field. */
  readonly name: string;
  readonly value: string;
  readonly not: boolean;
}

export const addressed: Asked = {
  text: search,
  regex: bound('as', oneOf(['', 'regex'])),
  severity: bound('least', oneOf(severities)),
  terms: bound('only', words),
};
/** The line that is shown whole, by its mark. */
export const pickedMark = bound('line', text);

export const ownAsked = (): Asked => ({
  text: cell(''),
  regex: cell<'' | 'regex'>(''),
  severity: cell<LogSeverity>('trace'),
  terms: cell<readonly string[]>([]),
});

const mostTerms = 20;

export function readTerm(written: string): Term | undefined {
  const [, not = '', of, rest = ''] = /^(-?)(host|file|field):(.+)$/s.exec(written.slice(0, 2_000)) ?? [];
  if (of === undefined) return undefined;
  if (of !== 'field') return { of: of as 'host' | 'file', name: '', value: rest, not: not !== '' };
  const at = rest.indexOf('=');
  return at < 1 ? undefined : { of, name: decode(rest.slice(0, at)), value: rest.slice(at + 1), not: not !== '' };
}

export const writeTerm = ({ of, name, value, not }: Term): string =>
  `${not ? '-' : ''}${of}:${of === 'field' ? `${encodeURIComponent(name)}=` : ''}${value}`;

/** Adds a term in the place of the one that says the opposite. */
export function addTerm({ terms }: Asked, term: Term): void {
  const opposite = writeTerm({ ...term, not: !term.not });
  const own = writeTerm(term);
  terms.set([...terms.value.filter((each) => each !== opposite && each !== own), own].slice(-mostTerms));
}

/** As the server reads it (logs/filter.ts there). */
export function wantedOf({ text, regex, severity, terms }: Asked, servers: readonly string[]): Record<string, unknown> {
  const has: Record<string, unknown> = {};
  const lacks: Record<string, unknown> = {};
  for (const term of terms.value.slice(0, mostTerms).map(readTerm)) {
    if (!term) continue;
    const into = term.not ? lacks : has;
    if (term.of === 'field') {
      into.field ??= {};
      add(into.field as Record<string, string[]>, term.name, term.value);
    } else add(into as Record<string, string[]>, term.of, term.value);
  }
  const searched = text.value.trim().slice(0, 500);
  return {
    ...has,
    ...(servers.length > 0 && { server: servers }),
    ...(Object.keys(lacks).length > 0 && { not: lacks }),
    ...(severity.value !== 'trace' && { severity: severity.value }),
    ...(searched !== '' && { [regex.value || 'text']: searched }),
  };
}

/** The same in a URL. */
export function queryOf(wanted: Readonly<Record<string, unknown>>, path: readonly string[] = []): [string, string][] {
  return Object.entries(wanted).flatMap(([name, value]): [string, string][] => {
    const at = [...path, name];
    if (Array.isArray(value)) return value.map((each) => [at.join('.'), String(each)]);
    if (typeof value === 'object' && value !== null) return queryOf(value as Record<string, unknown>, at);
    return [[at.join('.'), String(value)]];
  });
}

function add(into: Record<string, string[]>, name: string, value: string): void {
  if (Object.hasOwn(into, name)) into[name]?.push(value);
  else Object.defineProperty(into, name, { value: [value], enumerable: true, configurable: true, writable: true });
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
