/**
 * Moving through time with the hand: shift and drag, a wheel turned sideways or with shift, a finger drawn sideways move the picture; two
 * fingers, or a wheel with Ctrl, zoom; a double click goes back. A drag without shift chooses a span; that is uPlot's. A finger drawn up
 * or down scrolls the page, as everywhere.
 */

export interface Gestures {
  /** Shows what is between, in seconds since 1970. */
  zoom(from: number, to: number): void;
  /** The hand takes hold: what follows until `release` is one step. */
  grab(): void;
  /** By seconds, later is positive. */
  pan(seconds: number): void;
  /** Around a second: 0.5 shows half as much. */
  scale(factor: number, around: number): void;
  release(): void;
  back(): void;
}

/** How far a finger goes before it is known where it wants to. */
const slop = 8;
/** A wheel has no end: after this long without a turn it was let go. */
const wheelMs = 250;

/** @param timeAt seconds since 1970 at a place from the left @returns how to stop */
export function gesturesOn(over: HTMLElement, { grab, pan, scale, release, back }: Gestures, timeAt: (left: number) => number): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  const pointers = new Map<number, { x: number; y: number }>();
  let holding = false;
  let wheeling: ReturnType<typeof setTimeout> | undefined;
  over.style.touchAction = 'pan-y';

  const hold = () => {
    if (!holding) grab();
    holding = true;
  };
  const letGo = () => {
    if (holding) release();
    holding = false;
  };
  const perPixel = () => timeAt(1) - timeAt(0);
  const left = (x: number) => x - over.getBoundingClientRect().left;
  const spread = () => {
    const [one, other] = [...pointers.values()];
    return one && other ? { width: Math.abs(one.x - other.x), middle: (one.x + other.x) / 2 } : undefined;
  };

  over.addEventListener(
    'pointerdown',
    (event) => {
      if (event.pointerType === 'mouse' && !(event.shiftKey && event.button === 0)) return;
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (event.pointerType === 'mouse') {
        hold();
        over.setPointerCapture(event.pointerId);
      }
    },
    { signal },
  );
  over.addEventListener(
    'pointermove',
    (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const apart = spread();
      if (!holding && !apart && Math.abs(event.clientX - before.x) < slop) return;
      hold();
      if (!over.hasPointerCapture(event.pointerId)) over.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      const now = spread();
      if (apart && now) {
        if (now.width > 10 && apart.width > 10) scale(apart.width / now.width, timeAt(left(now.middle)));
        pan((apart.middle - now.middle) * perPixel());
      } else pan((before.x - event.clientX) * perPixel());
    },
    { signal },
  );
  const lift = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    if (pointers.size === 0) letGo();
  };
  for (const type of ['pointerup', 'pointercancel'] as const) over.addEventListener(type, lift, { signal });
  over.addEventListener(
    'wheel',
    (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
      const zooms = event.ctrlKey || event.metaKey;
      if (!zooms && sideways === 0) return;
      event.preventDefault();
      hold();
      if (zooms) scale(Math.exp(Math.max(-50, Math.min(50, event.deltaY)) / 200), timeAt(left(event.clientX)));
      else pan(sideways * perPixel());
      clearTimeout(wheeling);
      wheeling = setTimeout(letGo, wheelMs);
    },
    { signal, passive: false },
  );
  over.addEventListener('dblclick', back, { signal });
  return () => {
    ended.abort();
    clearTimeout(wheeling);
    letGo();
  };
}
