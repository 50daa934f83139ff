/**
 * How a simulated server fares: its traffic follows the hour, a few slower waves and chance, and all else follows its traffic,
 * so that what a person sees on one chart has its echo on the others. Steps of time → a reading that monitors tell of.
 *
 *     hour, waves, chance ──▶ requests ──▶ processors ──▶ load, time to answer
 *                                     ├──▶ network ──▶ disk
 *                                     └──▶ memory
 */
import { chance } from './chance.ts';
import type { Mount, Server } from './server.ts';

/** What befalls a server beyond its everyday life. A scenario sets these. */
export interface Trouble {
  /** Its traffic, times this. */
  traffic: number;
  /** The share of its requests that fail. */
  errors: number;
  /** By mount point: how much of it fills up in a second. Negative makes room. */
  readonly filling: Map<string, number>;
  /** How many readings each sample tells, spread over the time since the last; and as many times the lines of log. */
  repeats: number;
  /** The address of somebody who tries its doors. */
  intruder: string | undefined;
}

export interface Reading {
  /** Requests a second, and in all; the share that fails; seconds that the median one takes. */
  readonly rate: number;
  readonly requests: number;
  readonly failed: number;
  readonly errorShare: number;
  readonly latency: number;
  /** Shares of the processors' time by mode, in the order of `cpuModes`, and seconds since boot. */
  readonly cpu: readonly number[];
  readonly cpuSeconds: readonly number[];
  readonly load: readonly [one: number, five: number, fifteen: number];
  readonly memoryUsed: number;
  readonly memoryCached: number;
  /** Bytes and packets since boot. */
  readonly received: number;
  readonly sent: number;
  readonly diskRead: number;
  readonly diskWritten: number;
  readonly diskBusy: number;
  readonly fills: readonly { readonly mount: Mount; readonly fill: number }[];
  readonly uptime: number;
}

export interface Life {
  readonly server: Server;
  readonly trouble: Trouble;
  /** How it is at a time. Asked again at once, by monitors that are due together, it says the same. */
  at(now: number): Reading;
  /** It starts again from nothing: its counters do. */
  boot(now: number): void;
}

export const cpuModes = ['user', 'nice', 'system', 'idle', 'iowait', 'interrupt', 'steal'] as const;

const dayMs = 86_400_000;
/** For so many milliseconds a reading stands, and so many readings are remembered: monitors ask one after the other. */
const freshMs = 30;
const mostRecent = 64;
/** The longest that is made up at once: a server that was off has done nothing meanwhile. */
const longestStep = 60;
const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value));

export function lifeOf(server: Server, seed: number): Life {
  const luck = chance(seed, server.name, 'life');
  const phases = [luck.next() * 6.28, luck.next() * 6.28, luck.next() * 6.28] as const;
  const trouble: Trouble = { traffic: 1, errors: 0, filling: new Map(), repeats: 1, intruder: undefined };
  const fills = new Map(server.mounts.map((mount) => [mount.mountpoint, mount.fill]));
  let booted = 0;
  let last = 0;
  let reading: Reading | undefined;
  let recent: { readonly at: number; readonly reading: Reading }[] = [];

  /** The traffic's share of noon's: low at four in the morning, high in the afternoon. */
  const demand = (now: number): number => {
    const hour = 0.62 + 0.38 * Math.sin(((now % dayMs) / dayMs) * 6.2832 - 2.6);
    const waves = 1 + 0.16 * Math.sin(now / 47_000 + phases[0]) + 0.09 * Math.sin(now / 13_000 + phases[1]);
    return hour * waves * (0.95 + 0.1 * luck.next()) * trouble.traffic;
  };
  const step = (now: number): Reading => {
    const seconds = reading ? Math.min(longestStep, Math.max(0, now - last) / 1000) : 1;
    const { cores, requests, memoryBytes, mounts } = server;
    const rate = demand(now) * requests;
    const errorShare = clamp(trouble.errors > 0 ? trouble.errors * (0.8 + 0.4 * luck.next()) : 0.002 * luck.next(), 1);
    const busy = clamp(0.05 + (0.5 * rate) / requests + 0.04 * luck.next() + 0.1 * errorShare, 0.99);
    const waiting = clamp((1 - busy) * 0.06 * (0.5 + luck.next()), 1);
    const cpu = [busy * 0.72, busy * 0.01, busy * 0.22, clamp(1 - busy - waiting, 1), waiting, busy * 0.04, busy * 0.01];
    const was = reading;
    const grown = (before: number | undefined, perSecond: number): number => (before ?? 0) + Math.max(0, perSecond) * seconds;
    const tasks = busy * cores * (0.9 + 0.3 * luck.next()) + (busy > 0.9 ? (busy - 0.9) * 10 * cores : 0);
    const settle = (before: number | undefined, span: number): number =>
      before === undefined ? tasks : before + (tasks - before) * (1 - Math.exp(-seconds / span));
    const written = rate * 2100 * (1 + 4 * errorShare);
    const filled = mounts.map((mount) => {
      const fill = clamp((fills.get(mount.mountpoint) ?? 0) + ((trouble.filling.get(mount.mountpoint) ?? 0) + 2e-8) * seconds, 0.998);
      fills.set(mount.mountpoint, fill);
      return { mount, fill };
    });
    return {
      rate,
      requests: Math.round(grown(was?.requests, rate)),
      failed: Math.round(grown(was?.failed, rate * errorShare)),
      errorShare,
      // As in any queue, time grows without bound towards full use.
      latency: (0.012 * (0.9 + 0.2 * luck.next())) / (1.02 - busy) + errorShare * 2,
      cpu,
      cpuSeconds: cpu.map((share, mode) => grown(was?.cpuSeconds[mode], share * cores)),
      load: [settle(was?.load[0], 60), settle(was?.load[1], 300), settle(was?.load[2], 900)],
      memoryUsed: memoryBytes * clamp(0.34 + 0.3 * busy + 0.03 * Math.sin(now / 900_000 + phases[2]), 0.96),
      memoryCached: memoryBytes * (0.24 + 0.02 * Math.sin(now / 600_000 + phases[2])),
      received: grown(was?.received, rate * 900 * (0.9 + 0.2 * luck.next())),
      sent: grown(was?.sent, rate * 14_000 * (0.9 + 0.2 * luck.next())),
      diskRead: grown(was?.diskRead, rate * 600 * luck.next()),
      diskWritten: grown(was?.diskWritten, written),
      diskBusy: grown(was?.diskBusy, clamp(written / 4e6 + waiting, 1)),
      fills: filled,
      uptime: (now - booted) / 1000,
    };
  };
  return {
    server,
    trouble,
    at(now) {
      if (now < last + freshMs) {
        const known = nearest(recent, now);
        if (known) return known;
      }
      reading = step(now);
      last = now;
      recent.push({ at: now, reading });
      if (recent.length > mostRecent) recent = recent.slice(-mostRecent / 2);
      return reading;
    },
    boot(now) {
      booted = now;
      last = now;
      reading = undefined;
      recent = [];
    },
  };
}

function nearest(recent: readonly { readonly at: number; readonly reading: Reading }[], now: number): Reading | undefined {
  let found = recent.at(-1);
  for (let index = recent.length - 1; index >= 0; index--) {
    const one = recent[index];
    if (one === undefined || (found && Math.abs(one.at - now) > Math.abs(found.at - now))) break;
    found = one;
  }
  return found?.reading;
}
