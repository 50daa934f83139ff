/**
 * Who feeds whom, node by node, drawn from what each says that it reads and writes: `GET /api/graph`, for scripts. An edge is a
 * possibility: it joins a writer of a kind to a reader of that kind, where a key can match what both have in mind.
 */
import { type Keyed, meeting, type NodeState, reachOf } from 'sluice';

export interface Graph {
  readonly nodes: readonly {
    readonly key: string;
    readonly name: string;
    readonly sort: string;
    readonly host: string;
    readonly status: string;
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: string }[];
  /** There are more edges than are listed. */
  readonly cut?: true;
}

/** More edges than anyone can look at; the graph of a large fleet is asked for in groups, by the channel `graph`. */
const maxEdges = 20_000;

export function graphOf(states: readonly Keyed<NodeState>[]): Graph {
  const meets = meeting();
  const edges: { from: string; to: string; kind: string }[] = [];
  const nodes = states.map(({ key, name, sort, host, status }) => ({ key, name, sort, host, status }));
  const readers = states.filter(({ in: topics }) => topics.length > 0);
  for (const from of states) {
    const reach = reachOf(from);
    for (const to of readers) {
      for (const kind of from.out) {
        if (!to.in.some((topic) => topic.kind === kind && meets(reach, topic.pattern))) continue;
        if (edges.length >= maxEdges) return { nodes, edges, cut: true };
        edges.push({ from: from.key, to: to.key, kind });
      }
    }
  }
  return { nodes, edges };
}
