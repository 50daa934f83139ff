/**
 * One series over the last minutes: a ring with a slot for each second, so that its memory is the same at any rate of events.
 * Of several values in one second the last stays. Counters are turned into rates per second as they arrive:
 *
 *     value   5   9   2   4        rate   –   4   2   2      a fall is a restart at 0
 */

/** Seconds that are kept: the longest span, and as much again for looking at a paused page. */
export const keptSeconds = 1200;

export interface Series {
  /** Takes a value with its time in milliseconds. What is older than what came before is a repetition, and left out. */
  add(value: number, time: number): void;
  /** The value of a second, or null. */
  at(second: number): number | null;
  /** The latest value and its time; undefined before the first. */
  readonly last: { readonly value: number; readonly time: number } | undefined;
  /** Seconds between values, as seen lately. */
  readonly interval: number;
}

/** A clock that was set back by more than this is believed from then on. */
const setBack = 60_000;

export function createSeries(type: 'gauge' | 'counter' | 'updown', scale: number): Series {
  const values = new Float64Array(keptSeconds);
  const seconds = new Int32Array(keptSeconds);
  let last: { value: number; time: number } | undefined;
  let raw: { value: number; time: number } | undefined;
  let interval = 1;

  const put = (value: number, time: number) => {
    const second = Math.floor(time / 1000);
    const slot = second % keptSeconds;
    values[slot] = value;
    seconds[slot] = second;
    last = { value, time };
  };

  return {
    add(given, time) {
      const value = given * scale;
      const before = raw;
      if (before && time <= before.time && time > before.time - setBack) return;
      raw = { value, time };
      const elapsed = before && time > before.time ? (time - before.time) / 1000 : undefined;
      // The middle of a moving window would be better and is not worth its memory: this forgets one odd gap in a few values.
      if (elapsed !== undefined) interval += (Math.min(elapsed, interval * 4 + 1) - interval) * 0.3;
      if (type !== 'counter') put(value, time);
      else if (before && elapsed !== undefined) put((value >= before.value ? value - before.value : value) / elapsed, time);
    },
    at(second) {
      const slot = second % keptSeconds;
      return seconds[slot] === second ? (values[slot] ?? null) : null;
    },
    get last() {
      return last;
    },
    get interval() {
      return interval;
    },
  };
}
