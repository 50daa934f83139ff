/**
 * Where things stand in the picture: monitors, pipes, filters, pipes, sinks, from left to right as in the README's. Nothing moves
 * because a number changed; what is new finds its place among the rest.
 *
 * a graph, a width → boxes and the lines between them.
 */
import { natural } from '../parts/natural.ts';
import type { Graph, GraphKind, GraphNode } from './graph.ts';

export interface Box {
  /** `node cpu`, `kind metric`. */
  readonly id: string;
  readonly column: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Wire {
  readonly id: string;
  readonly node: string;
  readonly kind: string;
  readonly way: 'writes' | 'reads';
  readonly rate: number;
  /** Nobody writes what is read there. */
  readonly unmet: boolean;
  readonly path: string;
}

export interface Layout {
  readonly width: number;
  /** The upper edge: 0, unless lines go around above all boxes. */
  readonly top: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Box>;
  readonly wires: readonly Wire[];
  readonly columns: readonly { readonly title: string; readonly x: number; readonly width: number }[];
}

const roomy = { node: { width: 172, height: 46 }, pipe: { width: 128, height: 44 }, gap: 44 };
/** Beside an open panel. */
const narrow = { node: { width: 136, height: 46 }, pipe: { width: 100, height: 44 }, gap: 30 };
const rowGap = 12;
const head = 34;
/** Between lines that go around the boxes in the middle. */
const lane = 8;

const titles = ['Monitors', 'Pipes', 'Filters', 'Pipes', 'Sinks'];

export function layOut(graph: Graph, wanted: number): Layout {
  const columns = columnsOf(graph);
  const { node, pipe, gap: leastGap } = wanted < 940 ? narrow : roomy;
  const sizes = [node, pipe, node, pipe, node];
  const used = columns.map((ids) => ids.length > 0);
  const widths = sizes.map(({ width }, index) => (used[index] ? width : 0));
  const gaps = used.filter(Boolean).length - 1;
  const filled = widths.reduce((sum, width) => sum + width, 0);
  const gap = gaps > 0 ? Math.max(leastGap, Math.min(190, (wanted - 4 - filled) / gaps)) : 0;
  const width = filled + gaps * gap + 4;

  const links = [
    ...graph.writes.map(({ node, kind }) => [`node ${node}`, `kind ${kind}`] as const),
    ...graph.reads.map(({ node, kind }) => [`node ${node}`, `kind ${kind}`] as const),
  ];
  const ordered = untangle(columns, links);
  const heights = ordered.map((ids, index) => ids.length * (sizes[index]?.height ?? 0) + Math.max(0, ids.length - 1) * rowGap);
  const around = lanesOf(graph, ordered);
  const middle = Math.max(heights[2] ?? 0, heights[3] ?? 0) + 2 * (Math.ceil(around / 2) * lane + 18) * (around > 0 ? 1 : 0);
  const tall = Math.max(...heights, middle);

  const boxes = new Map<string, Box>();
  const heads: Layout['columns'][number][] = [];
  let x = 2;
  ordered.forEach((ids, column) => {
    if (!used[column]) return;
    const size = sizes[column] ?? node;
    heads.push({ title: titles[column] ?? '', x, width: size.width });
    let y = head + (tall - (heights[column] ?? 0)) / 2;
    for (const id of ids) {
      boxes.set(id, { id, column, x, y, ...size });
      y += size.height + rowGap;
    }
    x += size.width + gap;
  });
  const { wires, highest, lowest } = wiresOf(graph, boxes, gap);
  const top = Math.min(0, highest - 8);
  return { width, top, height: Math.max(head + tall + 6, lowest + 8) - top, boxes, wires, columns: heads };
}

/** Ids by column. A pipe stands left of the filters if anything but filters and sinks writes it. */
function columnsOf({ nodes, kinds, writes }: Graph): string[][] {
  const columnOf = ({ sort }: GraphNode): number => (sort === 'filter' ? 2 : sort === 'sink' || sort === 'actuator' ? 4 : 0);
  const sources = new Set(nodes.filter((node) => columnOf(node) === 0).map(({ name }) => name));
  const isRaw = ({ kind }: GraphKind) => writes.some((each) => each.kind === kind && sources.has(each.node));
  const byName = [...nodes].sort((one, other) => weightOf(one) - weightOf(other) || natural(one.name, other.name));
  const column = (index: number) => byName.filter((node) => columnOf(node) === index).map(({ name }) => `node ${name}`);
  return [
    column(0),
    kinds.filter(isRaw).map(({ kind }) => `kind ${kind}`),
    column(2),
    kinds.filter((kind) => !isRaw(kind)).map(({ kind }) => `kind ${kind}`),
    column(4),
  ];
}

/** What is not a node of anyone's stands last. */
const weightOf = ({ sort }: GraphNode): number => (sort === 'process' ? 2 : sort === 'other' ? 1 : 0);

/** Puts each beside what it is joined to, a few times back and forth. The first column keeps its order: people look names up there. */
function untangle(columns: readonly (readonly string[])[], links: readonly (readonly [string, string])[]): string[][] {
  const ordered = columns.map((ids) => [...ids]);
  const place = new Map<string, number>();
  const note = (ids: readonly string[]) => {
    for (const [index, id] of ids.entries()) place.set(id, (index + 0.5) / ids.length);
  };
  ordered.forEach(note);
  const beside = new Map<string, string[]>();
  for (const [one, other] of links) {
    beside.set(one, [...(beside.get(one) ?? []), other]);
    beside.set(other, [...(beside.get(other) ?? []), one]);
  }
  for (let round = 0; round < 4; round++) {
    for (const column of [1, 2, 3, 4, 3, 2, 1]) {
      const ids = ordered[column] ?? [];
      const centre = new Map(
        ids.map((id) => {
          // Those who hear everything pull at nothing.
          const near = (beside.get(id) ?? []).filter((other) => (beside.get(other)?.length ?? 0) < 9 || column === 4);
          const places = near.map((other) => place.get(other) ?? 0.5);
          return [id, places.length > 0 ? places.reduce((sum, each) => sum + each, 0) / places.length : (place.get(id) ?? 0.5)];
        }),
      );
      ids.sort((one, other) => (centre.get(one) ?? 0) - (centre.get(other) ?? 0) || natural(one, other));
      note(ids);
    }
  }
  return ordered;
}

const columnIn = (columns: readonly (readonly string[])[], id: string): number => columns.findIndex((ids) => ids.includes(id));

/** How many lines go around the columns in the middle. */
function lanesOf(graph: Graph, columns: readonly (readonly string[])[]): number {
  const ends = [...graph.writes, ...graph.reads];
  return ends.filter(({ node, kind }) => Math.abs(columnIn(columns, `node ${node}`) - columnIn(columns, `kind ${kind}`)) > 1).length;
}

interface End {
  readonly box: Box;
  readonly side: 'left' | 'right';
}

function wiresOf(graph: Graph, boxes: ReadonlyMap<string, Box>, gap: number) {
  const joints = [
    ...graph.writes.map((each) => ({ ...each, way: 'writes' as const, unmet: false })),
    ...graph.reads.map((each) => ({ ...each, way: 'reads' as const, unmet: each.unmet === true })),
  ];
  const drawn = joints.flatMap(({ node, kind, rate, way, unmet }) => {
    const [at, pipe] = [boxes.get(`node ${node}`), boxes.get(`kind ${kind}`)];
    if (!at || !pipe) return [];
    const isRight = pipe.column > at.column;
    const ends: readonly [End, End] = [
      { box: at, side: isRight ? 'right' : 'left' },
      { box: pipe, side: isRight ? 'left' : 'right' },
    ];
    return [{ id: `${way} ${node} ${kind}`, node, kind, rate, way, unmet, ends }];
  });
  const ports = portsOf(drawn.map(({ id, ends }) => ({ id, ends })));
  const around = new Map<string, number>();
  const inner = [...boxes.values()].filter(({ column }) => column === 2 || column === 3);
  const [top, bottom] = [Math.min(...inner.map(({ y }) => y)), Math.max(...inner.map(({ y, height }) => y + height))];
  const centre = (top + bottom) / 2;
  const counts = { above: 0, below: 0 };
  // The outermost lines come from the outermost pipes, so that none crosses another on its way.
  const long = drawn.filter(({ ends: [one, other] }) => Math.abs(one.box.column - other.box.column) > 1);
  long.sort((one, other) => Math.abs(one.ends[1].box.y - centre) - Math.abs(other.ends[1].box.y - centre));
  for (const { id, ends } of inner.length > 0 ? long : []) {
    const side = ends[1].box.y + ends[1].box.height / 2 < centre ? 'above' : 'below';
    const step = 14 + lane * counts[side]++;
    around.set(id, side === 'above' ? top - step : bottom + step);
  }
  const wires = drawn.map(({ id, ends, ...wire }): Wire => {
    const [from, to] = wire.way === 'writes' ? ends : [ends[1], ends[0]];
    const start = ports.get(`${id} ${from.box.id}`) ?? [0, 0];
    const end = ports.get(`${id} ${to.box.id}`) ?? [0, 0];
    return { id, ...wire, path: curve(start, end, around.get(id), inner, gap) };
  });
  return { wires, highest: Math.min(0, ...around.values()), lowest: Math.max(0, ...around.values()) };
}

/** Where lines touch their boxes: side by side, in the order of where they go. */
function portsOf(
  drawn: readonly { readonly id: string; readonly ends: readonly [End, End] }[],
): Map<string, readonly [x: number, y: number]> {
  const sides = new Map<string, { readonly id: string; readonly end: End; readonly towards: number }[]>();
  for (const { id, ends } of drawn) {
    for (const [end, other] of [ends, [ends[1], ends[0]]] as const) {
      const side = `${end.box.id} ${end.side}`;
      sides.set(side, [...(sides.get(side) ?? []), { id, end, towards: other.box.y + other.box.height / 2 }]);
    }
  }
  const ports = new Map<string, readonly [number, number]>();
  for (const touching of sides.values()) {
    touching.sort((one, other) => one.towards - other.towards);
    touching.forEach(({ id, end: { box, side } }, index) => {
      const step = Math.min(7, (box.height - 12) / touching.length);
      const y = box.y + box.height / 2 + (index - (touching.length - 1) / 2) * step;
      ports.set(`${id} ${box.id}`, [side === 'left' ? box.x : box.x + box.width, y]);
    });
  }
  return ports;
}

function curve(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  around: number | undefined,
  inner: readonly Box[],
  gap: number,
): string {
  const bend = (x: number, to: number) => x + (to - x) / 2;
  const n = (value: number) => Math.round(value * 10) / 10;
  if (around === undefined) {
    const middle = bend(x1, x2);
    return `M${n(x1)} ${n(y1)}C${n(middle)} ${n(y1)} ${n(middle)} ${n(y2)} ${n(x2)} ${n(y2)}`;
  }
  const xs = inner.flatMap(({ x, width }) => [x, x + width]);
  const slack = Math.min(24, gap / 3);
  const [left, right] = [Math.min(...xs) - slack / 2, Math.max(...xs) + slack / 2];
  const [enter, leave] = x1 < x2 ? [left, right] : [right, left];
  const [a, b] = [bend(x1, enter), bend(leave, x2)];
  return `M${n(x1)} ${n(y1)}C${n(a)} ${n(y1)} ${n(a)} ${n(around)} ${n(enter)} ${n(around)}L${n(leave)} ${n(around)}C${n(b)} ${n(around)} ${n(b)} ${n(y2)} ${n(x2)} ${n(y2)}`;
}
