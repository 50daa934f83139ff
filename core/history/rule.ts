/** A proposed rule as a config has it: an entry of `nodes:` for `threshold`, as YAML to paste, or added to a file that keeps its comments. */
import { isMap, isSeq, parseDocument, stringify } from 'yaml';
import { formatDuration } from '../clock.ts';
import { ConfigError } from '../errors.ts';
import type { Severity } from '../kinds.ts';
import type { Candidate } from './candidates.ts';
import type { Group } from './tape.ts';

type Json = Readonly<Record<string, unknown>>;

/** A `threshold` of its own, that reads what was asked about and nothing else, and leaves the one that stands as it is. */
export interface Entry {
  readonly use: 'threshold';
  readonly name: string;
  readonly read?: Readonly<Record<string, string>>;
  readonly defaults: 'off';
  readonly rules: Readonly<Record<string, Json>>;
}

export function ruleOf({ metric, where, by }: Pick<Group, 'metric' | 'where' | 'by'>, level: Candidate, severity: Severity): Json {
  const { sign, limit, clear, for: least } = level;
  const conditions = Object.entries(where).map(([name, value]) => [name, literal(String(value))]);
  return {
    metric,
    ...(conditions.length > 0 && { where: Object.fromEntries(conditions) }),
    by,
    [severity]: { [sign > 0 ? 'above' : 'below']: limit, clear, for: least === 0 ? '0s' : formatDuration(least) },
  };
}

/** `filesystem-utilization-used` of `system.filesystem.utilization`. */
export function nameOf({ metric, where }: Pick<Group, 'metric' | 'where'>): string {
  return plain([metric.replace(/^system\./, ''), ...Object.values(where).map(String)].join('-'), 'rule');
}

export function entryOf(
  asked: { host?: string | undefined; resource?: string | undefined; metric?: string | undefined },
  rules: Entry['rules'],
): Entry {
  const { host, resource, metric } = asked;
  const read = { ...(host !== undefined && { host }), ...(resource !== undefined && { resource }) };
  const name = plain(['proposed', host ?? metric ?? '', resource ?? ''].filter((part) => part !== '').join('-'), 'proposed');
  return { use: 'threshold', name, ...(host !== undefined && { read }), defaults: 'off', rules };
}

/** A whole config with nothing but the entry. */
export const toYaml = (entry: Entry): string => stringify({ nodes: [entry] }, { lineWidth: 0 });

/**
 * The text of a config with the entry added; one of its name gets the rules beside those that it has. All else stays as it was
 * written, comments too. @throws ConfigError when the text is no config
 */
export function addTo(text: string, entry: Entry, file: string): string {
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true });
  const [flaw] = document.errors;
  if (flaw) throw new ConfigError(`${file}: not YAML (${flaw.message}); correct it first`);
  if (document.contents !== null && !isMap(document.contents)) throw new ConfigError(`${file}: a config is a mapping; name another file`);
  const nodes = document.get('nodes');
  if (nodes === undefined || nodes === null) document.set('nodes', document.createNode([]));
  const list = document.get('nodes');
  if (!isSeq(list)) throw new ConfigError(`${file}: nodes: is no list; correct it first`);
  const place = list.items.findIndex((item) => isMap(item) && item.get('name') === entry.name);
  if (place < 0) document.addIn(['nodes'], document.createNode(entry));
  else for (const [name, rule] of Object.entries(entry.rules)) document.setIn(['nodes', place, 'rules', name], document.createNode(rule));
  return document.toString({ lineWidth: 0 });
}

/** In `where`, `*`, `?` and a leading `!` are syntax: any one character stands for them. */
const literal = (value: string): string => value.replace(/[*?]|^!/g, '?');

/** A name of lower-case letters, digits and hyphens. */
function plain(text: string, fallback: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  return name === '' ? fallback : name;
}
