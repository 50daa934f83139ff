/**
 * What is said of a server that changes seldom: how it fares and since when, what it calls itself, what runs and what fires there.
 *
 * states of one host → facts. Lists and texts are an agent's own words, and each goes to each who looks: so all are bounded.
 */
import { type AlertState, holderOf, holds, type NodeState, type ServerState } from 'sluice';

/** Times are in milliseconds since 1970. */
export interface Facts {
  /** `acme.shop.prod.web-1`, as it stands in keys. */
  readonly id: string;
  /** No agent beats here, only processes. */
  readonly hub?: true;
  readonly status: ServerState['status'];
  readonly since: number;
  readonly seen: number;
  readonly first: number;
  readonly interval: number;
  readonly boot: string;
  readonly skew?: number;
  readonly reason?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly processes?: readonly { readonly name: string; readonly status: ServerState['status'] }[];
  /** Firing alerts, but for those that are held while it is silent; and the worst of them. */
  readonly alerts?: readonly [count: number, worst: AlertState['severity']];
  /** Nodes that fail, of how many. */
  readonly nodes?: readonly [failing: number, all: number];
}

export interface Said<Value> {
  readonly value: Value;
  readonly tick: number;
}

/** The last of each state of a host. */
export interface Heard {
  readonly id: string;
  /** By the process's words; '' is the agent. */
  readonly servers: Map<string, Said<ServerState>>;
  /** Whether each fails. */
  readonly nodes: Map<string, Said<boolean>>;
  readonly alerts: Map<string, Said<AlertState['severity']>>;
}

const mostLabels = 24;
const mostText = 255;
const mostReason = 500;
const worst = { info: 0, warning: 1, critical: 2 };

/** What is kept of a state's value. */
export function gistOf(of: 'server' | 'node' | 'alert', value: unknown): unknown {
  if (of === 'server') return value;
  return of === 'node' ? (value as NodeState).status === 'failing' : (value as AlertState).severity;
}

/** Undefined where neither an agent nor a process is known. */
export function factsOf({ id, servers, nodes, alerts }: Heard): Facts | undefined {
  const agent = servers.get('')?.value;
  const processes = [...servers].filter(([name]) => name !== '').map(([, said]) => said.value);
  const main = agent ?? processes.find(({ status }) => status === 'alive') ?? processes[0];
  if (!main) return undefined;
  const { status, since, seen, first, interval, boot, skew, reason, labels, versions } = main;
  const isHeld = holds(main);
  const firing = [...alerts].filter(([key]) => !isHeld || holderOf(key) === undefined).map(([, { value }]) => value);
  const failing = [...nodes.values()].filter(({ value }) => value).length;
  const list = processes.map((process) => ({ name: (process.process ?? '').slice(0, mostText), status: process.status }));
  return {
    id,
    ...(!agent && { hub: true as const }),
    ...{ status, since: instant(since), seen: instant(seen), first: instant(first), interval, boot: boot.slice(0, mostText) },
    ...(skew !== undefined && { skew }),
    ...(reason !== undefined && { reason: reason.slice(0, mostReason) }),
    ...{ labels: some(labels), versions: some(versions) },
    ...(list.length > 0 && { processes: list.slice(0, mostLabels) }),
    ...(firing.length > 0 && {
      alerts: [firing.length, firing.reduce((one, other) => (worst[other] > worst[one] ? other : one))] as const,
    }),
    ...(nodes.size > 0 && { nodes: [failing, nodes.size] as const }),
  };
}

const instant = (text: string): number => Date.parse(text) || 0;

/** They are an agent's own words, and each goes to each who looks. */
const some = (words: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(words)
      .slice(0, mostLabels)
      .map(([name, value]) => [name.slice(0, mostText), value.slice(0, mostText)]),
  );
