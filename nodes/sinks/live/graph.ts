/**
 * Who feeds whom, drawn from what each node says that it reads and writes. An edge is a possibility: it joins a writer of a
 * kind to every reader of that kind, whichever keys either has in mind.
 */
import type { NodeState } from 'sluice';
import type { Keyed } from './present.ts';

export interface Graph {
  readonly nodes: readonly {
    readonly key: string;
    readonly name: string;
    readonly sort: string;
    readonly host: string;
    readonly status: string;
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: string }[];
}

/** More edges than anyone can look at; the graph of a large fleet is asked for in parts. */
const maxEdges = 20_000;

export function graphOf(states: readonly Keyed<NodeState>[]): Graph {
  const edges: { from: string; to: string; kind: string }[] = [];
  for (const from of states) {
    for (const kind of from.out) {
      for (const to of states) {
        if (edges.length >= maxEdges) break;
        if (to.in.some((topic) => topic.kind === kind)) edges.push({ from: from.key, to: to.key, kind });
      }
    }
  }
  return { nodes: states.map(({ key, name, sort, host, status }) => ({ key, name, sort, host, status })), edges };
}
