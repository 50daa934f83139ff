/**
 * Moving the span of time that all charts share: zoom, pan, and back again. Each is a step that the browser's back undoes too.
 */
import { step } from '../address.ts';
import { now } from '../parts/time.ts';
import { paused, span } from '../view.ts';
import type { Gestures } from './gestures.ts';

/** Values come each second: less than a few of them is no picture. */
const leastSeconds = 5;
const mostSeconds = 20 * 366 * 86_400;

interface Seen {
  readonly seconds: number;
  readonly until: number | undefined;
}

const before: Seen[] = [];
const remember = () => {
  step();
  before.push({ seconds: span.value, until: paused.value });
  if (before.length > 50) before.shift();
};

function show(from: number, to: number): void {
  const seconds = Math.min(mostSeconds, Math.max(leastSeconds, to - from));
  const middle = (from + to) / 2;
  const end = Math.max(middle + seconds / 2, seconds);
  span.set(Math.round(seconds * 10) / 10);
  // Past the present there is nothing to see: there it goes on by itself.
  paused.set(end * 1000 >= now() ? undefined : Math.round(end * 1000));
}

const seen = () => {
  const to = (paused.value ?? now()) / 1000;
  return { from: to - span.value, to };
};

export const gestures: Gestures = {
  zoom(from, to) {
    remember();
    // A zoom stands still, also at the very end: what one looks at closely must not run away.
    show(from, Math.min(to, now() / 1000 - 0.001));
  },
  grab: remember,
  pan(seconds) {
    const { from, to } = seen();
    show(from + seconds, to + seconds);
  },
  scale(factor, around) {
    const { from, to } = seen();
    show(around - (around - from) * factor, around + (to - around) * factor);
  },
  release() {},
  back: () => void goBack(),
};

/** Around the middle; what goes on with time goes on. */
export function zoomBy(factor: number): void {
  remember();
  const { from, to } = seen();
  if (paused.value === undefined) span.set(Math.min(mostSeconds, Math.max(leastSeconds, span.value * factor)));
  else gestures.scale(factor, (from + to) / 2);
}

/** Says whether there was anything to go back to. */
export function goBack(): boolean {
  const last = before.pop();
  if (!last) return false;
  span.set(last.seconds);
  paused.set(last.until);
  return true;
}
