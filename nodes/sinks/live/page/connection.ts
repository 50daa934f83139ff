/**
 * The line to sluice: a WebSocket that comes back by itself, and says honestly whether it is there. After a break it asks for
 * what was missed; what sluice no longer remembers becomes a gap.
 *
 * frames → events for the model, gaps, and the state of the line.
 */
import { type Cell, cell } from './cell.ts';
import type { Model } from './model.ts';
import { now, setServerTime } from './time.ts';
import { type Frame, type Heard, unpack } from './wire.ts';

export type Line =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** `retry` is when the next attempt comes, in milliseconds since 1970. */
  | { readonly state: 'lost'; readonly since: number; readonly retry: number };

const kinds = ['heartbeat', 'metric', 'log', 'alert', 'state'];
/** sluice speaks at least each 5 s: after this long the line is dead, whatever the browser thinks. */
const silence = 15_000;
const firstRetry = 500;
const lastRetry = 10_000;
/** A break shorter than this leaves no hole between values that come each second. */
const smallGap = 3_000;

export function connect(model: Model): Cell<Line> {
  const line = cell<Line>({ state: 'connecting' });
  let attempts = 0;

  const open = () => {
    // A writer whose clock is ahead must not make the page ask for the future.
    const before = Math.min(model.newest, now());
    // A moment is asked for twice, since events of different hosts cross: series and lines know what they have.
    const since = before === 0 ? {} : { since: new Date(before - 5_000).toISOString() };
    const socket = new WebSocket(new URL('api/live', location.href.replace(/^http/, 'ws')));
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = window.setTimeout(() => socket.close(), silence);
    };
    heard();
    socket.onopen = () => {
      fetch('healthz', { cache: 'no-store' }).then(
        (answer) => setServerTime(answer.headers.get('date')),
        () => {},
      );
      socket.send(JSON.stringify({ subscribe: kinds.map((kind) => ({ kind, ...since })) }));
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      heard();
      const frame = JSON.parse(data) as Frame;
      if (frame.error !== undefined) return console.error(frame.error);
      if (frame.snapshot) {
        attempts = 0;
        line.set({ state: 'live' });
        const events = frame.snapshot.map(unpack);
        if (before > 0) noteBreak(model, before, events);
        model.take(events, 'past');
      } else if (frame.events) {
        if (frame.dropped) model.miss({ from: model.newest, to: now(), why: `this page was too slow for ${frame.dropped} events` });
        model.take(frame.events.map(unpack), 'present');
      }
    };
    socket.onclose = () => {
      clearTimeout(watchdog);
      const wait = Math.min(lastRetry, firstRetry * 2 ** attempts++) * (0.8 + 0.4 * Math.random());
      const since = line.value.state === 'lost' ? line.value.since : now();
      line.set({ state: 'lost', since, retry: now() + wait });
      window.setTimeout(open, wait);
    };
  };
  open();
  return line;
}

/** Between what was heard before the break and what is remembered now, something may be missing. */
function noteBreak(model: Model, before: number, events: readonly Heard[]): void {
  const times = events.filter((event) => event.kind !== 'state').map((event) => event.time);
  const first = times.reduce((least, time) => Math.min(least, time), now());
  if (first - before > smallGap) model.miss({ from: before, to: first, why: 'there was no connection to sluice' });
}
