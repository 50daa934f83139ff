/**
 * Which servers are listed, in which groups and in which order.
 *
 * servers, what is searched for, by what they are grouped and sorted → groups, each with how many of it are alive.
 */
import { natural } from '../parts/natural.ts';
import type { Server } from './fleet.ts';

export const sorts = ['urgency', 'name', 'cpu', 'memory', 'age'] as const;
export type Sort = (typeof sorts)[number];

export interface Group {
  readonly title: string;
  readonly servers: readonly Server[];
  readonly counts: Counts;
}

/** Servers, without hubs and without those that are retired, which nobody expects. */
export interface Counts {
  readonly all: number;
  readonly alive: number;
  readonly silent: number;
  readonly blind: number;
  /** Of which alerts fire. */
  readonly alerted: number;
  readonly retired: number;
  readonly hubs: number;
}

export function count(servers: Iterable<Server>): Counts {
  const counts = { all: 0, alive: 0, silent: 0, blind: 0, alerted: 0, retired: 0, hubs: 0 };
  for (const { status, hub, alerts } of servers) {
    if (alerts && alerts[1] !== 'info') counts.alerted++;
    if (hub) counts.hubs++;
    else {
      counts[status]++;
      if (status !== 'retired') counts.all++;
    }
  }
  return counts;
}

/** All words, anywhere in its names, labels, versions, state and reason. */
export function search(servers: Iterable<Server>, text: string): Server[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return [...servers].filter(({ words }) => wanted.every((word) => words.includes(word)));
}

/** By what servers can be grouped, and by how many of them it is said. */
export function groupings(servers: Iterable<Server>): string[] {
  const labels = new Map<string, number>();
  for (const server of servers) for (const name in server.labels) labels.set(name, (labels.get(name) ?? 0) + 1);
  const common = [...labels].sort((one, other) => other[1] - one[1] || natural(one[0], other[0])).slice(0, mostLabels);
  return [...places, ...common.map(([name]) => `${label}${name}`)];
}

const label = 'label:';
const mostLabels = 30;
const mostGroups = 200;
export const places = ['place', 'company', 'system', 'environment'] as const;

/** In groups of the same word. Past a bound the rest share one: a label may differ for every server. */
export function group(servers: readonly Server[], by: string, sort: Sort): Group[] {
  const compare = comparer(sort);
  const found = new Map<string, Server[]>();
  for (const server of servers) {
    const title = titleOf(server, by);
    const members = found.get(title);
    if (members) members.push(server);
    else found.set(title, [server]);
  }
  const last = (title: string) => Number(title === '') + Number(found.get(title)?.every(({ hub }) => hub) ?? false);
  const titles = [...found.keys()].sort((one, other) => last(one) - last(other) || natural(one, other));
  const rest = titles.splice(mostGroups).flatMap((title) => found.get(title) ?? []);
  const groups = titles.map((title) => [title || `no ${by.replace(label, '')}`, found.get(title) ?? []] as const);
  if (rest.length > 0) groups.push(['others', rest]);
  return groups.map(([title, members]) => ({
    title: by === 'none' ? '' : title,
    servers: members.sort(compare),
    counts: count(members),
  }));
}

function titleOf(server: Server, by: string): string {
  if (by === 'none') return 'all';
  if (by.startsWith(label)) return server.labels[by.slice(label.length)] ?? '';
  const place = places.find((each) => each === by);
  return place ? server[place] : 'all';
}

/** Those who need a person come first. */
export function urgency({ status, alerts, nodes, hub }: Server): number {
  if (status === 'silent') return 0;
  if (status === 'blind') return 1;
  if (alerts?.[1] === 'critical') return 2;
  if (alerts?.[1] === 'warning' || (nodes?.[0] ?? 0) > 0) return 3;
  if (status === 'retired') return 6;
  return hub ? 5 : 4;
}

function comparer(sort: Sort): (one: Server, other: Server) => number {
  const byName = (one: Server, other: Server) => natural(one.host, other.host) || natural(one.id, other.id);
  /** The most first; who says nothing comes last. */
  const most = (of: (server: Server) => number | undefined) => (one: Server, other: Server) =>
    (of(other) ?? -1) - (of(one) ?? -1) || byName(one, other);
  switch (sort) {
    case 'urgency':
      return (one, other) => urgency(one) - urgency(other) || byName(one, other);
    case 'name':
      return byName;
    case 'cpu':
    case 'memory':
      return most((server) => server[sort]);
    case 'age':
      // The newest first: what changed lately is what one looks for.
      return most(({ first }) => first);
  }
}
