/**
 * Which lines are wanted: by server, label, file, field, severity, text and regular expression. The same words ask the tail, memory
 * and the store; each of them is a stranger's, so each is bounded.
 */
import { type LogLine, Reject, unescapeWord, z } from 'sluice';
import type { Looker } from '../looker.ts';
import { type LogEvent, rankOf, severities } from './line.ts';
import { compilePattern, longestPattern, type Span } from './pattern.ts';

const word = z.string().min(1).max(255);
const words = z.array(word).min(1).max(100);
const fields = z
  .record(word, z.array(z.string().max(1024)).min(1).max(20))
  .refine((all) => Object.keys(all).length <= 20, 'at most 20 fields');

export const wantedLines = z.strictObject({
  /** What they are about, as it is. */
  key: words.optional(),
  /** Keys of servers: `acme.shop.prod.web-1`. */
  server: z.array(word).min(1).max(1000).optional(),
  host: words.optional(),
  /** Of their servers, as they are labelled now: a value of each. */
  label: z.record(word, words).optional(),
  /** The file, or where a line is of none what it is of: `journal`. */
  file: z.array(z.string().min(1).max(4096)).min(1).max(100).optional(),
  /** A value of each field. */
  field: fields.optional(),
  /** What is left out: lines of which any of these is true. */
  not: z.strictObject({ host: words.optional(), file: words.optional(), field: fields.optional() }).optional(),
  /** The least. */
  severity: z.enum(severities).optional(),
  /** Somewhere in the line, in any case. */
  text: z.string().min(1).max(500).optional(),
  /** RE2's, somewhere in the line; `(?i)` for any case. */
  regex: z.string().min(1).max(longestPattern).optional(),
});
export type Wanted = z.output<typeof wantedLines>;

/** What is known of a server's labels, by its key. */
export type LabelsOf = (server: string) => Readonly<Record<string, string>> | undefined;

export interface LineFilter {
  readonly wanted: Wanted;
  /** Whether lines about this key may be wanted, and may be seen. */
  key(key: string): boolean;
  /** Whether lines of such an event may be: what is true of all of them. */
  event(event: Pick<LogEvent, 'key' | 'data'>): boolean;
  /** Whether a line of such an event is wanted. */
  line(line: LogLine): boolean;
  /** Where the regular expression matched; the page finds plain text itself. */
  spans(body: string): readonly Span[];
}

const mostSpans = 10;

/** @throws Reject for a regular expression that is none */
export function compileFilter(wanted: Wanted, looker: Looker, labelsOf: LabelsOf): LineFilter {
  const keys = wanted.key && new Set(wanted.key);
  const servers = wanted.server && new Set(wanted.server);
  const hosts = wanted.host && new Set(wanted.host);
  const files = wanted.file && new Set(wanted.file);
  const labels = Object.entries(wanted.label ?? {});
  const notHosts = new Set(wanted.not?.host);
  const notFiles = new Set(wanted.not?.file);
  const least = rankOf(wanted.severity ?? 'trace');
  const text = wanted.text?.toLowerCase();
  const pattern = wanted.regex === undefined ? undefined : compilePattern(wanted.regex);
  const has = Object.entries(wanted.field ?? {}).map(([name, values]) => [name, new Set(values)] as const);
  const lacks = Object.entries(wanted.not?.field ?? {}).map(([name, values]) => [name, new Set(values)] as const);
  const isOne = (line: LogLine, name: string, values: ReadonlySet<string>): boolean => {
    const value = line.fields?.[name];
    return value !== undefined && values.has(String(value));
  };

  return {
    wanted,
    key(key) {
      if (!looker.sees(key) || (keys && !keys.has(key))) return false;
      const server = serverOf(key);
      if (servers && !servers.has(server)) return false;
      if (labels.length > 0) {
        const known = labelsOf(server);
        if (!known || !labels.every(([name, values]) => values.includes(known[name] ?? ''))) return false;
      }
      if (hosts || notHosts.size > 0) {
        const host = hostOf(key);
        if ((hosts && !hosts.has(host)) || notHosts.has(host)) return false;
      }
      return true;
    },
    event({ key, data }) {
      if (!files && notFiles.size === 0) return true;
      const file = data.file ?? resourceOf(key);
      return (!files || files.has(file)) && !notFiles.has(file);
    },
    line: (line) =>
      (least === 0 || rankOf(line.severity) >= least) &&
      has.every(([name, values]) => isOne(line, name, values)) &&
      !lacks.some(([name, values]) => isOne(line, name, values)) &&
      (text === undefined || line.body.toLowerCase().includes(text)) &&
      (pattern === undefined || pattern.test(line.body)),
    spans: (body) => pattern?.spans(body, mostSpans) ?? [],
  };
}

/** A key as far as its host. */
export const serverOf = (key: string): string => key.split('.', 4).join('.');
const hostOf = (key: string): string => unescapeWord(key.split('.', 4)[3] ?? '');
/** What lines are of that are of no file: the words after the host, without the first, which says that it is a log. */
export const resourceOf = (key: string): string => key.split('.').slice(4).map(unescapeWord).join(' ').replace(/^log /, '');

const usage = 'key, server, host, label.<name>, file, field.<name>, not.host, not.file, not.field.<name>, severity, text, regex';

type Asked = Record<string, unknown>;
const single = new Set(['severity', 'text', 'regex']);

/** Reads what a URL asks for: `?host=web-1&host=web-2&field.status=500&not.field.agent=curl&severity=warn`. @throws Reject */
export function readWanted(queries: Readonly<Record<string, readonly string[]>>): Wanted {
  const asked: Asked = {};
  const not: Asked = {};
  for (const [name, values] of Object.entries(queries)) {
    const [, without = '', of = '', sub] = /^(not\.)?(key|server|host|file|severity|text|regex|label|field)(?:\.(.+))?$/s.exec(name) ?? [];
    if (of === '' || (sub === undefined) === (of === 'label' || of === 'field'))
      throw new Reject(`live: logs: "${name.slice(0, 64)}" is nothing that lines are asked by; there are ${usage}`);
    const into = without ? not : asked;
    // A map without a prototype: a field may be called as it likes.
    if (sub !== undefined) into[of] = Object.assign(Object.create(null), into[of], { [sub]: values });
    else into[of] = single.has(of) ? values.at(-1) : values;
  }
  if (Object.keys(not).length > 0) asked.not = not;
  const read = wantedLines.safeParse(asked);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new Reject(
    `live: logs: ${issue?.path.map(String).join('.') || 'the filter'}: ${issue?.message ?? 'does not fit'}; there are ${usage}`,
  );
}
