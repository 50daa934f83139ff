/**
 * Which charts there are. Points are grouped by their metric's name; series within a chart differ by attributes, and by host
 * where there are several. States that add up (modes of a processor, states of memory) can be stacked, or summed for each host,
 * since stacks of two hosts add up to nothing. Names ending in a span (`load_average.1m`, `.5m`) share a chart.
 *
 * metric events → charts, in the order in which a person asks: processor, memory, load, network, disk, and the rest.
 */
import { type Shown, scaleOf, shownAs } from './format.ts';
import { inert } from './inert.ts';
import { createSeries, type Series } from './series.ts';
import type { Heard } from './wire.ts';

export interface ChartSeries extends Series {
  readonly id: string;
  readonly host: string;
  readonly server: string;
  /** What sets it apart from others of its host, in words; made anew when a neighbour comes. Empty when nothing does. */
  label: string;
  /** Of a whole: what is at work, what could give way (cache, waiting), and the room that is left, which is not drawn. */
  readonly part: 'busy' | 'slack' | 'room';
  /** It and its neighbours are parts of a whole. */
  readonly adds: boolean;
  readonly names: readonly (readonly [name: string, value: string])[];
}

export interface Chart {
  /** Its name, and what it is known by. */
  readonly metric: string;
  readonly title: string;
  /** All its series are parts of a whole: of one host they can be stacked. */
  stackable: boolean;
  readonly shown: Shown;
  readonly rank: number;
  readonly series: ChartSeries[];
  /** All that a search looks at. */
  haystack: string;
  /** Time of the newest event in it. */
  newest: number;
}

export interface Charts {
  /** Takes a metric event; returns the charts that changed. */
  take(event: Extract<Heard, { kind: 'metric' }>): Set<Chart>;
  /** Forgets series without a value since then, and charts without series. Says whether there were any. */
  forget(before: number): boolean;
  /** In order, with labels that fit. */
  readonly all: readonly Chart[];
  readonly seriesCount: number;
  /** Points of series past the limit, which are not shown. */
  readonly refused: number;
}

/** Series a page can hold: at 1200 values each they fill about 70 MB. */
const maxSeries = 5_000;

export function createCharts(): Charts {
  const charts = new Map<string, Chart>();
  const series = new Map<string, { series: ChartSeries; chart: Chart }>();
  let order: Chart[] | undefined;
  // Named when looked at: naming looks at all series, and they may come by the thousand.
  const unnamed = new Set<Chart>();
  let refused = 0;

  const open = (point: Point): Chart => {
    const family = point.name.replace(spanSuffix, '');
    const known = charts.get(family);
    if (known) return known;
    const chart: Chart = {
      metric: family,
      title: titleOf(family, point),
      stackable: false,
      shown: shownAs(point.name, point.unit, point.type),
      rank: rankOf(family),
      series: [],
      haystack: '',
      newest: 0,
    };
    charts.set(family, chart);
    order = undefined;
    return chart;
  };

  const join = (id: string, point: Point, event: MetricEvent) => {
    const chart = open(point);
    const attributes = telling(point.attributes ?? {});
    const span = spanSuffix.exec(point.name)?.[1];
    const names: (readonly [string, string])[] = [...attributes, ...(span ? [['span', span] as const] : []), ['', event.resource]];
    const made = Object.assign(createSeries(point.type ?? 'gauge', scaleOf(point.unit)), {
      id,
      host: event.host,
      server: event.server,
      label: '',
      part: partOf(point),
      adds: addsUp(point),
      names,
    });
    chart.series.push(made);
    unnamed.add(chart);
    const joined = { series: made, chart };
    series.set(id, joined);
    return joined;
  };

  return {
    take(event) {
      const touched = new Set<Chart>();
      for (const point of event.data.points) {
        const id = `${event.key}\n${point.name}\n${point.attributes ? JSON.stringify(point.attributes) : ''}`;
        const known = series.get(id);
        if (!known && series.size >= maxSeries) {
          refused++;
          continue;
        }
        const { series: found, chart } = known ?? join(id, point, event);
        const time = point.time === undefined ? event.time : Date.parse(point.time);
        found.add(point.value, time);
        chart.newest = Math.max(chart.newest, event.time);
        touched.add(chart);
      }
      return touched;
    },
    forget(before) {
      const stale = [...series.values()].filter((held) => (held.series.last?.time ?? before) < before);
      for (const { series: gone, chart } of stale) {
        series.delete(gone.id);
        chart.series.splice(chart.series.indexOf(gone), 1);
        if (chart.series.length === 0) charts.delete(chart.metric);
        else unnamed.add(chart);
      }
      if (stale.length > 0) order = undefined;
      return stale.length > 0;
    },
    get all() {
      for (const chart of unnamed) relabel(chart);
      unnamed.clear();
      order ??= [...charts.values()].sort((one, other) => one.rank - other.rank || compare(one.metric, other.metric));
      return order;
    },
    get seriesCount() {
      return series.size;
    },
    get refused() {
      return refused;
    },
  };
}

