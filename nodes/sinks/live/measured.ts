/**
 * The running graph with what flows in it: groups of nodes as they say of themselves, the pipes between them, and events per second
 * as the meter counted them. Made of items, each with an id, so that a channel tells only those that changed.
 *
 *     node cpu                what nodes of that name are, and how they fare
 *     kind metric             a pipe
 *     writes cpu metric       from a node into a pipe
 *     reads threshold metric  out of a pipe
 *     processes               what processes gave to their buses, and what waits
 *     lost                    what never came to a reader of this process, worst first
 */
import {
  groupNodes,
  groupProcesses,
  type Keyed,
  type Kind,
  kindNames,
  type LedgerState,
  type Loss,
  matcher,
  type NodeGroup,
  type NodeState,
  type ProcessGroup,
  type ProcessState,
  processKinds,
  processName,
  type Topic,
  type Way,
} from 'sluice';
import { rateOf, type Stream } from './meter.ts';

/** A rate in events a second, in as many digits as anyone reads: what is steady does not change. */
export interface Joint {
  readonly node: string;
  readonly kind: string;
  readonly rate: number;
}

export interface Reading extends Joint {
  /** What it reads of the kind, where that is not all of it. */
  readonly patterns?: readonly string[];
  /** Nobody writes what it could read. */
  readonly unmet?: true;
  /** Events that never came to it. */
  readonly lost?: number;
}

export interface GraphItems {
  readonly node: Omit<NodeGroup, 'sort'> & {
    /** `other`: it writes, and says nothing of itself; `process`: the processes themselves. */
    readonly sort: NodeGroup['sort'] | 'other' | 'process';
    /** Events a second, in and out. */
    readonly reads: number;
    readonly writes: number;
  };
  readonly kind: { readonly kind: string; readonly rate: number; readonly total: number };
  readonly writes: Joint;
  readonly reads: Reading;
  readonly processes: ProcessGroup;
  readonly lost: readonly Loss[];
}

export interface Measures {
  readonly nodes: readonly Keyed<NodeState>[];
  readonly processes: readonly Keyed<ProcessState>[];
  readonly silent: ReadonlySet<string>;
  readonly streams: readonly Stream[];
  /** Over which the streams were counted. */
  readonly seconds: number;
  readonly ways: readonly Way[];
  readonly ledger: LedgerState | undefined;
}

/** Writers that say nothing of themselves are a stranger's to name. */
const maxOthers = 20;
const maxLost = 20;

