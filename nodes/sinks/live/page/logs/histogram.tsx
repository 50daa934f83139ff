/**
 * How many lines there were, by severity, over the span that is looked at. Dragging over it chooses a time; a click on a bar goes to its end.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useCells } from '../parts/cell.ts';
import { formatClock, formatDay } from '../parts/format.ts';
import { now } from '../parts/time.ts';
import { colours, lookAt, paused, second, span } from '../view.ts';
import { severities } from './asked.ts';
import { type Bars, bars } from './bars.ts';
import { type Counted, countsIn } from './past.ts';
import type { Reel } from './reel.ts';

const height = 44;
/** Pixels of a bar with the room beside it. */
const barWidth = 7;
/** Longest span that the tail's own counts are for, in seconds; beyond it the store is asked again from time to time. */
const tailSeconds = 600;
const againMs = 60_000;
/** Until a question has shown that it can be asked. */
const settleMs = 300;

export function Histogram({ reel, wanted }: { reel: Reel; wanted: Readonly<Record<string, unknown>> }) {
  useCells(reel.status, second, span, paused, colours);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [past, setPast] = useState<Counted | undefined>(undefined);
  const [width, setWidth] = useState(0);
  const [dragged, drag] = useState<{ readonly from: number; readonly to: number } | undefined>(undefined);
  const [hovered, hover] = useState<number | undefined>(undefined);
  const many = Math.max(20, Math.min(240, Math.floor(width / barWidth)));
  const steps = stepsOf(paused.value ?? now(), span.value, many);

  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 0));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    const asking = new AbortController();
    const load = () => {
      // What the log cannot be asked cannot be counted.
      if (reel.error !== '') return;
      const { from, to } = stepsOf(paused.value ?? now(), span.value, many);
      countsIn(wanted, from, to, Math.round((to - from) / steps.step), asking.signal).then((found) => {
        if (!asking.signal.aborted) setPast(found);
      });
    };
    setPast(undefined);
    const waiting = setTimeout(load, settleMs);
    const again = paused.value === undefined && span.value > tailSeconds ? setInterval(load, againMs) : undefined;
    return () => {
      asking.abort();
      clearTimeout(waiting);
      clearInterval(again);
    };
  }, [wanted, span.value, paused.value, width === 0, steps.step]);

  const shown = bars(steps, past, reel.counts);
  useLayoutEffect(() => draw(canvas.current, width, shown));
  const at = (event: PointerEvent) => Math.max(0, Math.min(width, event.clientX - (box.current?.getBoundingClientRect().left ?? 0)));
  const timeAt = (x: number) => steps.from + (x / Math.max(1, width)) * (steps.to - steps.from);
  const released = () => {
    if (!dragged) return;
    const [from, to] = [Math.min(dragged.from, dragged.to), Math.max(dragged.from, dragged.to)];
    drag(undefined);
    if (to - from > 4) lookAt(timeAt(from), timeAt(to));
    else paused.set(Math.min(now(), steps.from + (Math.floor((timeAt(from) - steps.from) / steps.step) + 1) * steps.step));
  };
  const bar = hovered === undefined ? -1 : Math.floor((timeAt(hovered) - steps.from) / steps.step);

  return (
    <div
      class="histogram"
      ref={box}
      role="img"
      aria-label={`Lines by severity from ${formatClock(steps.from)} to ${formatClock(steps.to)}: ${said(shown.sum)}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag({ from: at(event), to: at(event) });
      }}
      onPointerMove={(event) => {
        hover(at(event));
        if (dragged) drag({ ...dragged, to: at(event) });
      }}
      onPointerUp={released}
      onPointerCancel={() => drag(undefined)}
      onPointerLeave={() => hover(undefined)}
    >
      <canvas ref={canvas} height={height} />
      {dragged && (
        <span
          class="chosen-time"
          style={{ left: `${Math.min(dragged.from, dragged.to)}px`, width: `${Math.abs(dragged.to - dragged.from)}px` }}
        />
      )}
      {bar >= 0 && shown.of[bar] && (
        <span class="told" style={{ left: `${Math.max(90, Math.min(width - 90, hovered ?? 0))}px` }}>
          {formatClock(steps.from + bar * steps.step)} {said(shown.of[bar])}
        </span>
      )}
      <span class="times" aria-hidden="true">
        {ticksOf(steps, width).map(({ at, said }) => (
          <span key={at} style={{ left: `${((at - steps.from) / (steps.to - steps.from)) * width}px` }}>
            {said}
          </span>
        ))}
      </span>
      <span class="axis">{shown.most > 0 && `${Math.round(shown.most / (steps.step / 1000)).toLocaleString('en')}/s`}</span>
    </div>
  );
}

/** Steps of whole seconds that stand where they stood a second ago. */
function stepsOf(end: number, seconds: number, many: number) {
  const step = Math.max(1, Math.ceil(seconds / many)) * 1000;
  const to = Math.ceil(end / step) * step;
  return { from: to - Math.ceil((seconds * 1000) / step) * step, to, step };
}

/** Seconds between two times on the axis. */
const usualTicks = [5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800, 2_592_000];
/** Pixels that a time takes, with room beside it. */
const tickWidth = 90;

function ticksOf({ from, to }: { readonly from: number; readonly to: number }, width: number) {
  const least = ((to - from) / 1000 / Math.max(1, width)) * tickWidth;
  const every = (usualTicks.find((seconds) => seconds >= least) ?? 31_536_000) * 1000;
  // Whole hours and days are those of the reader's clock.
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  const first = Math.ceil((from - shift) / every) * every + shift;
  const ticks: { at: number; said: string }[] = [];
  for (let at = first; at < to; at += every) {
    const said = every >= 86_400_000 ? formatDay(at) : every < 60_000 ? formatClock(at) : formatClock(at).slice(0, 5);
    // Half a time at the edge is none.
    if (((at - from) / (to - from)) * width > 20 && ((to - at) / (to - from)) * width > 40) ticks.push({ at, said });
  }
  return ticks;
}

function said(of: readonly number[]): string {
  const parts = severities.map((name, rank) => [of[rank] ?? 0, name] as const).filter(([count]) => count > 0);
  return parts.length === 0
    ? 'no lines'
    : parts
        .map(([count, name]) => `${count.toLocaleString('en')} ${name}`)
        .reverse()
        .join(', ');
}

/** From the bottom up: the worst stands on the axis, where it is seen however much there is above it. */
const layers = [
  ['--bad', [5, 4]],
  ['--warn', [3]],
  ['--bar', [2]],
  ['--edge-strong', [1, 0]],
] as const;

function draw(canvas: HTMLCanvasElement | null, width: number, { of, most }: Bars): void {
  const context = canvas?.getContext('2d');
  if (!canvas || !context || width === 0) return;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = height * ratio;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const each = width / of.length;
  for (const [colour, ranks] of layers) {
    context.fillStyle = style.getPropertyValue(colour);
    for (const [index, counts] of of.entries()) {
      const below = layers
        .slice(
          0,
          layers.findIndex(([name]) => name === colour),
        )
        .flatMap(([, under]) => [...under]);
      const under = heightOf(sumOf(counts, below), most);
      const own = sumOf(counts, ranks);
      // One error among thousands is still to be seen.
      if (own > 0)
        context.fillRect(
          index * each,
          height - heightOf(own + sumOf(counts, below), most),
          Math.max(1, each - 1),
          Math.max(2, heightOf(own + sumOf(counts, below), most) - under),
        );
    }
  }
}

const sumOf = (counts: readonly number[], ranks: readonly number[]): number => ranks.reduce((sum, rank) => sum + (counts[rank] ?? 0), 0);
const heightOf = (count: number, most: number): number => (most === 0 ? 0 : (count / most) * (height - 4));
