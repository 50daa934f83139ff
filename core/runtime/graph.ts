/**
 * Who reads and writes what. Names the pipes between nodes, and the order in which they start: consumers before their
 * producers, so that nothing is said before someone listens, and the reverse to stop.
 */
import { hash } from 'node:crypto';
import { ConfigError } from '../errors.ts';
import { type Topic, topic } from '../event.ts';
import { type About, escapeWord, patternOf } from '../key.ts';
import type { Kind } from '../kinds.ts';
import type { Node, Reads } from '../node.ts';

/** The topics that a node reads. */
export function topicsOf(reads: readonly Reads[]): Topic[] {
  return reads.map(({ kind, pattern, ...fields }) => topic(kind, pattern ?? patternOf(fields)));
}

/** What a node reads, narrowed by what its config says: a `read` without a kind holds for each that the node reads. */
export function readsOf(node: Node, narrowed: Partial<Reads> | undefined, where: string): readonly Reads[] {
  if (node.sort === 'monitor') {
    if (narrowed) throw new ConfigError(`config: ${where}: ${node.name} is a monitor and reads no events; remove its read`);
    return [];
  }
  const declared = node.in as readonly Reads[];
  if (!narrowed) return declared;
  const { kind, ...fields } = narrowed;
  const fitting = declared.filter((each) => kind === undefined || each.kind === kind);
  if (fitting.length === 0) {
    throw new ConfigError(`config: ${where}: ${node.name} does not read ${kind}; it reads ${declared.map((each) => each.kind).join(', ')}`);
  }
  return fitting.map((each) => ({ ...each, ...fields }));
}

/** The queue of a node; of a watcher, its own on that server. What does not fit into the name of a queue is told apart by a hash. */
export function queueOf(node: string, own?: Omit<About, 'resource'>): string {
  if (own === undefined) return `sluice.${node}`;
  const { company, system, environment, host } = own;
  const name = `sluice.${node}.${[company, system, environment, host].map(escapeWord).join('.')}`;
  return name.length <= 200 ? name : `${name.slice(0, 170)}-${hash('sha256', name, 'base64url').slice(0, 22)}`;
}

interface Ends {
  readonly name: string;
  readonly in: readonly Kind[];
  readonly out: readonly Kind[];
}

/** Orders nodes so that each comes after those that read what it writes, as far as circles allow. */
export function startOrder<N extends Ends>(nodes: readonly N[]): N[] {
  const ordered: N[] = [];
  const visited = new Set<N>();
  const visit = (node: N): void => {
    if (visited.has(node)) return;
    visited.add(node);
    for (const reader of nodes) if (reader.in.some((kind) => node.out.includes(kind))) visit(reader);
    ordered.push(node);
  };
  for (const node of nodes) visit(node);
  return ordered;
}
