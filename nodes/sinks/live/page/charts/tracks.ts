/**
 * What one line is drawn from: values by the second of the last minutes, or by the step of what was kept.
 *
 * frames of `watch` → tracks that go on; an answer of the store → tracks that stand still, until a later answer goes on with them.
 */
import type { Named, PastAnswer, Watched, WatchedSeries } from '../../series/protocol.ts';

export interface Track {
  /** The same for the same series, whoever tells of it. */
  readonly id: string;
  readonly named: Named;
  /** Seconds between values: what is missing for much longer than that is lost, not late. */
  readonly interval: number;
  /** The value that is known of a second; null: there is none. */
  at(second: number): number | null;
  /** Where values are rolled up: the least and the largest around them. */
  readonly band: ((second: number) => readonly [low: number, high: number] | null) | undefined;
  /** The latest second with a value; -Infinity before the first. */
  readonly latest: number;
}

export const idOf = ({ key, server, host, resource, attributes, labels }: Named): string =>
  JSON.stringify([key, server, host, resource, Object.entries(attributes), Object.entries(labels ?? {})]);

export interface LiveTracks {
  /** Takes a frame. Says whether tracks came or went. */
  take(frame: Watched): boolean;
  readonly tracks: readonly Track[];
  /** How many series fit; undefined before the first frame. */
  readonly of: number | undefined;
  readonly beyond: number;
}

/** @param reach seconds that are kept */
export function createLiveTracks(scale: number, reach: number): LiveTracks {
  const slots = reach + 60;
  let byIndex = new Map<number, Ring>();
  let of: number | undefined;
  let beyond = 0;

  const join = (known: ReadonlyMap<string, Ring>, series: WatchedSeries, from: number): Ring => {
    const ring = known.get(idOf(series)) ?? createRing(series, slots);
    ring.interval = series.interval;
    for (const [nth, value] of series.values.entries()) ring.put(from + nth, value === null ? Number.NaN : value * scale);
    return ring;
  };
  const names = () => [...byIndex.values()].map(({ id }) => id).join('\n');

  return {
    take(frame) {
      const before = names();
      const known = new Map([...byIndex.values()].map((ring) => [ring.id, ring]));
      if ('series' in frame) {
        // Indices may be new after a break; what they stand for is not.
        byIndex = new Map(frame.series.map((series) => [series.index, join(known, series, frame.from)]));
        of = frame.of;
        beyond = frame.beyond ?? 0;
        return names() !== before;
      }
      for (const index of frame.gone ?? []) byIndex.delete(index);
      for (const series of frame.added ?? []) byIndex.set(series.index, join(known, series, frame.from ?? 0));
      if (frame.changed) {
        of = frame.changed.of;
        beyond = frame.changed.beyond ?? 0;
        for (const [index, seconds] of frame.changed.intervals) {
          const ring = byIndex.get(index);
          if (ring) ring.interval = seconds;
        }
      }
      for (const { at, values } of frame.points) for (const [index, value] of values) byIndex.get(index)?.put(at, value * scale);
      return frame.added !== undefined || frame.gone !== undefined;
    },
    get tracks() {
      return [...byIndex.values()];
    },
    get of() {
      return of;
    },
    get beyond() {
      return beyond;
    },
  };
}

type Ring = ReturnType<typeof createRing>;

/** A slot for each second. */
function createRing(series: WatchedSeries, slots: number) {
  const values = new Float64Array(slots);
  const seconds = new Float64Array(slots).fill(-1);
  return {
    id: idOf(series),
    named: series as Named,
    interval: series.interval,
    latest: Number.NEGATIVE_INFINITY,
    band: undefined,
    put(second: number, value: number): void {
      const slot = second % slots;
      // What was left behind must not overwrite what came after it.
      if ((seconds[slot] ?? 0) > second) return;
      seconds[slot] = second;
      values[slot] = value;
      if (!Number.isNaN(value) && second > this.latest) this.latest = second;
    },
    at(second: number): number | null {
      const slot = second % slots;
      const value = values[slot];
      return seconds[slot] !== second || value === undefined || Number.isNaN(value) ? null : value;
    },
  };
}

export interface PastTracks {
  /** Takes an answer: the first, or one that goes on where an earlier one ended. Of what both know the later is true. */
  take(answer: PastAnswer, oldest: number): void;
  readonly tracks: readonly Track[];
  readonly of: number | undefined;
  readonly beyond: number;
}

export function createPastTracks(scale: number): PastTracks {
  const byId = new Map<string, Kept>();
  let of: number | undefined;
  let beyond = 0;
  return {
    take(answer, oldest) {
      const [first, step] = [answer.from / 1000, answer.step / 1000];
      of = answer.of;
      beyond = answer.beyond ?? 0;
      for (const series of answer.series) {
        const id = idOf(series);
        const kept = byId.get(id) ?? createKept(id, series);
        byId.set(id, kept);
        if (series.values.length > 8 || kept.interval < step) kept.interval = usualGap(series.values) * step;
        if (series.low && series.high) kept.band = (second) => kept.ranges.get(second) ?? null;
        for (const [nth, value] of series.values.entries()) {
          const second = first + nth * step;
          if (value === null) continue;
          kept.values.set(second, value * scale);
          kept.latest = Math.max(kept.latest, second);
          const [low, high] = [series.low?.[nth], series.high?.[nth]];
          if (low != null && high != null) kept.ranges.set(second, [low * scale, high * scale]);
        }
      }
      for (const [id, { values, ranges, latest }] of byId) {
        if (latest < oldest) byId.delete(id);
        for (const second of values.keys()) {
          // They stand in the order of time.
          if (second >= oldest) break;
          values.delete(second);
          ranges.delete(second);
        }
      }
    },
    get tracks() {
      return [...byId.values()];
    },
    get of() {
      return of;
    },
    get beyond() {
      return beyond;
    },
  };
}

interface Kept extends Track {
  interval: number;
  latest: number;
  band: Track['band'];
  readonly values: Map<number, number>;
  readonly ranges: Map<number, readonly [number, number]>;
}

function createKept(id: string, named: Named): Kept {
  const values = new Map<number, number>();
  return {
    ...{ id, named, interval: 0, latest: Number.NEGATIVE_INFINITY, band: undefined },
    ...{ values, ranges: new Map(), at: (second) => values.get(second) ?? null },
  };
}

/** How many steps usually lie from value to value. */
function usualGap(values: readonly (number | null)[]): number {
  const gaps: number[] = [];
  let last = -1;
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    if (last >= 0) gaps.push(index - last);
    last = index;
  }
  return gaps.sort((one, other) => one - other)[gaps.length >> 1] ?? 1;
}
