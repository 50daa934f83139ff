/**
 * A chart behind its card: listens while it can be seen, keeps its lines, draws them. Preact shows its title and legend; values and
 * pixels are set directly, since they change each second.
 */
import { type Drawable, forgetDrawable, redraw } from '../draw.ts';
import type { Shown } from '../parts/format.ts';
import { now } from '../parts/time.ts';
import { paused, span } from '../view.ts';
import type { Line as Wire } from '../wire/line.ts';
import { type Feed, openFeed, type Wanted } from './feed.ts';
import { type Line, largestFirst, linesOf } from './lines.ts';
import { createPlot, type Palette, type Plot, type PlotOptions } from './plot.ts';

export interface Asked extends Omit<Wanted, 'seconds' | 'until' | 'places'> {
  readonly stacked: boolean;
  readonly shown: Shown;
}

export interface Picture {
  /** What to show; asks anew where that is not what it listens to. */
  show(asked: Asked, palette: Palette): void;
  /** The span of time is another. */
  move(): void;
  redraw(): void;
  /** In the order of the legend. */
  readonly lines: readonly Line[];
  /** Lines that were 0 all the time, beside others that were not. */
  readonly idle: ReadonlySet<Line>;
  readonly feed: Feed | undefined;
  colourOf(line: Line): string;
  close(): void;
}

export interface PictureOptions extends Pick<PlotOptions, 'markBuckets' | 'hover' | 'point' | 'press' | 'gestures'> {
  readonly wire: Wire;
  /** What `window.__sluice` calls it. */
  readonly metric: string;
  readonly root: HTMLElement;
  /** Lines came or went, or there is something else to say. */
  readonly changed: () => void;
  /** The picture was drawn; the values beside it are those of this second and those before. */
  readonly drawn: (from: number, to: number) => void;
}

/** Seconds after which the legend is put in order again: oftener would be restless. */
const reorderEvery = 5;
/** While a hand moves the span, what lies in it is asked for only where it rests. */
const restMs = 150;
/** A chart that was scrolled away listens on for a moment: it may come back. */
const lingerMs = 2_000;

/** All that are on the page, for whoever draws what stood still. */
export const pictures = new Set<Drawable>();

