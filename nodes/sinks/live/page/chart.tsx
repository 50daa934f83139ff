/**
 * A chart with its title and legend. Preact makes its parts when the set of series changes; values and lines are set directly,
 * since they change each second.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useCells } from './cell.ts';
import { type Chart, type ChartSeries, sumOf } from './charts.ts';
import { type Drawable, forgetDrawable, redraw } from './draw.ts';
import { formatClock, formatValue } from './format.ts';
import { inert } from './inert.ts';
import type { Gap } from './model.ts';
import { createPlot, type Palette, type Plot } from './plot.ts';
import { now } from './time.ts';
import { chosen, paused, span } from './view.ts';

/** Lines that an eye can follow in a small chart, and in one that was opened. */
const few = 6;
const many = 40;
/** Seconds after which the choice of the largest is made again: oftener would be restless. */
const rechoose = 10;

export interface Shelf {
  /** Charts on the page by id, so that a new value finds its drawing. */
  readonly drawables: Map<string, Drawable>;
  readonly gaps: () => readonly Gap[];
}

export function ChartCard({ chart, shelf, palette }: { chart: Chart; shelf: Shelf; palette: Palette }) {
  useCells(span, paused, chosen);
  const [open, setOpen] = useState(false);
  const [round, chooseAgain] = useState(0);
  const root = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLUListElement>(null);
  const figure = useRef<HTMLSpanElement>(null);
  const candidates = chosen.value === undefined ? chart.series : chart.series.filter((each) => each.server === chosen.value);
  const hosts = new Set(candidates.map((each) => each.server));
  const stacked = chart.stackable && hosts.size === 1;
  const names = candidates.map((each) => `${each.id}\t${each.label}`).join('\n');
  // `names` says whether the series changed, `round` that it is time.
  const lines = useMemo(() => (chart.stackable && !stacked ? sums(candidates) : candidates), [names, stacked]);
  const series = useMemo(() => (stacked ? roomLast(lines) : choose(chart, lines, open ? many : few)), [lines, open, round]);
  const shownIds = series.map((each) => each.id).join('\n');
  // A stack is drawn whole, or it would not be the sum: only its legend is cut.
  const listed = stacked && !open && series.length > few ? series.slice(0, few - 1) : series;
  const more = lines.length - listed.length;
  const colours = useRef(new Map<string, number>());
  const colourOf = useMemo(() => assign(colours.current, series, palette), [series, palette]);

  // `shownIds` stands for the series.
  useLayoutEffect(() => {
    if (!root.current) return;
    const element = root.current;
    let plot: Plot | undefined;
    let hovered: number | undefined;
    let asked = 0;
    const write = () => writeValues(chart, series, stacked, hovered, legend.current, figure.current);
    const hover = (second: number | undefined) => {
      if (second === hovered) return;
      hovered = second;
      write();
    };
    const drawable = {
      metric: chart.metric,
      visible: false,
      draw() {
        const to = Math.floor((paused.value ?? Math.max(now(), Math.min(chart.newest, now() + 5_000))) / 1000);
        const size = { width: element.clientWidth, height: element.clientHeight };
        plot ??= createPlot(element, { chart, stacked, series, colourOf, palette, size, hover });
        plot.draw(to - span.value, to, shelf.gaps());
        write();
        if (lines.length > series.length && to - asked > rechoose && paused.value === undefined) {
          if (asked > 0) chooseAgain(to);
          asked = to;
        }
        return chart.newest;
      },
    };
    shelf.drawables.set(chart.metric, drawable);
    const seen = new IntersectionObserver(([entry]) => {
      drawable.visible = entry?.isIntersecting ?? false;
      if (drawable.visible) redraw(drawable);
    });
    const sized = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot?.resize(element.clientWidth, element.clientHeight);
    });
    seen.observe(element);
    sized.observe(element);
    return () => {
      seen.disconnect();
      sized.disconnect();
      forgetDrawable(drawable);
      if (shelf.drawables.get(chart.metric) === drawable) shelf.drawables.delete(chart.metric);
      plot?.destroy();
    };
  }, [chart, shownIds, stacked, palette, colourOf]);

  // A new span or the end of a pause is drawn at once.
  useEffect(() => {
    const drawable = shelf.drawables.get(chart.metric);
    if (drawable) redraw(drawable);
  }, [span.value, paused.value]);

  const single = series.length === 1;
  return (
    <section class={`chart${open ? ' open' : ''}`} aria-label={chart.title} data-metric={chart.metric}>
      <header>
        <h3 title={inert(chart.metric)}>
          <bdi>{chart.title}</bdi>
        </h3>
        <span class="figure" ref={figure} />
      </header>
      <div class="plot" ref={root} />
      <ul class={`legend${single ? ' single' : ''}`} ref={legend}>
        {listed.map((each) => (
          <li key={each.id} title={nameOf(each, hosts.size > 1)} class={stacked ? each.part : ''}>
            <i style={{ background: colourOf(each) }} />
            <bdi>{nameOf(each, hosts.size > 1)}</bdi>
            <output />
          </li>
        ))}
        {(more > 0 || open) && (
          <li class="more">
            <button type="button" onClick={() => setOpen(!open)} aria-expanded={open}>
              {open ? (more > 0 ? `fewer (${more} not shown)` : 'fewer') : `+${more} more`}
            </button>
          </li>
        )}
      </ul>
    </section>
  );
}

