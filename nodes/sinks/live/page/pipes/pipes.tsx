/**
 * The pipes: the running graph, drawn as it is, and a probe for each of them. On a phone it is a list.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import './pipes.css';
import './probe.css';
import { useKeys } from '../keys.ts';
import { useCells } from '../parts/cell.ts';
import { Empty } from '../parts/empty.tsx';
import { formatValue } from '../parts/format.ts';
import { useMedia } from '../parts/media.ts';
import { paused, search, servers } from '../view.ts';
import type { Line } from '../wire/line.ts';
import { applyFrame, type Graph, type GraphFrame, graphFrom } from './graph.ts';
import { List } from './list.tsx';
import { NodePanel } from './node.tsx';
import { node, of, open, pipe, reader } from './opened.ts';
import { Picture } from './picture.tsx';
import { ProbePanel } from './probe.tsx';

export function Pipes({ line }: { line: Line }) {
  useCells(node, pipe, of, reader, search, servers, paused, line.state);
  const graph = useGraph(line, servers.value);
  const wide = useMedia('(min-width: 760px)');
  const [width, measured] = useWidth();
  const isOpen = node.value !== '' || pipe.value !== '';
  const close = () => (isOpen ? open({}) : false);
  useKeys([{ key: 'Escape', press: close }]);
  if (!graph) return <p class="note waiting">Asking who is there…</p>;
  if (graph.nodes.length === 0)
    return (
      <Empty title={servers.value.length > 0 ? 'Nothing runs there' : 'No node has told of itself yet'}>
        {servers.value.length > 0
          ? 'Choose another server, or look at all of them.'
          : 'Each says within a minute what it reads and writes.'}
      </Empty>
    );
  const opened = { node: node.value || undefined, pipe: pipe.value || undefined };
  const shown = graph.nodes.find(({ name }) => name === opened.node);
  return (
    <div class={`pipes ${isOpen ? 'split' : ''}`}>
      <section class="graph" aria-label="The running graph">
        <Summary graph={graph} />
        <div ref={measured} class="canvas">
          {wide ? (
            <Picture
              graph={graph}
              width={width}
              opened={opened}
              search={search.value}
              still={paused.value !== undefined || line.state.value.state !== 'live'}
              open={open}
            />
          ) : (
            <List graph={graph} search={search.value} open={open} />
          )}
        </div>
      </section>
      {shown && <NodePanel key={shown.name} node={shown} graph={graph} line={line} open={open} close={() => open({})} />}
      {opened.node !== undefined && !shown && (
        <aside class="panel" aria-label="A node">
          <Empty title="This node is not there">It was stopped long ago, or runs elsewhere.</Empty>
        </aside>
      )}
      {opened.pipe !== undefined && <ProbePanel kind={opened.pipe} graph={graph} line={line} close={() => open({})} />}
    </div>
  );
}

/** What holds of all: whether everything that was said also came. */
function Summary({ graph: { nodes, processes, lost, kinds } }: { graph: Graph }) {
  const count = (sorts: readonly string[]) => nodes.reduce((sum, { sort, size }) => sum + (sorts.includes(sort) ? size : 0), 0);
  const flows = kinds.reduce((sum, { rate }) => sum + rate, 0);
  const missing = lost.reduce((sum, loss) => sum + loss.lost, 0);
  const plain = (value: number) => formatValue(value, { as: 'number', per: '', noun: '' });
  return (
    <ul class="summary">
      <li>
        <b>{count(['monitor', 'filter', 'sink', 'actuator'])}</b> nodes
      </li>
      <li>
        <b>{Math.round(flows).toLocaleString('en')}</b> events/s
      </li>
      {processes && (
        <>
          <li>
            <b>{processes.size}</b> {processes.size === 1 ? 'process' : 'processes'}
          </li>
          <li class={processes.apart > 0 ? 'bad' : ''}>
            <b>{processes.apart}</b> cut off
          </li>
          <li class={processes.waiting.events > 1000 ? 'warn' : ''}>
            <b>{plain(processes.waiting.events)}</b> waiting in spools
          </li>
          <li class={processes.dropped + processes.refused > 0 ? 'warn' : ''}>
            <b>{plain(processes.dropped + processes.expired + processes.refused)}</b> given up
          </li>
        </>
      )}
      <li class={missing > 0 ? 'bad' : ''}>
        <b>{plain(missing)}</b> lost on the way
      </li>
    </ul>
  );
}

function useGraph(line: Line, only: readonly string[]): Graph | undefined {
  const [items, setItems] = useState<ReadonlyMap<string, unknown>>();
  const asked = only.join(' ');
  useEffect(() => {
    let known: ReadonlyMap<string, unknown> = new Map();
    return line.ask<GraphFrame>({ graph: asked === '' ? {} : { servers: asked.split(' ').slice(0, 100) } }, (frame) => {
      if (!frame.set) return;
      known = applyFrame(known, frame);
      if (paused.value === undefined || frame.all) setItems(known);
    });
  }, [line, asked]);
  return useMemo(() => items && graphFrom(items), [items]);
}

function useWidth(): readonly [number, (element: HTMLElement | null) => void] {
  const [width, setWidth] = useState(1100);
  const observer = useRef<ResizeObserver>(undefined);
  const measured = useMemo(
    () => (element: HTMLElement | null) => {
      observer.current?.disconnect();
      if (!element) return;
      observer.current = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
      observer.current.observe(element);
    },
    [],
  );
  return [width, measured];
}
