/**
 * What an alert is called and how it reads: its keys, its summary, its values as people write them.
 *
 * a rule, a point's key and attributes → keys of at most 255 bytes, and sentences. Names from strangers are cut, never run.
 */
import { hash } from 'node:crypto';
import { formatDuration, key, parse } from 'sluice';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** The longest piece of a stranger's text in a sentence. */
const longest = 200;

/** The attributes that tell this series apart, in the rule's order, or by name. */
export function distinguishing(by: readonly string[] | undefined, attributes: Attributes = {}): [name: string, value: string][] {
  const names = by ?? Object.keys(attributes).sort();
  return names.flatMap((name): [string, string][] => {
    const value = attributes[name];
    return value === undefined ? [] : [[name, String(value).toWellFormed()]];
  });
}

export interface AlertKeys {
  /** `<place>.<host>.<resource>.<series>`: what the alert is about. */
  readonly alert: string;
  /** `<place>.<host>.alert.<rule>.<resource>.<series>`: its present state. */
  readonly state: string;
}

/** Both keys of a series' alert. What would be too long is told apart by a hash instead. */
export function alertKeys(rule: string, about: string, series: readonly (readonly [string, string])[]): AlertKeys {
  const parsed = parse(about);
  const words = [...parsed.resource, ...series.map(([, value]) => (value === '' ? '-' : value))];
  const within = (...head: string[]): string => {
    const full = { ...parsed, resource: [...head, ...words] };
    if (words.every((word) => word.length <= 255)) {
      try {
        return key(full);
      } catch {
        // Too long: below.
      }
    }
    const short = hash('sha256', JSON.stringify(words), 'base64url').slice(0, 12);
    return key({ ...parsed, resource: [...head, short] });
  };
  return { alert: within(), state: within('alert', rule) };
}

/** Fills a template's {names}. One that is not known stays as it is written, so that the mistake is seen. */
export function fill(template: string, values: Readonly<Record<string, string | undefined>>): string {
  return template
    .replace(/\{([^{}\s]+)\}/g, (whole, name: string) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      return value === undefined ? whole : value.length > longest ? `${value.slice(0, longest)}…` : value;
    })
    .slice(0, 1024);
}

/** The names that templates mention, so that only those need be remembered. */
export const mentioned = (...templates: (string | undefined)[]): string[] =>
  templates.flatMap((template) => [...(template ?? '').matchAll(/\{([^{}\s]+)\}/g)].map((match) => match[1] ?? ''));

/** A value with its unit (UCUM, as metrics have it), as people write it: `93 %`, `1.2 GiB`, `350 ms`. */
export function formatValue(value: number, unit: string | undefined): string {
  if (unit === '1') return `${percent(value * 100)} %`;
  if (unit === 'By') return bytes(value);
  if (unit === 's') return seconds(value);
  const number = brief(value);
  return unit === undefined || unit === '' ? number : `${number} ${unit.replace(/[{}]/g, '')}`;
}

/** Whole percents; near the ends, where a tenth matters, tenths, and never 100 before it is. */
function percent(value: number): string {
  const nearEnd = (value > 99 && value < 100) || (value > 0 && value < 1);
  return nearEnd ? String(Math.floor(value * 10) / 10) : String(Math.round(value));
}

const brief = (value: number): string => String(Number(value.toPrecision(3)));

function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = value;
  let index = 0;
  for (; Math.abs(size) >= 1024 && index < units.length - 1; index++) size /= 1024;
  return `${brief(size)} ${units[index]}`;
}

function seconds(value: number): string {
  const size = Math.abs(value);
  const sign = value < 0 ? '-' : '';
  if (size >= 60) return sign + formatDuration(size * 1000);
  return size < 1 ? `${brief(value * 1000)} ms` : `${brief(value)} s`;
}
