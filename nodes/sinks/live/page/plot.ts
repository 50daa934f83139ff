/**
 * One chart's picture: uPlot over the series that are shown. Made anew when they change, filled anew with each drawing.
 *
 * series, a span of time → pixels; the cursor's second → `hover`, in step with all other charts.
 */
import uPlot from 'uplot';
import type { Chart, ChartSeries } from './charts.ts';
import { formatClock, formatValue, type Shown } from './format.ts';
import type { Gap } from './model.ts';

export interface Plot {
  /** Draws what is so between two times, in whole seconds since 1970. */
  draw(from: number, to: number, gaps: readonly Gap[]): void;
  resize(width: number, height: number): void;
  destroy(): void;
}

export interface Palette {
  readonly series: readonly string[];
  readonly text: string;
  readonly grid: string;
  readonly gap: string;
}

/** The colours of the stylesheet: a canvas has to be told. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    series: Array.from({ length: 8 }, (_, index) => colour(`series-${index + 1}`)),
    text: colour('muted'),
    grid: colour('grid'),
    gap: colour('gap'),
  };
}

// A whole number: uPlot scales what stands before `px` for fine screens, and knows no fractions.
const font = '11px Inter, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif';
/** A line is drawn over a hole that is no longer than this many intervals: a value came late, nothing was lost. */
const patience = 3.5;

interface Options {
  readonly chart: Chart;
  /** Lines on top of each other, as parts of a whole. */
  readonly stacked: boolean;
  readonly series: readonly ChartSeries[];
  readonly colourOf: (series: ChartSeries) => string;
  readonly palette: Palette;
  readonly size: { readonly width: number; readonly height: number };
  /** The second under the cursor, or undefined when it left. */
  readonly hover: (second: number | undefined) => void;
}

export function createPlot(root: HTMLElement, { chart, stacked, series, colourOf, palette, size, hover }: Options): Plot {
  const { shown } = chart;
  // In a stack the first series drawn is the sum of all, so that the others cover it.
  const drawn = stacked ? series.filter((each) => each.part !== 'room').reverse() : series;
  let missed: readonly Gap[] = [];

  const line = (each: ChartSeries): uPlot.Series => ({
    stroke: colourOf(each),
    width: stacked ? 1 : 1.5,
    ...((stacked || series.length === 1) && { fill: `${colourOf(each)}${!stacked ? '22' : each.part === 'busy' ? 'a0' : '40'}` }),
    points: { show: false },
    spanGaps: true,
    gaps: (u, _index, _from, _to, holes) => {
      const secondPixels = (u.bbox.width / ((u.scales.x?.max ?? 1) - (u.scales.x?.min ?? 0))) * Math.max(1, each.interval);
      return holes.filter(([from, to]) => to - from > secondPixels * patience);
    },
  });
  const axis = { font, stroke: palette.text, grid: { stroke: palette.grid, width: 1 }, ticks: { show: false } };
  const plot = new uPlot(
    {
      ...size,
      padding: [6, 2, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: 'sluice', scales: ['x', null], setSeries: false },
        points: { size: 5, width: 0 },
      },
      scales: { x: { time: true, auto: false }, y: { range: (u, _least, most) => rangeOf(u, most) } },
      axes: [
        { ...axis, size: 18, gap: 2, space: 44, values: (_, splits) => splits.map((at) => formatSplit(at, splits)) },
        {
          ...axis,
          size: 54,
          gap: 4,
          space: 26,
          values: (_, splits) => splits.map((value) => formatTick(value, shown)),
          ...(shown.as === 'bytes' && { incrs: binarySteps }),
          ...(shown.as === 'seconds' && { incrs: clockSteps }),
        },
      ],
      series: [{}, ...drawn.map(line)],
      // Each part is filled down to the one under it.
      ...(stacked && { bands: drawn.slice(1).map((_, index) => ({ series: [index + 1, index + 2] as [number, number] })) }),
      hooks: {
        drawClear: [(u) => shade(u, missed, palette.gap)],
        setCursor: [
          ({ cursor, data }) => {
            const at = cursor.left === undefined || cursor.left < 0 || cursor.idx == null ? undefined : data[0][cursor.idx];
            hover(at ?? undefined);
          },
        ],
      },
    },
    [[], ...drawn.map(() => [])],
    root,
  );

  const rangeOf = (_: uPlot, most: number | null): [number, number] => {
    if (shown.as === 'percent' && (most ?? 0) <= 1) return [0, shareTop(most ?? 0, stacked)];
    const least = lowest(drawn, plot);
    // With the room that is left the whole is known: it is the top.
    if (stacked && series.some((each) => each.part === 'room')) return [0, Math.max(most ?? 0, total(series)) || 1];
    const top = most ?? 0;
    if (least < 0) return uPlot.rangeNum(least, Math.max(0, top), 0.1, true) as [number, number];
    return [0, top > 0 ? roundUp(top * 1.05, shown) : 1];
  };

  return {
    draw(from, to, gaps) {
      missed = gaps;
      const seconds = Array.from({ length: to - from + 1 }, (_, index) => from + index);
      const rows = drawn.map((each) => seconds.map((second) => each.at(second)));
      if (stacked) pile(rows);
      // In a batch uPlot draws at once, so that who asked knows what it took.
      plot.batch(() => {
        plot.setData([seconds, ...rows], false);
        plot.setScale('x', { min: from, max: to });
      });
    },
    resize: (width, height) => plot.setSize({ width, height }),
    destroy: () => plot.destroy(),
  };
}

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

