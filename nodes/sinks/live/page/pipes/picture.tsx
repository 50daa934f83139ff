/**
 * The graph, drawn: text that can be read out, one stop for the tabulator, arrows from box to box, Enter opens. What flows moves, as
 * fast as its rate; what does not costs nothing.
 */
import { useMemo, useRef, useState } from 'preact/hooks';
import { inert } from '../parts/inert.ts';
import { colourOf, formatRate, type Graph, type GraphKind, type GraphNode, lampOf, troublesOf } from './graph.ts';
import { type Box, layOut, type Wire } from './layout.ts';
import type { Open, Opened } from './opened.ts';

interface Props {
  readonly graph: Graph;
  readonly width: number;
  readonly opened: Opened;
  /** Names that are searched for; the others fade. */
  readonly search: string;
  readonly still: boolean;
  readonly open: Open;
}

export function Picture({ graph, width, opened, search, still, open }: Props) {
  const layout = useMemo(() => layOut(graph, width), [graph, width]);
  const [pointed, point] = useState<string>();
  const [stop, setStop] = useState<string>();
  const svg = useRef<SVGSVGElement>(null);
  const boxes = [...layout.boxes.values()];
  const first = boxes[0]?.id;
  const tabStop = stop !== undefined && layout.boxes.has(stop) ? stop : first;
  const chosen = opened.node !== undefined ? `node ${opened.node}` : opened.pipe !== undefined ? `kind ${opened.pipe}` : undefined;
  const found =
    search === '' ? undefined : new Set(boxes.filter(({ id }) => id.toLowerCase().includes(search.toLowerCase())).map(({ id }) => id));
  const centre = pointed ?? chosen;
  const lit = (wire: Wire): boolean =>
    centre === undefined
      ? found === undefined
        ? false
        : found.has(`node ${wire.node}`)
      : centre === `node ${wire.node}` || centre === `kind ${wire.kind}`;
  const near = useMemo(() => {
    if (centre === undefined) return undefined;
    const ids = new Set([centre]);
    for (const { node, kind } of layout.wires) {
      if (centre === `node ${node}`) ids.add(`kind ${kind}`);
      if (centre === `kind ${kind}`) ids.add(`node ${node}`);
    }
    return ids;
  }, [centre, layout]);
  const fades = (id: string) => (near ? !near.has(id) : found ? !found.has(id) : false);
  const openBox = (id: string) => {
    const name = id.slice(5);
    open(id.startsWith('node ') ? { node: name } : { pipe: name });
  };
  const pressed = (event: KeyboardEvent, box: Box) => {
    if (event.key === 'Enter' || event.key === ' ') openBox(box.id);
    else {
      const next = nextBox(boxes, box, event.key);
      if (!next) return;
      setStop(next.id);
      svg.current?.querySelector<SVGGElement>(`[data-index="${boxes.indexOf(next)}"]`)?.focus();
    }
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset
    <svg
      ref={svg}
      class={`picture ${centre !== undefined || found ? 'choosing' : ''} ${still ? 'still' : ''}`}
      viewBox={`0 ${layout.top} ${layout.width} ${layout.height}`}
      style={{ maxWidth: `${layout.width}px` }}
      role="group"
      aria-label="The pipes: nodes and what flows between them"
    >
      {layout.columns.map(({ title, x, width: wide }) => (
        <text key={x} class="column" x={x + wide / 2} y={16} text-anchor="middle">
          {title}
        </text>
      ))}
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can have the focus */}
      <g class="wires" aria-hidden="true">
        {layout.wires.map((wire) => (
          <Line
            key={wire.id}
            wire={wire}
            lit={lit(wire)}
            open={() => open({ pipe: wire.kind, ...(wire.way === 'writes' ? { of: wire.node } : { to: wire.node }) })}
          />
        ))}
      </g>
      {boxes.map((box, index) => {
        const name = box.id.slice(5);
        const node = box.id.startsWith('node ') ? graph.nodes.find((each) => each.name === name) : undefined;
        const kind = node ? undefined : graph.kinds.find((each) => each.kind === name);
        return (
          // biome-ignore lint/a11y/useSemanticElements: SVG has no button
          <g
            key={box.id}
            class={`box ${node ? `node ${lampOf(node)}` : 'pipe'} ${chosen === box.id ? 'chosen' : ''} ${fades(box.id) ? 'fades' : ''}`}
            transform={`translate(${box.x} ${box.y})`}
            role="button"
            data-index={index}
            data-id={box.id}
            tabindex={box.id === tabStop ? 0 : -1}
            aria-description={node ? wordsOfNode(node) : 'opens a probe'}
            onClick={() => openBox(box.id)}
            onKeyDown={(event) => pressed(event, box)}
            onFocus={() => setStop(box.id)}
            onPointerEnter={() => point(box.id)}
            onPointerLeave={() => point(undefined)}
          >
            {node && <NodeBox node={node} box={box} />}
            {kind && <PipeBox kind={kind} box={box} />}
          </g>
        );
      })}
    </svg>
  );
}