type MetricEvent = Extract<Heard, { kind: 'metric' }>;
type Point = MetricEvent['data']['points'][number];

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

const spanSuffix = /\.(\d+(?:s|m|h|d))$/;

/** One attribute that names a state, of something that sums: what OpenTelemetry calls an up-down counter, counters, and shares of time. */
function addsUp(point: Point): boolean {
  const attributes = Object.keys(point.attributes ?? {});
  const [only] = attributes;
  if (only === undefined || attributes.length > 1 || !/(^|\.)(mode|state|status)$/.test(only)) return false;
  return point.type === 'updown' || point.type === 'counter' || point.name === 'system.cpu.utilization';
}

/** Attributes in the order in which they tell most. A mount point says which device it is; a name says more than a number. */
function telling(attributes: Readonly<Record<string, unknown>>): (readonly [name: string, value: string])[] {
  const entries = Object.entries(attributes).map(([name, value]) => [name, String(value)] as const);
  const last = entries.filter(([name]) => name === 'process.pid');
  const mounted = entries.some(([name]) => name === 'system.filesystem.mountpoint');
  const rest = entries.filter(([name]) => name !== 'process.pid' && !(mounted && impliedByMount.has(name)));
  return [...rest, ...last];
}

const impliedByMount: ReadonlySet<string> = new Set(['system.device', 'system.filesystem.type', 'system.filesystem.mode']);

/** Directions as they are drawn everywhere else: a legend is narrow. */
const arrows: Readonly<Record<string, string>> = { receive: '↓', transmit: '↑' };

/** Of states that OpenTelemetry names. */
function partOf(point: Point): ChartSeries['part'] {
  const values = Object.values(point.attributes ?? {});
  if (values.some((value) => value === 'idle' || value === 'free')) return 'room';
  return values.some((value) => value === 'iowait' || value === 'cached' || value === 'buffers') ? 'slack' : 'busy';
}

/** Labels say only what differs: an attribute that all series share tells them not apart. */
function relabel(chart: Chart): void {
  const values = new Map<string, Set<string>>();
  for (const { names } of chart.series) {
    for (const [name, value] of names) values.set(name, (values.get(name) ?? new Set()).add(value));
  }
  const differs = (name: string) => (values.get(name)?.size ?? 0) > 1;
  for (const each of chart.series) {
    const words = each.names
      .filter(([name, value]) => name !== '' && differs(name) && value !== '')
      .map(([, value]) => arrows[value] ?? value);
    // The resource tells apart what attributes do not: two checks that measure the same.
    if (words.length === 0 && differs('')) words.push(each.names.find(([name]) => name === '')?.[1] ?? '');
    each.label = inert(words.join(' '));
  }
  chart.stackable = chart.series.every((each) => each.adds);
  const words = chart.series.flatMap((each) => [each.host, ...each.names.map(([, value]) => value)]);
  chart.haystack = [chart.metric, chart.title, ...new Set(words)].join(' ').toLowerCase();
}

/** One host's parts of a whole as one line: what of it is at work. */
export function sumOf(server: string, parts: readonly ChartSeries[]): ChartSeries {
  const [first] = parts;
  const busy = parts.filter((each) => each.part === 'busy');
  const counted = busy.length > 0 ? busy : parts;
  const sum = (values: readonly (number | null | undefined)[]) =>
    values.reduce<number | null>((total, value) => (value == null ? total : (total ?? 0) + value), null);
  return {
    id: server,
    server,
    host: first?.host ?? '',
    label: '',
    part: 'busy',
    adds: false,
    names: [],
    add() {},
    at: (second) => sum(counted.map((each) => each.at(second))),
    get last() {
      const value = sum(counted.map((each) => each.last?.value));
      return value === null ? undefined : { value, time: Math.max(...counted.map((each) => each.last?.time ?? 0)) };
    },
    get interval() {
      return Math.max(...counted.map((each) => each.interval));
    },
  };
}

/** `system.cpu.utilization` → `cpu utilization`; a rate of something counted says what. */
function titleOf(family: string, point: Point): string {
  const words = family.replace(/^system\./, '').replaceAll(/[._]/g, ' ');
  const noun = /^\{(.*)\}$/.exec(point.unit ?? '')?.[1];
  return inert(noun && !words.includes(noun) ? `${words}, ${noun}s` : words);
}

/** First what a person looks at first, then the rest of each subject. Below 100 a chart leads the page. */
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

function rankOf(family: string): number {
  const lead = first.findIndex((pattern) => pattern.test(family));
  if (lead >= 0) return lead;
  const subject = subjects.findIndex((pattern) => pattern.test(family));
  // What someone measures on purpose (an own monitor) comes before the details of the machine.
  if (subject === subjects.length - 1) return 50;
  return 100 + (subject < 0 ? subjects.length : subject);
}
