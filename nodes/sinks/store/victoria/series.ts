/**
 * How a point's series is named in VictoriaMetrics, and back. The metric's name is the point's own; labels say what it is about
 * and who wrote it, and every attribute is a label of its own name:
 *
 *     system.filesystem.usage{company="acme", system="shop", environment="prod", host="web-1", resource="filesystem./var",
 *       source="/acme/shop/prod/web-1/filesystem", unit="By", system.device="sda1", system.filesystem.mountpoint="/var"}
 *
 * An attribute that would take a label of ours, or begins with `attribute.`, has `attribute.` before its name. Numbers and
 * booleans stand as in JSON; a text that could be taken for one, is empty, begins with a quote or holds what ends a line stands
 * as JSON in its quotes. So whatever comes back is what went in.
 */
import { escapeWord, type Json, key as keyOf, type Point, parse, unescapeWord, z } from 'sluice';

export type Labels = Readonly<Record<string, string>>;

/** What an event's record in VictoriaMetrics is named: its sequence, and how long after its time it was received. */
export const sequenceName = 'sluice.event.sequence';
export const delayName = 'sluice.event.delay';

/** The label of points that have no record, as of an event that is kept whole elsewhere. */
export const apart = 'record';

const ours = new Set([
  apart,
  'company',
  'system',
  'environment',
  'host',
  'resource',
  'source',
  'boot',
  'unit',
  'type',
  '__name__',
  'db',
  'le',
]);
const prefix = 'attribute.';
/** VictoriaMetrics drops labels past 30 and cuts values past 16,384 bytes unless told otherwise, without a word. */
const mostAttributes = 20;
const mostValueBytes = 8192;

const control = /\p{Cc}/u;
const scalarText = /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false)$/;

/** A text as a label has it. */
const textLabel = (text: string): string =>
  text === '' || text.startsWith('"') || control.test(text) || !text.isWellFormed() ? JSON.stringify(text) : text;
const scalarLabel = (value: string | number | boolean): string => {
  if (typeof value !== 'string') return String(value);
  return scalarText.test(value) ? JSON.stringify(value) : textLabel(value);
};

const textOf = (label: string): string => (label.startsWith('"') ? z.string().parse(JSON.parse(label)) : label);
const scalarOf = (label: string): string | number | boolean => {
  if (scalarText.test(label)) return label === 'true' || (label !== 'false' && Number(label));
  return textOf(label);
};

/** Whether a name can stand in the line protocol as it is. */
const isNameable = (name: string): boolean => name.isWellFormed() && !/[\p{Cc}"\\]/u.test(name) && name.trim() === name && name !== '';

/** What an event is about and who wrote it, as labels; undefined when its key would not come back as it is. */
export function labelsOfEvent(key: string, source: string): Labels | undefined {
  const about = parse(key);
  if (keyOf(about) !== key) return undefined;
  const { company, system, environment, host, resource } = about;
  return {
    company: textLabel(company),
    system: textLabel(system),
    environment: textLabel(environment),
    host: textLabel(host),
    ...(resource.length > 0 && { resource: resource.map(escapeWord).join('.') }),
    source: textLabel(source),
  };
}

/** The labels that a point adds to its event's; undefined when VictoriaMetrics could not hold them as they are. */
export function labelsOfPoint({ name, unit, type, attributes = {} }: Point): Labels | undefined {
  if (!isNameable(name) || name.startsWith('sluice.event.')) return undefined;
  const given = Object.entries(attributes);
  if (given.length > mostAttributes) return undefined;
  const labels: Record<string, string> = {};
  if (unit !== undefined) labels.unit = textLabel(unit);
  if (type !== undefined) labels.type = type;
  for (const [attribute, value] of given) {
    if (!isNameable(attribute)) return undefined;
    const label = scalarLabel(value);
    if (Buffer.byteLength(label) > mostValueBytes) return undefined;
    labels[ours.has(attribute) || attribute.startsWith(prefix) ? prefix + attribute : attribute] = label;
  }
  return labels;
}

/** What a series that sluice wrote is of. */
export interface Named {
  readonly name: string;
  readonly key: string;
  readonly source: string;
  readonly boot: string | undefined;
  /** A point of it, all but its value. */
  readonly point: Readonly<Record<string, Json>>;
}

/** The inverse of the two above; undefined for a series that sluice did not write. */
export function namedBy({ __name__: name = '', ...labels }: Labels): Named | undefined {
  const { company, system, environment, host, resource, source, boot, unit, type, ...attributes } = labels;
  if (labels[apart] !== undefined || !name || !company || !system || !environment || !host || !source) return undefined;
  try {
    const words = resource ? resource.split('.').map(unescapeWord) : [];
    const about = {
      company: textOf(company),
      system: textOf(system),
      environment: textOf(environment),
      host: textOf(host),
      resource: words,
    };
    const given = Object.entries(attributes).map(([label, value]) => [
      label.startsWith(prefix) ? label.slice(prefix.length) : label,
      scalarOf(value),
    ]);
    return {
      name,
      key: keyOf(about),
      source: textOf(source),
      boot: boot === undefined ? undefined : textOf(boot),
      point: {
        name,
        ...(type !== undefined && { type }),
        ...(unit !== undefined && { unit: textOf(unit) }),
        ...(given.length > 0 && { attributes: Object.fromEntries(given) as Json }),
      },
    };
  } catch {
    return undefined;
  }
}
