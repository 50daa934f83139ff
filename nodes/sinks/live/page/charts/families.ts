/**
 * Which charts there are: one for each metric that arrives, known or not. Names ending in a span (`load_average.1m`, `.5m`) share one.
 *
 * the catalogue → families, in the order in which a person asks: processor, memory, load, network, disk, own metrics, the rest.
 */
import type { CatalogEntry } from '../../series/protocol.ts';
import { type Shown, scaleOf, shownAs } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';

export interface Family {
  /** Its name, and what it is known by in the address. */
  readonly id: string;
  readonly title: string;
  /** Shortest span first. */
  readonly metrics: readonly CatalogEntry[];
  readonly shown: Shown;
  /** What its values are multiplied by to be what `shown` says. */
  readonly scale: number;
  readonly rank: number;
  /** The attribute whose values are parts of a whole (modes of a processor, states of memory): they can be stacked, and summed. */
  readonly parts: string | undefined;
  /** All attributes of its series, with their values as far as the catalogue has them. */
  readonly attributes: ReadonlyMap<string, CatalogEntry['attributes'][number]>;
  /** Servers that have it. */
  readonly servers: number;
  readonly series: number;
  /** Points of further series that sluice has no room for. */
  readonly beyond: number;
  /** All that a search looks at. */
  readonly haystack: string;
}

/** Below this a chart leads the page; above come details. */
export const leading = 100;

/** @param known those of before: one of which nothing changed is the same */
export function familiesOf(metrics: Iterable<CatalogEntry>, known: ReadonlyMap<string, Family> = new Map()): Family[] {
  const groups = new Map<string, CatalogEntry[]>();
  for (const metric of metrics) {
    const id = metric.name.replace(spanSuffix, '');
    const group = groups.get(id);
    if (group) group.push(metric);
    else groups.set(id, [metric]);
  }
  return [...groups]
    .map(([id, members]) => {
      const before = known.get(id);
      const same = before?.metrics.length === members.length && members.every((each) => before.metrics.includes(each));
      return before && same ? before : familyOf(id, members);
    })
    .sort((one, other) => one.rank - other.rank || compare(one.id, other.id));
}

function familyOf(id: string, members: readonly CatalogEntry[]): Family {
  const metrics = [...members].sort((one, other) => spanSeconds(one.name) - spanSeconds(other.name) || compare(one.name, other.name));
  const [first] = metrics;
  const attributes = new Map(metrics.flatMap((metric) => metric.attributes.map((each) => [each.name, each])));
  const title = titleOf(id, first?.unit);
  return {
    id,
    title,
    metrics,
    shown: shownAs(id, first?.unit, first?.type),
    scale: scaleOf(first?.unit),
    rank: rankOf(id),
    parts: metrics.length === 1 && first ? partsOf(first) : undefined,
    attributes,
    servers: Math.max(...metrics.map((each) => each.servers)),
    series: metrics.reduce((sum, each) => sum + each.series, 0),
    beyond: metrics.reduce((sum, each) => sum + (each.beyond ?? 0), 0),
    haystack: [id, title, ...[...attributes].flatMap(([name, { values }]) => [name, ...values])].join(' ').toLowerCase(),
  };
}

/** All words of the search, anywhere in names and attributes. */
export function fits(family: Family, search: string): boolean {
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => family.haystack.includes(word));
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

const spanSuffix = /\.(\d+)(s|m|h|d)$/;

/** The span that a metric's name ends in: `5m`. */
export const spanOf = (name: string): string | undefined => spanSuffix.exec(name)?.[0].slice(1);

function spanSeconds(name: string): number {
  const [, count = '0', unit = 's'] = spanSuffix.exec(name) ?? [];
  return Number(count) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? 1);
}

/** One attribute that names a state, of something that sums: what OpenTelemetry calls an up-down counter, counters, and shares of time. */
function partsOf({ name, type, attributes }: CatalogEntry): string | undefined {
  const [only, ...more] = attributes.map((each) => each.name);
  if (only === undefined || more.length > 0 || !/(^|\.)(mode|state|status)$/.test(only)) return undefined;
  return type === 'updown' || type === 'counter' || name === 'system.cpu.utilization' ? only : undefined;
}

/** `system.cpu.utilization` → `cpu utilization`; a rate of something counted says what. */
function titleOf(id: string, unit: string | undefined): string {
  const words = id.replace(/^system\./, '').replaceAll(/[._]/g, ' ');
  const noun = /^\{(.*)\}$/.exec(unit ?? '')?.[1];
  return inert(noun && !words.includes(noun) ? `${words}, ${noun}s` : words);
}

/** First what a person looks at first, then the rest of each subject. */
const first = [
  /^system\.cpu\.utilization$/,
  /^system\.memory\.usage$/,
  /^system\.cpu\.load_average$/,
  /^system\.network\.io$/,
  /^system\.disk\.io$/,
  /^system\.filesystem\.utilization$/,
  /^process\.cpu\.utilization$/,
  /^process\.memory\.usage$/,
  /^system\.process\.count$/,
];
const subjects = [
  /^system\.cpu\./,
  /^system\.(memory|paging)\./,
  /^system\.network\./,
  /^system\.disk\./,
  /^system\.filesystem\./,
  /process/,
  /^(?!system\.)/,
];

function rankOf(id: string): number {
  const lead = first.findIndex((pattern) => pattern.test(id));
  if (lead >= 0) return lead;
  const subject = subjects.findIndex((pattern) => pattern.test(id));
  // What someone measures on purpose (an own monitor) comes before the details of the machine.
  if (subject === subjects.length - 1) return 50;
  return leading + (subject < 0 ? subjects.length : subject);
}
