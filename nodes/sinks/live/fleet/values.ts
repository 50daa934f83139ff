/**
 * What a server's own metrics say of it at a glance: processor, memory, fullest filesystem, load. A few numbers for each server,
 * held here, so that no bound on series can take a server's figures from it.
 *
 *     system.cpu.utilization         what is neither `idle` nor `iowait`, over its cores
 *     system.memory.utilization      of state `used`; else from usage and limit
 *     system.filesystem.utilization  the fullest that can be written to
 *     system.cpu.load_per_core.1m
 *
 * metric events → whole percents. The points of one event are read together, as the monitors write them.
 */
import type { Point } from 'sluice';

/** Seconds of processor that are kept. */
export const sparkSeconds = 60;
/** Ticks after which a figure that is not said again is no longer one of now: a monitor may sample once a minute. */
const staleTicks = 90;
/** Ticks of old values alone after which a writer's clock is taken to have been set back. */
const setBackTicks = 10;
/** Seconds by which events of one server may cross on their way. */
const crossing = 10;

/** In whole percent; `undefined` where nothing is known. */
export interface Shares {
  cpu?: number | undefined;
  memory?: number | undefined;
  disk?: number | undefined;
  load?: number | undefined;
}
export const shareNames = ['cpu', 'memory', 'disk', 'load'] as const;
export type ShareName = (typeof shareNames)[number];

export interface Values {
  /** @param time of the event, in milliseconds since 1970. @param tick at which it came */
  take(points: readonly Point[], time: number, tick: number): void;
  share(name: ShareName, tick: number): number | undefined;
  /** The last minute of the processor, oldest first; null where no value came. */
  spark(): (number | null)[];
  /** The tick at which something came last. */
  readonly tick: number;
}

const none = 255;

export function createValues(): Values {
  const shares: Shares = {};
  const ticks: Partial<Record<ShareName, number>> = {};
  const ring = new Uint8Array(sparkSeconds).fill(none);
  let newest = 0;
  let moved = 0;
  let last = 0;

  /** False for what is too old to say anything of now. */
  const advance = (second: number, tick: number): boolean => {
    if (second > newest || (second < newest - sparkSeconds && tick - moved > setBackTicks)) {
      const skipped = second > newest ? Math.min(sparkSeconds, second - newest) : sparkSeconds;
      for (let back = 0; back < skipped; back++) ring[(second - back) % sparkSeconds] = none;
      newest = second;
      moved = tick;
    }
    return second > newest - crossing;
  };

  return {
    take(points, time, tick) {
      const read = readShares(points);
      if (!read) return;
      const second = Math.floor(time / 1000);
      const isNow = advance(second, tick);
      last = tick;
      if (read.cpu !== undefined && second > newest - sparkSeconds) ring[second % sparkSeconds] = Math.min(100, read.cpu);
      if (!isNow) return;
      for (const name of shareNames) {
        if (read[name] === undefined) continue;
        shares[name] = read[name];
        ticks[name] = tick;
      }
    },
    share: (name, tick) => (tick - (ticks[name] ?? Number.NEGATIVE_INFINITY) > staleTicks ? undefined : shares[name]),
    spark() {
      const values: (number | null)[] = [];
      for (let back = sparkSeconds - 1; back >= 0; back--) {
        const value = newest - back < 0 ? none : ring[(newest - back) % sparkSeconds];
        values.push(value === undefined || value === none ? null : value);
      }
      return values;
    },
    get tick() {
      return last;
    },
  };
}

/** Undefined where none of the points is about any of it. */
export function readShares(points: readonly Point[]): Shares | undefined {
  // Monitors do not mix: most events are told by their first point.
  if (!points[0]?.name.startsWith('system.')) return undefined;
  let [busy, modes, cores] = [0, 0, 0];
  let [used, usage, limit] = [-1, 0, 0];
  let [memory, disk, load] = [-1, -1, -1];
  for (const { name, value, attributes } of points) {
    if (!name.startsWith('system.') || !(value >= 0)) continue;
    if (name === 'system.cpu.utilization') {
      const mode = attributes?.['cpu.mode'];
      modes++;
      // Each core has each mode once, and a system that tells no idle time has at least one who uses it.
      if (mode === 'idle' || mode === undefined) cores++;
      if (mode !== 'idle' && mode !== 'iowait') busy += value;
    } else if (name === 'system.memory.utilization') {
      if ((attributes?.['system.memory.state'] ?? 'used') === 'used') memory = value;
    } else if (name === 'system.memory.usage') {
      usage += value;
      if (attributes?.['system.memory.state'] === 'used') used = value;
    } else if (name === 'system.memory.limit') limit = value;
    else if (name === 'system.filesystem.utilization') {
      // What cannot be written to is full by nature.
      const counts = (attributes?.['system.filesystem.state'] ?? 'used') === 'used' && attributes?.['system.filesystem.mode'] !== 'ro';
      if (counts) disk = Math.max(disk, value);
    } else if (name === 'system.cpu.load_per_core.1m') load = value;
  }
  const whole = limit || usage;
  if (memory < 0 && used >= 0 && whole > 0) memory = used / whole;
  if (modes === 0 && memory < 0 && disk < 0 && load < 0) return undefined;
  return {
    cpu: modes > 0 ? percent(busy / Math.max(1, cores)) : undefined,
    memory: memory < 0 ? undefined : percent(memory),
    disk: disk < 0 ? undefined : percent(disk),
    load: load < 0 ? undefined : percent(load),
  };
}

const mostPercent = 99_999;
const percent = (share: number): number => Math.min(mostPercent, Math.round(share * 100));
