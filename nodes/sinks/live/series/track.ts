/**
 * One series over the last minutes, as it is shown: a value for each second, so that its memory is the same at any rate of
 * events. Of several values in one second the last stays. Counters become rates per second as they arrive:
 *
 *     value   5   9   2   4        rate   –   4   2   2      a fall is a restart at 0
 *
 * Values are kept in 32 bits: seven digits, of which six are shown.
 */
export interface Track {
  /** As the writer has it. */
  type: 'gauge' | 'counter' | 'updown';
  /** A second's slot is its remainder; not a number where nothing came. Grows with what is held. */
  values: Float32Array;
  /** The oldest second that is held, and the newest; 0 before the first. */
  oldest: number;
  newest: number;
  /** What came last, and its time in milliseconds. */
  raw: number;
  time: number;
  /** Seconds between values, as seen lately; 1 before the second. */
  interval: number;
  /** The last one, where it was clearly another; else 0. */
  odd: number;
}

/** A clock that was set back by more than this is believed from then on. */
const setBackMs = 60_000;
const fewest = 64;
/** What the values of a new one take. */
export const firstBytes = 4 * fewest;
/** The one size between the first and the last: each growth is a copy. */
const middle = 256;

export function createTrack(type: Track['type']): Track {
  return { type, values: new Float32Array(fewest), oldest: 0, newest: 0, raw: 0, time: Number.NEGATIVE_INFINITY, interval: 1, odd: 0 };
}

/**
 * Takes a value with its time in milliseconds. What is not later than what came before is a repetition, and left out.
 *
 * @param room the most seconds that it may hold
 * @returns the second of which there is a value now; 0 for none
 */
export function record(track: Track, value: number, time: number, room: number): number {
  const before = track.time;
  if (time <= before && time > before - setBackMs) return 0;
  const isFirst = before === Number.NEGATIVE_INFINITY || time < before;
  const elapsed = isFirst ? 0 : (time - before) / 1000;
  let shown = value;
  if (track.type === 'counter' && !isFirst) shown = (value >= track.raw ? value - track.raw : value) / elapsed;
  track.raw = value;
  track.time = time;
  if (isFirst) track.interval = 1;
  else learn(track, elapsed);
  if (track.type === 'counter' && isFirst) return 0;
  const second = Math.floor(time / 1000);
  put(track, shown, second, room);
  return second;
}

/** The value of a second, or NaN. */
export function valueAt({ values, oldest, newest }: Track, second: number): number {
  return second < oldest || second > newest || newest === 0 ? Number.NaN : (values[second % values.length] ?? Number.NaN);
}

/** Seconds that a value stands for where it is added to others': until the next is overdue. */
export const reachOf = ({ interval }: Track): number => Math.ceil(Math.round(interval) * 1.5) + 1;

/** An interval that is clearly another is believed when it comes twice in a row: one gap, or one early value, changes nothing. */
function learn(track: Track, elapsed: number): void {
  const { interval, odd } = track;
  const isFirst = track.newest === 0 || track.oldest === track.newest;
  const isOdd = elapsed > interval * 1.6 || elapsed < interval * 0.6;
  track.odd = 0;
  if (isFirst) track.interval = elapsed;
  else if (!isOdd) track.interval += (elapsed - interval) * 0.3;
  else if (odd > 0) track.interval = Math.min(odd, elapsed);
  else track.odd = elapsed;
  track.interval = Math.max(1, track.interval);
}

function put(track: Track, value: number, second: number, room: number): void {
  if (track.newest === 0 || second < track.newest || second - track.newest >= room) {
    track.oldest = second;
    track.newest = second;
    track.values[second % track.values.length] = value;
    return;
  }
  const held = second - track.oldest + 1;
  if (held > track.values.length && track.values.length < room) grow(track, Math.min(room, held > middle ? room : middle));
  const { values } = track;
  const size = values.length;
  // Of a long silence only as much as there are slots.
  for (let empty = Math.max(track.newest + 1, second - size + 1); empty < second; empty++) values[empty % size] = Number.NaN;
  values[second % size] = value;
  track.newest = second;
  if (held > size) track.oldest = second - size + 1;
}

function grow(track: Track, size: number): void {
  const values = new Float32Array(size);
  for (let second = Math.max(track.oldest, track.newest - size + 1); second <= track.newest; second++)
    values[second % size] = track.values[second % track.values.length] ?? Number.NaN;
  track.values = values;
}
