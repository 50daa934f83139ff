/**
 * The running graph, as a person looks at it: nodes of one name are one, however many servers run them; between them are the pipes,
 * one for each kind. Made from what nodes and processes say of themselves as state, and nothing else.
 *
 * A writer is joined to a reader where a key can match both: what the writer may write (a monitor speaks of its own server, a filter
 * of any), and what the reader's topics want. So it is possible that something flows there; what flows is for a meter to say.
 */
import type { Topic } from './event.ts';
import { meet } from './key.ts';
import type { NodeState, ProcessState, ServerState } from './states.ts';

/** A state with the key of what it is of. */
export type Keyed<State> = State & { readonly key: string };

/** `silent`: its server is. */
export type Condition = NodeState['status'] | 'silent';

/** Worst first. */
export const conditions: readonly Condition[] = ['failing', 'silent', 'stopped', 'starting', 'running'];

/** All nodes of one name. Counts are sums; `lag` is the worst, in milliseconds. */
export interface NodeGroup {
  readonly name: string;
  readonly use: string;
  readonly sort: NodeState['sort'];
  readonly doc: string;
  /** How many of it there are. */
  readonly size: number;
  readonly worst: Condition;
  readonly conditions: Readonly<Partial<Record<Condition, number>>>;
  /** Each topic once, that any of them reads; and the kinds that any of them writes. */
  readonly in: readonly Topic[];
  readonly out: readonly string[];
  readonly events: NodeState['events'];
  readonly errors: number;
  /** What one of them said last of what went wrong. */
  readonly error?: string;
  readonly lag?: number;
  readonly every?: number;
}

/** All processes: what they gave to their buses, and what could not be given. */
export interface ProcessGroup {
  readonly size: number;
  /** Running, but cut off from its bus, or not taken from. */
  readonly apart: number;
  readonly stopped: number;
  readonly sent: number;
  readonly waiting: { readonly events: number; readonly bytes: number };
  readonly dropped: number;
  readonly expired: number;
  readonly refused: number;
  /** Each bus once. */
  readonly buses: readonly string[];
}

/** A possible way from a writer to a reader: names of groups. */
export interface Way {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
}

/** Under this name stand the processes themselves, which write whichever nodes they run. */
export const processName = 'sluice';
/** What every process writes by itself. */
export const processKinds: readonly string[] = ['heartbeat', 'log', 'state', 'dead'];

/** Text that nodes say of themselves is bounded by them; lists of it are bounded here. */
const maxTopics = 64;
const maxBuses = 8;

/** The server of a key: `company.system.environment.host`. */
export function serverOf(key: string): string {
  let end = -1;
  for (let words = 0; words < 4; words++) {
    end = key.indexOf('.', end + 1);
    if (end < 0) return key;
  }
  return key.slice(0, end);
}

/** What a node may write, as a pattern. */
export const reachOf = ({ key, sort }: Pick<Keyed<NodeState>, 'key' | 'sort'>): string => (sort === 'monitor' ? `${serverOf(key)}.#` : '#');

/** A test for patterns that remembers its answers: a fleet has few that differ, and thousands of nodes. */
export function meeting(): (one: string, other: string) => boolean {
  const known = new Map<string, boolean>();
  return (one, other) => {
    if (one === '#' || other === '#') return true;
    const pair = `${one} ${other}`;
    let answer = known.get(pair);
    if (answer === undefined) {
      answer = meet(one, other);
      known.set(pair, answer);
    }
    return answer;
  };
}

/** Whose servers are silent, by key: their nodes are, too. */
export function silentOf(servers: readonly Keyed<ServerState>[]): ReadonlySet<string> {
  return new Set(servers.filter(({ status, process }) => status === 'silent' && process === undefined).map(({ key }) => serverOf(key)));
}

export function conditionOf({ key, status }: Pick<Keyed<NodeState>, 'key' | 'status'>, silent: ReadonlySet<string>): Condition {
  return status !== 'stopped' && silent.has(serverOf(key)) ? 'silent' : status;
}

/** Nodes by name, in the order of their names. */
export function groupNodes(nodes: readonly Keyed<NodeState>[], silent: ReadonlySet<string> = new Set()): NodeGroup[] {
  const byName = new Map<string, Keyed<NodeState>[]>();
  for (const node of nodes) {
    const same = byName.get(node.name);
    if (same) same.push(node);
    else byName.set(node.name, [node]);
  }
  return [...byName.values()].map((same) => groupOf(same, silent)).sort((one, other) => (one.name < other.name ? -1 : 1));
}