export function measure({ nodes, processes, silent, streams, seconds, ways, ledger }: Measures): Map<string, unknown> {
  const groups = groupNodes(nodes, silent);
  const names = new Set(groups.map(({ name }) => name));
  const flows = flowsOf(streams, new Set(['heartbeat'].filter((name) => !names.has(name))));
  const rate = (flow: Flowing | undefined) => (flow ? round(rateOf(flow, seconds)) : 0);
  const items = new Map<string, unknown>();
  const kinds = new Set<string>();
  const put = <Sort extends keyof GraphItems>(sort: Sort, name: string, item: GraphItems[Sort]) =>
    items.set(`${sort} ${name}`.trim(), item);
  const lostOf = (node: string, kind: string) =>
    (ledger?.lost ?? []).reduce((sum, loss) => sum + (loss.node === node && loss.kind === kind ? loss.lost : 0), 0);

  const write = (node: string, kind: string): number => {
    const found = rate(flows.writes.get(`${node}\n${kind}`));
    kinds.add(kind);
    put('writes', `${node} ${kind}`, { node, kind, rate: found });
    return found;
  };
  const read = (node: string, kind: string, topics: readonly Topic[]): number => {
    const patterns = topics.filter((topic) => topic.kind === kind).map(({ pattern }) => pattern);
    const all = patterns.includes('#');
    const found = rate(all ? flows.kinds.get(kind) : narrowed(streams, kind, patterns));
    const isMet = found > 0 || ways.some((way) => way.to === node && way.kind === kind);
    const lost = lostOf(node, kind);
    put('reads', `${node} ${kind}`, {
      ...{ node, kind, rate: found },
      ...(!all && { patterns: patterns.slice(0, 8) }),
      ...(!isMet && { unmet: true as const }),
      ...(lost > 0 && { lost }),
    });
    return found;
  };
  const sum = (rates: readonly number[]) => round(rates.reduce((all, each) => all + each, 0));
  const wrote = (name: string, declared: readonly string[]) =>
    sum([...new Set([...declared, ...(flows.kindsOf.get(name) ?? [])])].map((kind) => write(name, kind)));

  for (const group of groups) {
    const reads = [...new Set(group.in.map(({ kind }) => kind))].map((kind) => read(group.name, kind, group.in));
    put('node', group.name, { ...group, reads: sum(reads), writes: wrote(group.name, group.out) });
  }
  const others = [...flows.kindsOf.keys()].filter((name) => !names.has(name) && name !== processName).slice(0, maxOthers);
  for (const name of others) {
    const size = flows.sources.get(name)?.size ?? 1;
    put('node', name, { ...nobody, name, use: name, sort: 'other', size, reads: 0, writes: wrote(name, []) });
  }
  if (processes.length > 0) {
    const group = groupProcesses(processes);
    const running = group.size - group.stopped - group.apart;
    const conditions = {
      ...(running > 0 && { running }),
      ...(group.apart > 0 && { failing: group.apart }),
      ...(group.stopped > 0 && { stopped: group.stopped }),
    };
    const worst = group.apart > 0 ? 'failing' : running > 0 ? 'running' : 'stopped';
    const writes = wrote(processName, processKinds);
    put('node', processName, {
      ...nobody,
      name: processName,
      use: processName,
      sort: 'process',
      size: group.size,
      worst,
      conditions,
      reads: 0,
      writes,
    });
    put('processes', '', group);
  }
  for (const kind of kindNames) {
    const flow = flows.kinds.get(kind);
    if (flow || kinds.has(kind)) put('kind', kind, { kind, rate: rate(flow), total: flow?.total ?? 0 });
  }
  if (ledger && ledger.lost.length > 0) put('lost', '', ledger.lost.filter(({ lost }) => lost > 0).slice(0, maxLost));
  return items;
}

const nobody: Omit<NodeGroup, 'name' | 'use' | 'sort' | 'size'> = {
  ...{ doc: '', worst: 'running' as const, conditions: {}, in: [], out: [], errors: 0 },
  events: { in: 0, out: 0, dead: 0, dropped: 0, holes: 0, repeats: 0 },
};

interface Flowing {
  recent: number;
  minute: number;
  total: number;
}

/** @param own names under which processes write by themselves */
function flowsOf(streams: readonly Stream[], own: ReadonlySet<string>) {
  const kinds = new Map<string, Flowing>();
  const writes = new Map<string, Flowing>();
  const kindsOf = new Map<string, Set<string>>();
  const sources = new Map<string, Set<string>>();
  const add = (flows: Map<string, Flowing>, name: string, { recent, minute, total }: Stream) => {
    const flow = flows.get(name);
    if (!flow) return void flows.set(name, { recent, minute, total });
    flow.recent += recent;
    flow.minute += minute;
    flow.total += total;
  };
  for (const stream of streams) {
    const { kind, source } = stream;
    add(kinds, kind, stream);
    if (source === '') continue;
    const node = own.has(stream.node) ? processName : stream.node;
    add(writes, `${node}\n${kind}`, stream);
    const known = kindsOf.get(node);
    if (known) known.add(kind);
    else kindsOf.set(node, new Set([kind]));
    const all = sources.get(node);
    if (all) all.add(source);
    else sources.set(node, new Set([source]));
  }
  return { kinds, writes, kindsOf, sources };
}

/** What of a kind any of the patterns wants. */
function narrowed(streams: readonly Stream[], kind: string, patterns: readonly string[]): Flowing {
  const matches = patterns.map(matcher);
  const flow = { recent: 0, minute: 0, total: 0 };
  for (const stream of streams) {
    if (stream.kind !== (kind as Kind) || !matches.some((each) => each(stream.key))) continue;
    flow.recent += stream.recent;
    flow.minute += stream.minute;
    flow.total += stream.total;
  }
  return flow;
}

/** Three significant digits. */
const round = (value: number): number => Number(value.toPrecision(3));
