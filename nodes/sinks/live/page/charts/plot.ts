/**
 * One chart's picture: uPlot over the lines that are shown. Made anew when they change, filled anew with each drawing.
 *
 * lines, a span of time → pixels. A hole in a line stays a hole; where values are rolled up, what lay between lies around the line.
 */
import uPlot from 'uplot';
import type { Shown } from '../parts/format.ts';
import { divisionsOf, formatMoment, formatTick, roundUp, shareTop } from './axes.ts';
import { type Gestures, gesturesOn } from './gestures.ts';
import type { Line } from './lines.ts';
import { drawMarks, type MarkBucket, nearest } from './markers.ts';

export interface Plot {
  /** Draws what is so between two times, in whole seconds since 1970. */
  draw(from: number, to: number, step: number): void;
  resize(width: number, height: number): void;
  destroy(): void;
}

export interface Palette {
  readonly series: readonly string[];
  readonly text: string;
  readonly strong: string;
  readonly grid: string;
  readonly ground: string;
  readonly marks: Readonly<Record<MarkBucket['weight'], string>>;
}

/** The colours of the stylesheet: a canvas has to be told. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    series: Array.from({ length: 8 }, (_, index) => colour(`series-${index + 1}`)),
    text: colour('muted'),
    strong: colour('text'),
    grid: colour('grid'),
    ground: colour('surface'),
    marks: { critical: colour('bad'), warning: colour('warn'), info: colour('accent'), change: colour('muted') },
  };
}

// A whole number: uPlot scales what stands before `px` for fine screens, and knows no fractions.
const font = '11px Inter, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif';
/** A line is drawn over a hole that is no longer than this many intervals: a value came late, nothing was lost. */
const patience = 3.5;
/** What is asked of the past has no late values. */
const pastPatience = 1.5;
/** Around more lines than this nobody sees whose band it is. */
const mostBands = 6;

export interface PlotOptions {
  readonly shown: Shown;
  /** Lines on top of each other, as parts of a whole. */
  readonly stacked: boolean;
  readonly lines: readonly Line[];
  readonly strokeOf: (line: Line) => { readonly colour: string; readonly dash: number[] | undefined };
  readonly palette: Palette;
  readonly size: { readonly width: number; readonly height: number };
  readonly markBuckets: (from: number, to: number, pixels: number) => MarkBucket[];
  /** The second under the cursor, or undefined when it left. */
  readonly hover: (second: number | undefined) => void;
  /** The marks under the cursor, and where on the page that is. */
  readonly point: (bucket: MarkBucket | undefined, at: { readonly left: number; readonly top: number }) => void;
  readonly press: (bucket: MarkBucket) => void;
  readonly gestures: Gestures;
}