function groupOf(nodes: readonly Keyed<NodeState>[], silent: ReadonlySet<string>): NodeGroup {
  const [first] = nodes as [Keyed<NodeState>, ...Keyed<NodeState>[]];
  const counts: Partial<Record<Condition, number>> = {};
  const topics = new Map<string, Topic>();
  const out = new Set<string>();
  const events = { in: 0, out: 0, dead: 0, dropped: 0, holes: 0, repeats: 0 };
  let errors = 0;
  let failed: NodeState | undefined;
  let lag: number | undefined;
  for (const node of nodes) {
    const condition = conditionOf(node, silent);
    counts[condition] = (counts[condition] ?? 0) + 1;
    for (const topic of node.in) if (topics.size < maxTopics) topics.set(`${topic.kind} ${topic.pattern}`, topic as Topic);
    for (const kind of node.out) if (out.size < maxTopics) out.add(kind);
    for (const name of Object.keys(events) as (keyof typeof events)[]) events[name] += node.events[name];
    errors += node.errors;
    if (
      node.error !== undefined &&
      (failed === undefined || (failed.status !== 'failing' && node.since > failed.since) || node.status === 'failing')
    )
      failed = node;
    if (node.lag !== undefined) lag = Math.max(lag ?? 0, node.lag);
  }
  return {
    name: first.name,
    use: first.use,
    sort: first.sort,
    doc: first.doc,
    size: nodes.length,
    worst: conditions.find((each) => counts[each]) ?? 'stopped',
    conditions: counts,
    in: [...topics.values()],
    out: [...out],
    events,
    errors,
    ...(failed?.error !== undefined && { error: failed.error }),
    ...(lag !== undefined && { lag }),
    ...(first.every !== undefined && { every: first.every }),
  };
}

export function groupProcesses(processes: readonly ProcessState[]): ProcessGroup {
  const group = { size: 0, apart: 0, stopped: 0, sent: 0, dropped: 0, expired: 0, refused: 0 };
  const waiting = { events: 0, bytes: 0 };
  const buses = new Set<string>();
  for (const { status, connected, blocked, sent, dropped, expired, refused, spooled, bus } of processes) {
    group.size += 1;
    if (status === 'stopped') group.stopped += 1;
    else if (!connected || blocked) group.apart += 1;
    group.sent += sent;
    group.dropped += dropped;
    group.expired += expired;
    group.refused += refused;
    waiting.events += spooled.durable.events + spooled.telemetry.events;
    waiting.bytes += spooled.durable.bytes + spooled.telemetry.bytes;
    if (buses.size < maxBuses) buses.add(bus);
  }
  return { ...group, waiting, buses: [...buses] };
}

/** The ways that are there between groups, each once. What stopped neither writes nor reads. */
export function waysOf(nodes: readonly Keyed<NodeState>[]): Way[] {
  const meets = meeting();
  const running = nodes.filter(({ status }) => status !== 'stopped');
  // By kind and name: a thousand servers run the same, and only for a reader that picks does it matter which of them writes.
  const writers = new Map<string, Map<string, Pick<Keyed<NodeState>, 'key' | 'sort'>[]>>();
  const note = (kind: string, name: string, node: Pick<Keyed<NodeState>, 'key' | 'sort'>) => {
    const names = writers.get(kind) ?? new Map<string, Pick<Keyed<NodeState>, 'key' | 'sort'>[]>();
    writers.set(kind, names);
    const same = names.get(name);
    if (same) same.push(node);
    else names.set(name, [node]);
  };
  for (const node of running) for (const kind of node.out) note(kind, node.name, node);
  // A process speaks of its own server, as a monitor does.
  for (const { key } of running) for (const kind of processKinds) note(kind, processName, { key, sort: 'monitor' });
  const ways = new Map<string, Way>();
  const read = new Set<string>();
  for (const { name: to, in: topics } of running) {
    for (const { kind, pattern } of topics) {
      const topic = `${to} ${kind} ${pattern}`;
      if (read.has(topic)) continue;
      read.add(topic);
      for (const [from, some] of writers.get(kind) ?? []) {
        const id = `${from}\n${to}\n${kind}`;
        if (!ways.has(id) && some.some((node) => meets(reachOf(node), pattern))) ways.set(id, { from, to, kind });
      }
    }
  }
  return [...ways.values()];
}
