/**
 * Which metrics there are: every name that arrives, with its unit, how many series of how many servers it has, and by which
 * attributes they differ, so that a person can find what nobody told them of. Made from the memory of series, for each looker from
 * what they may see.
 */

import type { Metric, SeriesMemory } from './series/memory.ts';
import type { CatalogEntry } from './series/protocol.ts';
import { hostOf } from './series/select.ts';

/** Values of an attribute that are given, and how many are counted; attributes of a metric; characters of each. */
const examples = 12;
const mostCounted = 1000;
const mostAttributes = 24;
const longest = 255;

const natural = new Intl.Collator('en', { numeric: true }).compare;

/** What there is to say of a metric; undefined where the looker may see none of it. */
export function entryOf(metric: Metric, sees: (key: string) => boolean): CatalogEntry | undefined {
  const servers = new Set<string>();
  const attributes = new Map<string, Set<string>>();
  let count = 0;
  for (const { key, server, attributes: own } of metric.series) {
    if (!sees(key)) continue;
    count += 1;
    servers.add(server);
    for (const name in own) {
      let values = attributes.get(name);
      if (!values) {
        if (attributes.size >= mostAttributes) continue;
        values = new Set();
        attributes.set(name, values);
      }
      if (values.size < mostCounted) values.add(String(own[name]));
    }
  }
  if (count === 0) return undefined;
  const { name, unit, type, beyond } = metric;
  return {
    name,
    ...(unit !== undefined && { unit }),
    type,
    series: count,
    servers: servers.size,
    ...(beyond > 0 && { beyond }),
    attributes: [...attributes].map(([attribute, values]) => ({
      name: attribute,
      values: [...values]
        .filter((value) => value.length <= longest)
        .sort(natural)
        .slice(0, examples),
      of: values.size,
      ...(values.size >= mostCounted && { more: true as const }),
    })),
  };
}

/** Series of a name, as scripts have them: `of` is how many there are. */
export interface ListedMetric {
  readonly name: string;
  readonly unit?: string;
  readonly type: Metric['type'];
  readonly of: number;
  readonly beyond?: number;
  readonly series: readonly {
    readonly key: string;
    readonly host: string;
    readonly attributes: Metric['series'][number]['attributes'];
    /** As it came last, and when: of a counter what it stands at. */
    readonly value: number;
    readonly time: string;
  }[];
}

/** Series of each name in a list of all, and of one that is asked for. */
const someEach = 20;
const mostListed = 5000;

export interface Sought {
  /** This name alone. */
  readonly name?: string | undefined;
  /** Words that its name, unit, attributes or their values have in them, all of them. */
  readonly q?: string | undefined;
}

export function listMetrics(memory: SeriesMemory, sees: (key: string) => boolean, { name, q }: Sought): ListedMetric[] {
  const words =
    q
      ?.toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '') ?? [];
  const most = name === undefined ? someEach : mostListed;
  const found: ListedMetric[] = [];
  for (const metric of name === undefined ? memory.metrics.values() : [memory.metric(name)]) {
    const entry = metric && entryOf(metric, sees);
    if (!metric || !entry || !isAbout(entry, words)) continue;
    const { attributes: _, servers: __, series: of, ...head } = entry;
    const seen = metric.series.filter(({ key }) => sees(key)).slice(0, most);
    const series = seen.map(({ key, server, attributes, raw, time }) => ({
      key,
      host: hostOf(server),
      attributes,
      value: raw,
      time: new Date(time).toISOString(),
    }));
    found.push({ ...head, of, series });
  }
  return found.sort((one, other) => natural(one.name, other.name));
}

function isAbout({ name, unit, attributes }: CatalogEntry, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = [name, unit ?? '', ...attributes.flatMap((each) => [each.name, ...each.values])].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}