export function createPlot(root: HTMLElement, options: PlotOptions): Plot {
  const { shown, stacked, lines, strokeOf, palette, size, hover, gestures } = options;
  // In a stack the first line drawn is the sum of all, so that the others cover it; the mean of all lies over what it is of.
  const drawn = [...(stacked ? lines.filter(({ part }) => part !== 'room') : lines)].reverse();
  const banded = stacked ? [] : drawn.filter(({ band }) => band !== undefined).slice(-mostBands);
  let step = 1;
  let buckets: readonly MarkBucket[] = [];

  const look = (line: Line): uPlot.Series => {
    const { colour, dash } = strokeOf(line);
    return {
      stroke: line.summary ? palette.strong : colour,
      width: stacked ? 1 : line.summary ? 2 : 1.5,
      ...(dash && !stacked && { dash }),
      ...((stacked || lines.length === 1) && { fill: `${colour}${!stacked ? '22' : line.part === 'busy' ? 'a0' : '40'}` }),
      // One value alone makes no line.
      points: { size: 4, show: (u, index) => Array.from(u.data[index] ?? []).filter((each) => each != null).length < 3 },
      gaps: (u, _index, _from, _to, holes) => {
        const pixels = (u.bbox.width / ((u.scales.x?.max ?? 1) - (u.scales.x?.min ?? 0))) * Math.max(step, line.interval);
        return holes.filter(([from, to]) => to - from > pixels * (step > 1 ? pastPatience : patience));
      },
    };
  };
  const edge: uPlot.Series = { width: 0, points: { show: false } };
  const axis = { font, stroke: palette.text, grid: { stroke: palette.grid, width: 1 }, ticks: { show: false } };
  const divisions = divisionsOf(shown);

  const rangeOf = (u: uPlot, most: number | null): [number, number] => {
    if (shown.as === 'percent' && (most ?? 0) <= 1) return [0, shareTop(most ?? 0, stacked)];
    const least = lowest(u.data);
    // With the room that is left the whole is known: it is the top.
    if (stacked && lines.some(({ part }) => part === 'room')) return [0, Math.max(most ?? 0, total(lines)) || 1];
    const top = most ?? 0;
    if (least < 0) return uPlot.rangeNum(least, Math.max(0, top), 0.1, true) as [number, number];
    return [0, top > 0 ? roundUp(top * 1.05, shown) : 1];
  };
  const point = (u: uPlot) => {
    const { left = -1, top = -1 } = u.cursor;
    const near = left >= 0 && top > u.over.clientHeight - 18 ? nearest(buckets, left) : undefined;
    const box = u.over.getBoundingClientRect();
    u.over.style.cursor = near ? 'pointer' : '';
    options.point(near, { left: box.left + (near?.left ?? 0), top: box.bottom });
  };

  const plot = new uPlot(
    {
      ...size,
      padding: [6, 12, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: 4 },
        // The cursor is in all charts; what is pressed is meant for one.
        sync: { key: 'sluice', scales: ['x', null], setSeries: false, filters: { pub: isLook, sub: () => true } },
        points: { size: 5, width: 0 },
        bind: {
          // With shift the picture is dragged; what else is pressed is the browser's.
          mousedown: (_, __, handler) => (event) => (event.shiftKey || event.button !== 0 ? null : handler(event)),
          dblclick: () => null,
        },
      },
      scales: { x: { time: true, auto: false }, y: { range: (u, _least, most) => rangeOf(u, most) } },
      axes: [
        { ...axis, size: 18, gap: 2, space: 52, values: (_, splits) => splits.map((at) => formatMoment(at, splits)) },
        {
          ...axis,
          size: 54,
          gap: 4,
          space: 26,
          values: (_, splits) => splits.map((value) => formatTick(value, shown)),
          ...(divisions && { incrs: divisions }),
        },
      ],
      series: [{}, ...drawn.map(look), ...banded.flatMap(() => [edge, edge])],
      bands: [
        // Each part is filled down to the one under it.
        ...(stacked ? drawn.slice(1).map((_, index) => ({ series: [index + 1, index + 2] as [number, number] })) : []),
        ...banded.map((line, index) => ({
          series: [drawn.length + 2 * index + 1, drawn.length + 2 * index + 2] as [number, number],
          fill: `${line.summary ? palette.strong : strokeOf(line).colour}26`,
        })),
      ],
      hooks: {
        draw: [(u) => drawMarks(u, buckets, palette.marks)],
        setCursor: [
          (u) => {
            const { left, idx } = u.cursor;
            hover(left === undefined || left < 0 || idx == null ? undefined : u.data[0][idx]);
            if (left !== undefined && u.cursor.event) point(u);
          },
        ],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width < 4) return;
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            gestures.zoom(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
          },
        ],
      },
    },
    [[], ...drawn.map(() => []), ...banded.flatMap(() => [[], []])],
    root,
  );
  const stop = gesturesOn(plot.over, gestures, (left) => plot.posToVal(left, 'x'));
  plot.over.addEventListener('click', ({ offsetX, offsetY }) => {
    const near = offsetY > plot.over.clientHeight - 18 ? nearest(buckets, offsetX) : undefined;
    if (near) options.press(near);
  });
  plot.over.addEventListener('mouseleave', () => options.point(undefined, { left: 0, top: 0 }));

  return {
    draw(from, to, every) {
      step = every;
      const first = Math.floor(from / step) * step;
      const times = Array.from({ length: Math.ceil((to - first) / step) + 1 }, (_, index) => first + index * step);
      const rows = drawn.map(({ at }) => times.map(at));
      if (stacked) pile(rows);
      const edges = banded.flatMap(({ band }) => {
        const ranges = times.map((second) => band?.(second) ?? null);
        return [ranges.map((range) => range?.[1] ?? null), ranges.map((range) => range?.[0] ?? null)];
      });
      // In a batch uPlot draws at once, so that who asked knows what it took.
      plot.batch(() => {
        plot.setData([times, ...rows, ...edges], false);
        plot.setScale('x', { min: from, max: to });
        buckets = options.markBuckets(from, to, plot.bbox.width / devicePixelRatio);
      });
    },
    resize: (width, height) => plot.setSize({ width, height }),
    destroy() {
      stop();
      plot.destroy();
    },
  };
}

const isLook = (type: string) => type === 'mousemove' || type === 'mouseleave';

/** Adds each row to the sum of those after it, which lie under it. */
function pile(rows: (number | null)[][]): void {
  for (let index = rows.length - 2; index >= 0; index--) {
    const [row, under] = [rows[index], rows[index + 1]];
    if (!row || !under) continue;
    for (let at = 0; at < row.length; at++) {
      const value = row[at];
      if (value != null) row[at] = value + (under[at] ?? 0);
    }
  }
}

const total = (lines: readonly Line[]) => lines.reduce((sum, line) => sum + (line.at(line.latest) ?? 0), 0);

function lowest(data: uPlot.AlignedData): number {
  let least = 0;
  for (const row of data.slice(1)) for (const value of row ?? []) if (value != null && value < least) least = value;
  return least;
}
