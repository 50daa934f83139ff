/**
 * When charts are drawn: those that changed and can be seen, in the next animation frame, the one that waited longest first,
 * for as long as a frame can spare; the others in the frame after.
 *
 * `window.__sluice` tells a benchmark how late the picture is. `drawn` names the chart that was drawn last, with the time of its newest
 * event; `watch(fn)` calls back for every chart, in the frame after the one that drew it, when its pixels are on their way.
 */
export interface Drawable {
  readonly metric: string;
  readonly visible: boolean;
  /** Draws; returns the time of the newest event in the picture, in milliseconds since 1970. */
  draw(): number;
}

export interface Drawn {
  readonly metric: string;
  /** Of the newest event in the picture, in milliseconds since 1970. */
  readonly time: number;
  /** When the frame after the drawing began, in milliseconds since 1970. */
  readonly at: number;
}

declare global {
  interface Window {
    __sluice?: { drawn: Drawn | undefined; watch(watcher: (drawn: Drawn) => void): void };
  }
}

/** Milliseconds of one frame that drawing may take. What a frame costs beside it is about as much: few full frames cost less than many small ones. */
const budget = 14;

const waiting = new Set<Drawable>();
const drawnAt = new WeakMap<Drawable, number>();
const watchers = new Set<(drawn: Drawn) => void>();
const probe: NonNullable<Window['__sluice']> = { drawn: undefined, watch: (watcher) => watchers.add(watcher) };
window.__sluice = probe;
let frame = 0;

/** Has it drawn again. While it cannot be seen it waits: whoever makes it visible asks again. */
export function redraw(drawable: Drawable): void {
  waiting.add(drawable);
  if (frame === 0) frame = requestAnimationFrame(run);
}

/** Has those drawn again that were not for a second: time goes on where no value comes, and a picture that stood still would lie. */
export function redrawIdle(drawables: Iterable<Drawable>): void {
  const before = performance.now() - 1_000;
  for (const drawable of drawables) if (drawable.visible && (drawnAt.get(drawable) ?? 0) < before) redraw(drawable);
}

export function forgetDrawable(drawable: Drawable): void {
  waiting.delete(drawable);
}

function run(): void {
  frame = 0;
  const began = performance.now();
  const done: Omit<Drawn, 'at'>[] = [];
  for (const drawable of waiting) {
    if (performance.now() - began > budget) break;
    // A set keeps the order of insertion: who is drawn goes to the back.
    waiting.delete(drawable);
    if (!drawable.visible) continue;
    done.push({ metric: drawable.metric, time: drawable.draw() });
    drawnAt.set(drawable, performance.now());
  }
  if (waiting.size > 0) frame = requestAnimationFrame(run);
  if (done.length > 0) requestAnimationFrame(() => report(done));
}

function report(done: readonly Omit<Drawn, 'at'>[]): void {
  const at = performance.timeOrigin + performance.now();
  for (const each of done) {
    probe.drawn = { ...each, at };
    for (const watcher of watchers) watcher(probe.drawn);
  }
}
