/**
 * What every series did in the last minutes, second by second: what charts are drawn from, without asking anyone to send it again.
 *
 * metric events → a track for each series, which is a key, a name and its attributes. Bounded in bytes, in names, and in series of a
 * name, so that a metric with a value for each request cannot grow: what came first stays, and while others are left out a
 * series that falls silent makes room within a minute. Where all of it is full, the name that takes most gives way, so that its flood
 * costs no other its past.
 */
import type { Event, Point } from 'sluice';
import { idOf, isOf, serverOf } from './identity.ts';
import type { Attributes } from './protocol.ts';
import { createTrack, firstBytes, record, type Track } from './track.ts';

export interface Series extends Track {
  readonly metric: Metric;
  readonly key: string;
  /** The words of its key as far as the host. */
  readonly server: string;
  readonly attributes: Attributes;
  /** Names and values in turn, in the writer's order. */
  readonly spelt: readonly unknown[];
  readonly id: string;
  unit: string | undefined;
  /** The tick at which it was last heard; -1 once it is forgotten. */
  heard: number;
  /** Where it stands among its metric's. */
  place: number;
}

export interface Metric {
  readonly name: string;
  readonly series: Series[];
  readonly byId: Map<string, Series>;
  unit: string | undefined;
  type: Track['type'];
  bytes: number;
  /** Points of series that there was no room for, since the first of them in the last minutes. */
  beyond: number;
  /** The tick of the last of these. */
  refused: number;
  /** Counts up with whatever the catalogue says of it. */
  changes: number;
}

/** Who looks at a metric, which need not exist yet. */
export interface Watcher {
  /** There is a new value of that second. */
  point(series: Series, second: number): void;
  joined(series: Series): void;
  left(series: Series): void;
}

export interface SeriesMemory {
  take(event: Event<'metric'>): void;
  /** A second has passed. */
  tick(): void;
  watch(name: string, watcher: Watcher): () => void;
  metric(name: string): Metric | undefined;
  readonly metrics: ReadonlyMap<string, Metric>;
  /** The present in whole seconds since 1970. */
  readonly second: number;
  /** How many of them are remembered. */
  readonly seconds: number;
  /** From this second on all that came is here. */
  readonly completeSince: number;
  readonly size: number;
  readonly bytes: number;
  /** Points of names past the bound, lately. */
  readonly beyond: number;
}

export interface SeriesLimits {
  readonly seconds: number;
  readonly bytes: number;
  /** Series of one name. */
  readonly each: number;
  readonly names: number;
  /** Wall time in milliseconds. Without it, as in a test, it is as late as the latest event. */
  readonly now?: (() => number) | undefined;
}

/** What a series takes beside its values and its words: measured, rounded up. */
const overhead = 700;
/** A series of more text than this is left out: a fleet's are a tenth of it. */
const mostText = 4096;
/** How long a silent series stays while others are left out, in ticks, and how many of its own intervals at least. */
const hurry = 60;
const mostLayouts = 50_000;
const nothing = new Float32Array(1);