/** Its host only where there are several; where nothing tells it apart, what is known of it. */
function nameOf(series: ChartSeries, several: boolean): string {
  const words = [several ? inert(series.host) : '', series.label].filter(Boolean).join(' ');
  return words || inert(series.names.find(([name, value]) => name !== '' && value !== '')?.[1] ?? series.host);
}

const roomLast = (series: readonly ChartSeries[]) => [
  ...series.filter((each) => each.part !== 'room'),
  ...series.filter((each) => each.part === 'room'),
];

/** One line for each host, of what add up to a whole there. */
const sums = (series: readonly ChartSeries[]): ChartSeries[] =>
  [...Map.groupBy(series, (each) => each.server)].map(([server, parts]) => sumOf(server, parts));

/** As many as there is room for; the last place is for how many there are more. The largest now, in the order in which they came, so that a legend does not jump about. */
function choose(chart: Chart, candidates: readonly ChartSeries[], count: number): readonly ChartSeries[] {
  if (candidates.length <= count) return candidates;
  const size = (each: ChartSeries) => Math.abs(each.last?.value ?? 0) - ((each.last?.time ?? 0) < chart.newest - 10_000 ? 1e18 : 0);
  const largest = new Set([...candidates].sort((one, other) => size(other) - size(one)).slice(0, count - 1));
  return candidates.filter((each) => largest.has(each));
}

/** Each series keeps its colour while it is shown, whichever come and go beside it. */
function assign(slots: Map<string, number>, series: readonly ChartSeries[], palette: Palette): (each: ChartSeries) => string {
  const ids = new Set(series.map((each) => each.id));
  for (const id of slots.keys()) if (!ids.has(id)) slots.delete(id);
  for (const { id } of series) {
    if (slots.has(id)) continue;
    const taken = new Set(slots.values());
    let free = 0;
    while (taken.has(free)) free++;
    slots.set(id, free);
  }
  return ({ id }) => palette.series[(slots.get(id) ?? 0) % palette.series.length] ?? palette.text;
}

/** Sets the numbers: those under the cursor, else the latest. What has not come for a while has none. */
function writeValues(
  chart: Chart,
  series: readonly ChartSeries[],
  stacked: boolean,
  hovered: number | undefined,
  legend: HTMLElement | null,
  figure: HTMLElement | null,
): void {
  const value = (each: ChartSeries) => {
    if (hovered !== undefined) return near(each, hovered);
    const { last } = each;
    return last && last.time > chart.newest - Math.max(5, each.interval * 4) * 1000 ? last.value : null;
  };
  const values = series.map(value);
  const outputs = legend?.querySelectorAll('output') ?? [];
  for (const [index, output] of outputs.entries()) setText(output, format(values[index], chart));
  if (!figure) return;
  const sum = values.reduce<number | null>(
    (total, each, index) => (each == null || series[index]?.part !== 'busy' ? total : (total ?? 0) + each),
    null,
  );
  const main = stacked || series.length === 1 ? format(sum, chart) : '';
  setText(figure, hovered === undefined ? main : `${formatClock(hovered * 1000)}${main && ` · ${main}`}`);
}

/** The value at a second, or the one just before that is still meant there. */
function near(series: ChartSeries, second: number): number | null {
  for (let back = 0; back <= Math.ceil(series.interval); back++) {
    const value = series.at(second - back);
    if (value !== null) return value;
  }
  return null;
}

const format = (value: number | null | undefined, chart: Chart) => (value == null ? '–' : formatValue(value, chart.shown));

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