function Line({ wire, lit, open }: { wire: Wire; lit: boolean; open: () => void }) {
  const flows = wire.rate > 0;
  // A thousand times as much is not a thousand times as thick.
  const thick = flows ? Math.min(9, 1.3 + 1.5 * Math.log10(1 + wire.rate)) : 1;
  const speed = Math.max(1, Math.min(4, Math.round(1 + Math.log10(1 + wire.rate))));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: each box opens the same by keyboard
    <g
      class={`wire ${flows ? 'flows' : 'idle'} ${wire.unmet ? 'unmet' : ''} ${lit ? 'lit' : ''}`}
      style={{ color: colourOf(wire.kind) }}
      onClick={open}
    >
      <title>{wordsOfWire(wire)}</title>
      <path class="hit" d={wire.path} />
      <path class="run" d={wire.path} stroke-width={thick} />
      {flows && <path class={`drops speed-${speed}`} d={wire.path} stroke-width={Math.max(1.6, thick * 0.5)} />}
    </g>
  );
}

function NodeBox({ node, box }: { node: GraphNode; box: Box }) {
  const [worst, ...more] = troublesOf(node);
  const flow =
    node.sort === 'filter'
      ? `${formatRate(node.reads)} → ${formatRate(node.writes)}`
      : formatRate(node.sort === 'sink' ? node.reads : node.writes);
  return (
    <>
      <rect class="back" width={box.width} height={box.height} rx="8" />
      <circle class="lamp" cx="14" cy="16" r="4" />
      <text class="name" x="25" y="20">
        {cut(
          inert(node.sort === 'process' && box.width < 150 ? 'sluice' : nameOf(node)),
          Math.floor((box.width - (node.size > 1 ? 60 : 34)) / 6.9),
        )}
      </text>{' '}
      {node.size > 1 && (
        <text class="size" x={box.width - 10} y="20" text-anchor="end">
          ×{node.size}
        </text>
      )}{' '}
      <text class="flow" x="25" y="37">
        {flow}
      </text>{' '}
      {worst && (
        <text class={`trouble ${worst.mark ?? ''}`} x={box.width - 10} y="37" text-anchor="end">
          {cut(worst.words, box.width < 150 ? 11 : 15)}
          {more.length > 0 && ` +${more.length}`}
        </text>
      )}
    </>
  );
}

function PipeBox({ kind, box }: { kind: GraphKind; box: Box }) {
  return (
    <g style={{ color: colourOf(kind.kind) }} class={kind.rate > 0 ? '' : 'idle'}>
      <rect class="tube" x="5" y="4" width={box.width - 10} height={box.height - 8} />
      <rect class="shine" x="5" y="9" width={box.width - 10} height="5" />
      <rect class="flange" width="8" height={box.height} rx="3" />
      <rect class="flange" x={box.width - 8} width="8" height={box.height} rx="3" />
      <text class="name" x={box.width / 2} y="21" text-anchor="middle">
        {inert(kind.kind)}
      </text>{' '}
      <text class="flow" x={box.width / 2} y="35" text-anchor="middle">
        {kind.rate > 0 ? formatRate(kind.rate) : 'nothing flows'}
      </text>
    </g>
  );
}

/** The nearest box that way: along its column, or in the next one at about the same height. */
function nextBox(boxes: readonly Box[], from: Box, key: string): Box | undefined {
  const middle = (box: Box) => box.y + box.height / 2;
  const nearest = (some: readonly Box[]) =>
    [...some].sort((one, other) => Math.abs(middle(one) - middle(from)) - Math.abs(middle(other) - middle(from)))[0];
  if (key === 'ArrowUp') return nearest(boxes.filter((box) => box.column === from.column && box.y < from.y));
  if (key === 'ArrowDown') return nearest(boxes.filter((box) => box.column === from.column && box.y > from.y));
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined;
  const beyond = boxes.filter((box) => (key === 'ArrowLeft' ? box.column < from.column : box.column > from.column));
  const next = key === 'ArrowLeft' ? Math.max(...beyond.map(({ column }) => column)) : Math.min(...beyond.map(({ column }) => column));
  return nearest(beyond.filter(({ column }) => column === next));
}

export const nameOf = ({ name, sort }: GraphNode): string => (sort === 'process' ? 'sluice itself' : name);
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** What is not to be read in its box. */
function wordsOfNode(node: GraphNode): string {
  const flow = [node.reads > 0 && `reads ${formatRate(node.reads)}`, node.writes > 0 && `writes ${formatRate(node.writes)}`];
  const [, ...more] = troublesOf(node).map(({ words }) => words);
  return [node.sort === 'process' ? '' : node.sort, node.size > 1 && `on ${node.size} servers`, ...flow, ...more]
    .filter(Boolean)
    .join(', ');
}
const wordsOfWire = ({ node, kind, way, rate, unmet }: Wire): string =>
  `${inert(node)} ${way} ${inert(kind)}: ${unmet ? 'nobody writes what it wants' : rate > 0 ? formatRate(rate) : 'nothing flows'}`;
