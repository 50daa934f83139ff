/** The nodes of one server, with what flows through each: what fails stands first. */
import { useEffect, useState } from 'preact/hooks';
import type { GraphItems } from '../../measured.ts';
import { formatAge, plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import { natural } from '../parts/natural.ts';
import type { Line } from '../wire/line.ts';

type Node = GraphItems['node'];
interface Frame {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly gone?: readonly string[];
  readonly all?: true;
}

const urgency = { failing: 0, silent: 1, stopped: 2, starting: 3, running: 4 } as const;

export function Nodes({ id, line }: { id: string; line: Line }) {
  const [nodes, setNodes] = useState<ReadonlyMap<string, Node> | undefined>(undefined);
  useEffect(() => {
    let known = new Map<string, Node>();
    return line.ask<Frame>({ graph: { servers: [id] } }, ({ set = {}, gone = [], all, error }) => {
      if (error !== undefined) return;
      if (all) known = new Map();
      for (const [item, value] of Object.entries(set)) if (item.startsWith('node ')) known.set(item, value as Node);
      for (const item of gone) known.delete(item);
      setNodes(new Map(known));
    });
  }, [id, line]);

  const list = [...(nodes?.values() ?? [])]
    .filter(({ sort }) => sort !== 'process' && sort !== 'other')
    .sort((one, other) => urgencyOf(one) - urgencyOf(other) || natural(one.name, other.name));
  const failing = list.filter(({ worst }) => worst === 'failing').length;
  return (
    <details class="nodes" open={failing > 0}>
      <summary>
        <h3>
          Nodes{' '}
          <small>
            {nodes ? plural(list.length, 'node') : ''}
            {failing > 0 && (
              <b class="bad">
                {' '}
                {failing} {failing === 1 ? 'fails' : 'fail'}
              </b>
            )}
          </small>
        </h3>
      </summary>
      {nodes && list.length === 0 && <p class="note">None of its nodes has told of itself within the last minutes.</p>}
      {list.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>Node</th>
                <th>State</th>
                <th class="number">In</th>
                <th class="number">Out</th>
                <th class="number">Lag</th>
                <th class="number">Errors</th>
                <th class="number">Dropped</th>
              </tr>
            </thead>
            <tbody>
              {list.map((node) => (
                <NodeRow key={node.name} node={node} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

const urgencyOf = ({ worst }: Node): number => (urgency as Readonly<Record<string, number>>)[worst] ?? 5;

function NodeRow({ node }: { node: Node }) {
  const { name, sort, doc, worst, reads, writes, lag, errors, error, events } = node;
  const lost = events.dropped + events.dead + events.holes;
  return (
    <tr class={worst}>
      <td title={inert(doc)}>
        <b>{inert(name)}</b> <small>{sort}</small>
        {error !== undefined && worst === 'failing' && <p class="bad">{inert(error)}</p>}
      </td>
      <td class="condition">{worst}</td>
      <td class="number">{sort === 'monitor' ? '' : perSecond(reads)}</td>
      <td class="number">{sort === 'sink' ? '' : perSecond(writes)}</td>
      <td class="number">{lag === undefined ? '' : formatAgeOrMs(lag)}</td>
      <td class={`number ${errors > 0 ? 'bad' : ''}`}>{errors}</td>
      <td class={`number ${lost > 0 ? 'bad' : ''}`}>{lost}</td>
    </tr>
  );
}

const perSecond = (rate: number): string => `${rate >= 100 ? Math.round(rate) : Number(rate.toPrecision(2))}/s`;
const formatAgeOrMs = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : formatAge(ms));
