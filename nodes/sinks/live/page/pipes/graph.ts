/**
 * The graph as the page knows it: items as they come, put together. A name is a stranger's; it is looked up, and shown as text only.
 */
import type { GraphItems } from '../../measured.ts';

export type GraphNode = GraphItems['node'];
export type GraphKind = GraphItems['kind'];
export type Writes = GraphItems['writes'];
export type Reads = GraphItems['reads'];

export interface GraphFrame {
  readonly set: Readonly<Record<string, unknown>>;
  readonly gone?: readonly string[];
  readonly all?: boolean;
  readonly total?: number;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly kinds: readonly GraphKind[];
  readonly writes: readonly Writes[];
  readonly reads: readonly Reads[];
  readonly processes: GraphItems['processes'] | undefined;
  readonly lost: GraphItems['lost'];
}

/** Items by id, with a frame applied. */
export function applyFrame(items: ReadonlyMap<string, unknown>, { set, gone = [], all }: GraphFrame): Map<string, unknown> {
  const next = new Map(all ? [] : items);
  for (const [id, item] of Object.entries(set)) next.set(id, item);
  for (const id of gone) next.delete(id);
  return next;
}

export function graphFrom(items: ReadonlyMap<string, unknown>): Graph {
  const of = <Each>(sort: string) => [...items].flatMap(([id, item]) => (id.startsWith(`${sort} `) ? [item as Each] : []));
  const reads = of<Reads>('reads');
  const writes = of<Writes>('writes');
  const nodes = of<GraphNode>('node');
  const sinks = new Set(nodes.filter(({ sort }) => sort === 'sink').map(({ name }) => name));
  // Sinks read whatever comes: a pipe that nobody writes, and that only they would hear, says nothing.
  const isThere = ({ kind, rate }: GraphKind) =>
    rate > 0 || writes.some((each) => each.kind === kind) || reads.some((each) => each.kind === kind && !sinks.has(each.node));
  const kinds = of<GraphKind>('kind').filter(isThere);
  const shown = new Set(kinds.map(({ kind }) => kind));
  return {
    nodes,
    kinds,
    writes: writes.filter(({ kind }) => shown.has(kind)),
    reads: reads.filter(({ kind }) => shown.has(kind)),
    processes: items.get('processes') as Graph['processes'],
    lost: (items.get('lost') ?? []) as Graph['lost'],
  };
}

export type Mark = 'bad' | 'warn' | undefined;

/** Milliseconds behind that are worth a look. Figures of a window come after its end: who reads only those is behind by design. */
export const slowOf = ({ in: topics }: Pick<GraphNode, 'in'>): number =>
  topics.length > 0 && topics.every(({ kind }) => kind === 'stat') ? 90_000 : 20_000;

/** What of a node one should look at, worst first, in words. */
export function troublesOf(node: GraphNode): { readonly mark: Mark; readonly words: string }[] {
  const { conditions, size, errors, events, lag, sort } = node;
  const slow = slowOf(node);
  const found: { mark: Mark; words: string }[] = [];
  const few = (count: number) => (count === size ? '' : `${count} of ${size} `);
  for (const [condition, mark] of [
    ['failing', 'bad'],
    ['silent', 'warn'],
    ['stopped', 'warn'],
  ] as const) {
    const count = conditions[condition] ?? 0;
    if (count === 0) continue;
    const word = sort === 'process' && condition === 'failing' ? 'cut off' : condition;
    found.push({ mark: count === size ? 'bad' : mark, words: `${few(count)}${word}` });
  }
  if (events.dead > 0) found.push({ mark: 'bad', words: `${events.dead} dead` });
  if (events.dropped > 0) found.push({ mark: 'warn', words: `${events.dropped} dropped` });
  if (errors > 0) found.push({ mark: 'warn', words: `${errors} ${errors === 1 ? 'error' : 'errors'}` });
  if (lag !== undefined && lag >= slow) found.push({ mark: lag >= 3 * slow ? 'bad' : 'warn', words: `${Math.round(lag / 1000)} s behind` });
  return found;
}

/** The colour of a node's lamp: red where it fails, or is gone everywhere; amber where it is gone from some servers. */
export function lampOf({ worst, conditions, size }: GraphNode): 'good' | 'some' | 'bad' | 'starting' {
  if (worst === 'failing') return 'bad';
  if (worst === 'silent' || worst === 'stopped') return conditions[worst] === size ? 'bad' : 'some';
  return worst === 'starting' ? 'starting' : 'good';
}

/** Events a second, as narrow as it can be said. */
export function formatRate(rate: number): string {
  if (rate === 0) return '–';
  if (rate < 0.095) return `${Number((rate * 60).toPrecision(2))}/min`;
  if (rate < 10) return `${Number(rate.toPrecision(2))}/s`;
  return `${Math.round(rate).toLocaleString('en')}/s`;
}

/** Colours that pipes keep, whatever else is there. */
export function colourOf(kind: string): string {
  const series: Readonly<Record<string, number>> = {
    metric: 1,
    stat: 2,
    log: 3,
    incident: 4,
    state: 5,
    heartbeat: 6,
    command: 7,
    outcome: 7,
    alert: 8,
    dead: 8,
  };
  return `var(--series-${(Object.hasOwn(series, kind) ? series[kind] : undefined) ?? 7})`;
}