export function createSeriesMemory({ seconds, bytes: mostBytes, each, names, now }: SeriesLimits): SeriesMemory {
  const metrics = new Map<string, Metric>();
  const watchers = new Map<string, Set<Watcher>>();
  /** Of each key, the series of its latest event in their order: nearly every event has the same again. */
  const layouts = new Map<string, (Series | undefined)[]>();
  let tick = 0;
  let newest = 0;
  let began = 0;
  let size = 0;
  let bytes = 0;
  let beyond = 0;
  let refused = 0;
  /** The name that takes most, as of when it was last looked for. */
  let largest: Metric | undefined;
  let looked = 0;

  const growth = 4 * seconds;
  const charge = (metric: Metric, more: number) => {
    metric.bytes += more;
    bytes += more;
  };
  const remove = (series: Series) => {
    const { metric, place } = series;
    const last = metric.series.pop();
    if (last && last !== series) {
      metric.series[place] = last;
      last.place = place;
    }
    metric.byId.delete(series.id);
    metric.changes += 1;
    size -= 1;
    charge(metric, -costOf(series));
    series.heard = -1;
    // A layout may hold it until its key speaks again.
    series.values = nothing;
    for (const watcher of watchers.get(metric.name) ?? []) watcher.left(series);
    if (metric.series.length === 0 && metric.beyond === 0) metrics.delete(metric.name);
  };
  /** Frees bytes for a metric from the one that takes most. False where that is itself, or not by far larger. */
  const makeRoom = (metric: Metric, needed: number): boolean => {
    while (bytes + needed > mostBytes) {
      if (!largest || looked <= 0 || !metrics.has(largest.name)) {
        largest = undefined;
        for (const other of metrics.values()) if (!largest || other.bytes > largest.bytes) largest = other;
        looked = hurry;
      }
      looked -= 1;
      const newest = largest?.series.at(-1);
      if (!largest || !newest || largest === metric || largest.bytes - costOf(newest) <= metric.bytes + needed) return false;
      largest.beyond += 1;
      largest.refused = tick;
      remove(newest);
    }
    return true;
  };
  const open = (point: Point): Metric | undefined => {
    const known = metrics.get(point.name);
    if (known) return known;
    if (metrics.size >= names) {
      beyond += 1;
      refused = tick;
      return undefined;
    }
    const { name, unit, type = 'gauge' } = point;
    const metric = { name, unit, type, series: [], byId: new Map(), bytes: 0, beyond: 0, refused: 0, changes: 1 };
    metrics.set(name, metric);
    return metric;
  };
  const join = (metric: Metric, key: string, id: string, point: Point): Series | undefined => {
    const place = metric.series.length;
    const cost = overhead + 4 * id.length + firstBytes;
    // Before anything is made of it: there may be a hundred thousand of them in a second.
    if (id.length > mostText || place >= each || (bytes + cost > mostBytes && !makeRoom(metric, cost))) {
      metric.beyond += 1;
      metric.refused = tick;
      metric.changes += 1;
      return undefined;
    }
    const { attributes = {}, unit, type = 'gauge' } = point;
    const own = { metric, key, id, attributes, unit, place, server: serverOf(key), spelt: Object.entries(attributes).flat(), heard: tick };
    const series: Series = Object.assign(createTrack(type), own);
    metric.series.push(series);
    metric.byId.set(id, series);
    metric.changes += 1;
    size += 1;
    charge(metric, cost);
    for (const watcher of watchers.get(metric.name) ?? []) watcher.joined(series);
    return series;
  };
  const look = (key: string, point: Point): Series | undefined => {
    const metric = open(point);
    if (!metric) return undefined;
    const id = idOf(key, point.attributes);
    const known = metric.byId.get(id);
    if (!known) return join(metric, key, id, point);
    const { unit, type = 'gauge' } = point;
    if (known.unit !== unit || known.type !== type) {
      // A writer of another version says the same in other words.
      known.unit = unit;
      known.type = type;
      metric.unit = unit;
      metric.type = type;
      metric.changes += 1;
    }
    return known;
  };

  return {
    take({ key, time, data: { points } }) {
      newest = Math.max(newest, time);
      if (began === 0) began = Math.floor((now?.() ?? newest) / 1000) + 1;
      let layout = layouts.get(key);
      if (!layout) {
        if (layouts.size >= mostLayouts) layouts.clear();
        layout = [];
        layouts.set(key, layout);
      } else if (layout.length > points.length) layout.length = points.length;
      for (let place = 0; place < points.length; place++) {
        const point = points[place];
        if (!point) continue;
        let series = layout[place];
        if (!series || series.heard < 0 || !isOf(series, point)) {
          series = look(key, point);
          layout[place] = series;
          if (!series) continue;
        }
        series.heard = tick;
        const { metric, values } = series;
        // Where all is full, and this takes most of it, it remembers no longer than it does now.
        const room = bytes + growth > mostBytes && values.length < seconds && !makeRoom(metric, growth) ? values.length : seconds;
        const second = record(series, point.value, point.time === undefined ? time : Date.parse(point.time), room);
        if (series.values !== values) charge(metric, (series.values.length - values.length) * 4);
        if (second === 0 || watchers.size === 0) continue;
        const looking = watchers.get(metric.name);
        if (looking) for (const watcher of looking) watcher.point(series, second);
      }
    },
    tick() {
      tick += 1;
      if (tick - refused > seconds) beyond = 0;
      const full = bytes > mostBytes * 0.9;
      for (const metric of metrics.values()) {
        const urgent = full || (metric.beyond > 0 && tick - metric.refused <= hurry);
        if (metric.beyond > 0 && tick - metric.refused > seconds) {
          metric.beyond = 0;
          metric.changes += 1;
        }
        for (let place = metric.series.length - 1; place >= 0; place--) {
          const series = metric.series[place];
          if (!series) continue;
          const silent = tick - series.heard;
          if (silent > seconds || (urgent && silent > hurry && silent > 3 * series.interval)) remove(series);
        }
        if (metric.series.length === 0 && metric.beyond === 0) metrics.delete(metric.name);
      }
    },
    watch(name, watcher) {
      const looking = watchers.get(name) ?? new Set();
      watchers.set(name, looking.add(watcher));
      return () => {
        looking.delete(watcher);
        if (looking.size === 0 && watchers.get(name) === looking) watchers.delete(name);
      };
    },
    metric: (name) => metrics.get(name),
    metrics,
    seconds,
    get completeSince() {
      return Math.max(began, Math.floor((now?.() ?? newest) / 1000) - seconds + 1);
    },
    get second() {
      return Math.floor((now?.() ?? newest) / 1000);
    },
    get size() {
      return size;
    },
    get bytes() {
      return bytes;
    },
    get beyond() {
      return beyond;
    },
  };
}

const costOf = ({ id, values }: Series): number => overhead + 4 * id.length + 4 * values.length;