export function createPicture({ wire, metric, root, changed, drawn, ...rest }: PictureOptions): Picture {
  let asked: Asked | undefined;
  let palette: Palette | undefined;
  let feed: Feed | undefined;
  /** The one before, until its successor has something to show. */
  let former: Feed | undefined;
  let feedKey = '';
  let lines: readonly Line[] = [];
  let legend: readonly Line[] = [];
  let idle: ReadonlySet<Line> = new Set();
  let plot: Plot | undefined;
  let plotKey = '';
  let ordered = 0;
  let resting: ReturnType<typeof setTimeout> | undefined;
  let lingering: ReturnType<typeof setTimeout> | undefined;
  const slots = new Map<string, number>();
  // Asking an element for its size while others change would lay the page out each time.
  let size = { width: 0, height: 0 };

  const shownFeed = () => (feed && (feed.ready || !former) ? feed : former);
  const order = (second: number) => {
    ordered = second;
    const next = largestFirst(lines, asked?.stacked ?? false);
    const zero = next.filter((line) => isIdle(line, second - span.value, second, shownFeed()?.step ?? 1));
    const quiet = new Set(asked?.stacked || zero.length === next.length ? [] : zero);
    const moved = next.some((line, index) => line.id !== legend[index]?.id) || next.length !== legend.length || quiet.size !== idle.size;
    legend = next;
    idle = quiet;
    return moved;
  };
  const relist = () => {
    if (feed?.ready && former) {
      former.close();
      former = undefined;
    }
    lines = linesOf(shownFeed()?.heard ?? [], asked?.stacked ?? false);
    assign(slots, lines);
    order(Math.floor(now() / 1000));
    changed();
    redraw(drawable);
  };
  const hear = (what: 'lines' | 'points') => {
    if (what === 'lines' || former) relist();
    else redraw(drawable);
  };
  const listen = () => {
    if (!asked || !drawable.visible) return;
    const { questions, scale, most } = asked;
    const places = size.width > 700 ? 1_000 : 400;
    const wanted: Wanted = { questions, scale, most, places, seconds: Math.ceil(span.value), until: paused.value };
    const key = JSON.stringify(wanted);
    if (key === feedKey && feed) return;
    feedKey = key;
    if (feed?.ready) {
      former?.close();
      former = feed;
    } else feed?.close();
    feed = openFeed(wire, wanted, hear);
  };
  const silence = () => {
    feed?.close();
    former?.close();
    former = undefined;
    feedKey = '';
  };
  const strokeOf = (line: Line) => {
    const slot = slots.get(line.id) ?? 0;
    const colours = palette?.series ?? [];
    return { colour: colours[slot % colours.length] ?? '', dash: dashes[Math.floor(slot / Math.max(1, colours.length))] };
  };

  const drawable: Drawable & { visible: boolean } = {
    metric,
    visible: false,
    draw() {
      const source = shownFeed();
      const step = source?.step ?? 1;
      if (!asked || !palette || size.width === 0) return 0;
      const newest = source?.newest ?? 0;
      const to = paused.value !== undefined ? paused.value / 1000 : Math.floor(Math.max(now(), Math.min(newest, now() + 5_000)) / 1000);
      const key = `${asked.stacked} ${lines.map(({ id, band }) => `${id}${band ? '~' : ''}`).join('\n')}`;
      if (key !== plotKey || !plot) {
        plotKey = key;
        plot?.destroy();
        const { stacked, shown } = asked;
        plot = createPlot(root, { ...rest, stacked, shown, lines, palette, size, strokeOf });
      }
      plot.draw(to - span.value, to, step);
      if (paused.value === undefined && to - ordered > reorderEvery && order(to)) changed();
      drawn(to - span.value, to);
      return newest;
    },
  };
  pictures.add(drawable);

  const seen = new IntersectionObserver(
    ([entry]) => {
      drawable.visible = entry?.isIntersecting ?? false;
      clearTimeout(lingering);
      if (drawable.visible) {
        listen();
        redraw(drawable);
      } else lingering = setTimeout(silence, lingerMs);
    },
    { rootMargin: '100px' },
  );
  const sized = new ResizeObserver(([entry]) => {
    if (!entry || entry.contentRect.width === 0) return;
    size = { width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) };
    if (plot) plot.resize(size.width, size.height);
    else redraw(drawable);
  });
  seen.observe(root);
  sized.observe(root);

  return {
    show(next, colours) {
      const restyled = colours !== palette || next.stacked !== asked?.stacked;
      asked = next;
      palette = colours;
      if (restyled) plotKey = '';
      listen();
      if (feed) relist();
    },
    move() {
      redraw(drawable);
      clearTimeout(resting);
      resting = setTimeout(listen, restMs);
    },
    redraw: () => redraw(drawable),
    get lines() {
      return legend;
    },
    get idle() {
      return idle;
    },
    get feed() {
      return shownFeed();
    },
    colourOf: (line) => (line.summary ? (palette?.strong ?? '') : strokeOf(line).colour),
    close() {
      seen.disconnect();
      sized.disconnect();
      clearTimeout(resting);
      clearTimeout(lingering);
      silence();
      forgetDrawable(drawable);
      pictures.delete(drawable);
      plot?.destroy();
    },
  };
}

/** Whether it has values there, and none but 0. */
function isIdle(line: Line, from: number, to: number, step: number): boolean {
  let known = false;
  for (let second = Math.floor(to / step) * step; second >= from; second -= step) {
    const value = line.at(second);
    if (value !== null && value !== 0) return false;
    known ||= value === 0;
  }
  return known;
}

/** Past the number of colours lines are told apart by their strokes. */
const dashes: readonly (number[] | undefined)[] = [undefined, [7, 3], [2, 3], [9, 3, 2, 3], [4, 6]];

/** Each line keeps its colour while it is shown, whichever come and go beside it. */
function assign(slots: Map<string, number>, lines: readonly Line[]): void {
  const ids = new Set(lines.map(({ id }) => id));
  for (const id of slots.keys()) if (!ids.has(id)) slots.delete(id);
  for (const { id, summary } of lines) {
    if (summary || slots.has(id)) continue;
    const taken = new Set(slots.values());
    let free = 0;
    while (taken.has(free)) free++;
    slots.set(id, free);
  }
}