const total = (series: readonly ChartSeries[]) => series.reduce((sum, each) => sum + (each.last?.value ?? 0), 0);

function lowest(drawn: readonly ChartSeries[], plot: uPlot): number {
  let least = 0;
  for (let index = 1; index <= drawn.length; index++) {
    for (const value of plot.data[index] ?? []) if (value != null && value < least) least = value;
  }
  return least;
}

/** Shares are read against the whole; small ones against a rounder part of it, or they would be a flat line. */
function shareTop(most: number, stacked: boolean): number {
  if (stacked || most > 0.5) return 1;
  return most > 0.2 ? 0.5 : most > 0.08 ? 0.2 : most > 0.02 ? 0.1 : 0.02;
}

/** The next of 1, 1.5, 2, 3, 5, 8 times a power: an axis that moves in few steps is a calm one. */
function roundUp(value: number, shown: Shown): number {
  const base = shown.as === 'bytes' ? 1024 ** Math.floor(Math.log(value) / Math.log(1024)) : 1;
  const power = base * 10 ** Math.floor(Math.log10(value / base));
  const step = [1, 1.5, 2, 3, 5, 8, 10].find((each) => each * power >= value) ?? 10;
  return step * power;
}

/** Seconds as clocks divide them, and as engineers do below. */
const clockSteps = [
  ...[1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1].flatMap((power) => [1, 2, 5].map((step) => step * power)),
  ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 21_600, 43_200],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * 86_400),
];

const binarySteps = [0, 1, 2, 3, 4].flatMap((prefix) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** prefix));

function formatTick(value: number, shown: Shown): string {
  if (value === 0) return '0';
  return formatValue(value, { ...shown, per: '' })
    .replace(/(\d)\.0+(?=\s|$)/, '$1')
    .replace(/(\.\d*?)0+(?=\s|$)/, '$1');
}

function formatSplit(at: number, splits: readonly number[]): string {
  const step = (splits[1] ?? 60) - (splits[0] ?? 0);
  const clock = formatClock(at * 1000);
  return step < 60 ? clock : clock.slice(0, 5);
}

/** Stretches in which something may be missing lie under the lines, so that no line is taken for more than it is. */
function shade(plot: uPlot, gaps: readonly Gap[], colour: string): void {
  const { ctx, bbox } = plot;
  for (const { from, to } of gaps) {
    const left = Math.max(bbox.left, plot.valToPos(from / 1000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to / 1000, 'x', true));
    if (right <= left) continue;
    ctx.fillStyle = colour;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
}
