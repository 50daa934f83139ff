/** The graph as a list: for phones, and for whoever would rather read than look. */
import { inert } from '../parts/inert.ts';
import { colourOf, formatRate, type Graph, lampOf, troublesOf } from './graph.ts';
import type { Open } from './opened.ts';
import { nameOf } from './picture.tsx';

const sorts = [
  ['monitor', 'Monitors'],
  ['process', 'sluice itself'],
  ['other', 'Others'],
  ['filter', 'Filters'],
  ['sink', 'Sinks'],
  ['actuator', 'Actuators'],
] as const;

export function List({ graph, search, open }: { graph: Graph; search: string; open: Open }) {
  const fits = (name: string) => name.toLowerCase().includes(search.toLowerCase());
  const kinds = graph.kinds.filter(({ kind }) => fits(kind));
  return (
    <div class="graph-list">
      <h2>Pipes</h2>
      <ul>
        {kinds.map(({ kind, rate }) => (
          <li key={kind}>
            <button type="button" class="entry" style={{ color: colourOf(kind) }} onClick={() => open({ pipe: kind })}>
              <i />
              <b>{inert(kind)}</b>
              <span>{rate > 0 ? formatRate(rate) : 'nothing flows'}</span>
            </button>
          </li>
        ))}
      </ul>
      {sorts.map(([sort, title]) => {
        const nodes = graph.nodes.filter((node) => node.sort === sort && fits(node.name));
        if (nodes.length === 0) return null;
        return (
          <section key={sort}>
            <h2>{title}</h2>
            <ul>
              {nodes.map((node) => (
                <li key={node.name}>
                  <button type="button" class={`entry node ${lampOf(node)}`} onClick={() => open({ node: node.name })}>
                    <i />
                    <b>
                      {inert(nameOf(node))} {node.size > 1 && <small>×{node.size}</small>}
                    </b>
                    <span>{formatRate(node.sort === 'sink' ? node.reads : node.writes)}</span>
                    {troublesOf(node).map(({ mark, words }) => (
                      <small key={words} class={mark}>
                        {words}
                      </small>
                    ))}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}
