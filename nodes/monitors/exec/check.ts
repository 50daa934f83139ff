/**
 * Reads the output of a Nagios or Sensu plugin.
 *
 * exit code, output → `check.status` (0 ok, 1 warning, 2 critical, 3 unknown) by `check.name`, what the plugin measured as
 * points `check.<label>` in base units, and its text as a log line when the status has changed.
 *
 * Output reads `text | performance data`, then more text, then after another bar more data. The limits behind each value
 * are left out: the plugin has judged by them, and the status says how.
 */
import type { DataInput, LogSeverity } from 'sluice';
import type { ExecDraft } from './lines.ts';

type PointInput = DataInput<'metric'>['points'][number];

export type Status = 0 | 1 | 2 | 3;

/** Any code but the three agreed ones means that the plugin does not know. */
export const statusOf = (exit: number): Status => (exit === 0 || exit === 1 || exit === 2 ? exit : 3);

const severities: Record<Status, LogSeverity> = { 0: 'info', 1: 'warn', 2: 'error', 3: 'error' };
const maxTextLength = 16_384;
const maxValues = 1000;

/** Makes a reader of one check's results, which remembers its last status. The check's name is the last word of its resource. */
export function checkReader(resource: readonly string[]) {
  let last: Status | undefined;
  return (status: Status, output: string): ExecDraft[] => {
    const { text, points } = parsePlugin(output);
    const attributes = { 'check.name': resource.at(-1) ?? '' };
    const drafts: ExecDraft[] = [
      {
        kind: 'metric',
        key: resource,
        data: {
          points: [{ name: 'check.status', value: status, unit: '1', attributes }, ...points.map((point) => ({ ...point, attributes }))],
        },
      },
    ];
    if (status !== last) {
      const line = { body: text, severity: severities[status], fields: { ...attributes, 'check.status': status } };
      drafts.push({ kind: 'log', key: resource, data: { lines: [line] } });
    }
    last = status;
    return drafts;
  };
}

/** Takes a plugin's output apart. */
export function parsePlugin(output: string): { text: string; points: PointInput[] } {
  const [first = '', ...more] = output.trim().split('\n');
  const [headline, data] = cut(first, '|');
  const [longText, longData] = cut(more.join('\n'), '|');
  const text = [headline, longText]
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n');
  return { text: text.slice(0, maxTextLength).toWellFormed(), points: parsePerformance(`${data} ${longData}`) };
}

function cut(text: string, bar: string): [string, string] {
  const at = text.indexOf(bar);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

// Bounded repeats, so that no text makes them slow.
const entry = /\s*(?:'((?:[^']|''){1,200})'|([^\s='][^\s=]{0,199}))=(\S{1,200})/y;
const measured = /^(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)([^\d;]*)/;

/** Reads `'label'=value[unit];warn;crit;min;max …`. What reads otherwise is passed over, and `U` says that there is no value. */
export function parsePerformance(text: string): PointInput[] {
  const points = new Map<string, PointInput>();
  for (let at = 0; at < text.length && points.size < maxValues; ) {
    entry.lastIndex = at;
    const found = entry.exec(text);
    if (!found) {
      const space = text.slice(at).search(/\S\s/);
      at = space < 0 ? text.length : at + space + 1;
      continue;
    }
    at = entry.lastIndex;
    const [, quoted, plain = '', rest = ''] = found;
    const [, digits, unit = ''] = measured.exec(rest) ?? [];
    if (digits === undefined) continue;
    const label = (quoted?.replaceAll("''", "'") ?? plain).replace(/[\s\p{C}]+/gu, '_');
    const value = Number(digits) * (scales[unit]?.[0] ?? 1);
    if (Number.isFinite(value)) points.set(label, { name: `check.${label}`, value, ...typeOf(unit) });
  }
  return [...points.values()];
}

/** Plugins' units in base units, as OpenTelemetry has them. Plugins count a KB as 1,024 bytes. */
const scales: Readonly<Record<string, readonly [factor: number, unit: string]>> = {
  s: [1, 's'],
  ms: [1e-3, 's'],
  us: [1e-6, 's'],
  ns: [1e-9, 's'],
  '%': [0.01, '1'],
  ...Object.fromEntries(
    ['', 'K', 'M', 'G', 'T', 'P'].flatMap((prefix, power) => [
      [`${prefix}B`, [1024 ** power, 'By']],
      ...(power > 0 ? [[`${prefix}iB`, [1024 ** power, 'By']]] : []),
    ]),
  ),
};

/** `c` marks a counter; a unit that is not known is passed on as it is. */
function typeOf(unit: string): { unit?: string; type?: 'counter' } {
  if (unit === 'c') return { type: 'counter' };
  return unit === '' ? {} : { unit: scales[unit]?.[1] ?? unit.slice(0, 63).toWellFormed() };
}
