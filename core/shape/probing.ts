/**
 * What a probe finds out about a pipe, of all that it sees and not only of what it shows: the structure, who writes and about what,
 * how much in each second, and of one numeric field how it goes. The same for the page and for `sluice tap`.
 *
 * events → a report, whenever it is asked for. Bounded in memory, and in what it looks at within a second.
 */
import type { Event } from '../event.ts';
import { compilePath, compileWhere, keepOf, type Where } from '../where.ts';
import { type Counted, frequent } from './frequent.ts';
import { type ShapeSeen, shape } from './shape.ts';

export interface ProbeWish {
  /** What the data must hold. */
  readonly where?: Where | undefined;
  /** The writer: its name, or its source as a whole. */
  readonly source?: string | undefined;
  /** The path of a field whose numbers are followed. */
  readonly meter?: string | undefined;
}

/** The numbers of one second: `[least, mean, greatest]`; null where there were none. */
export type Reading = readonly [min: number, mean: number, max: number] | null;

export interface ProbeReport extends ShapeSeen {
  /** Events that fit, and those of them whose structure was not looked at, since too many came within a second. */
  readonly events: number;
  readonly unshaped: number;
  /** The most frequent of what they are about, and of who wrote them. */
  readonly keys: readonly Counted<string>[];
  readonly sources: readonly Counted<string>[];
  /** How many came in each of the last seconds, oldest first; the present one is left out. */
  readonly counts: readonly number[];
  readonly meter?: readonly Reading[];
}

export interface Probing {
  fits(event: Pick<Event, 'source' | 'data'>): boolean;
  /** An event that fits; `ago`: how many seconds before now it came. */
  take(event: Pick<Event, 'key' | 'source' | 'data'>, ago?: number): void;
  /** A second has passed. */
  tick(): void;
  report(): ProbeReport;
}

/** Seconds that are told one by one. */
export const probeSeconds = 300;
const maxTop = 10;
/** Places in events that are looked at within a second: a tenth of a processor's time. */
const maxVisits = 400_000;

export function probing({ where, source, meter }: ProbeWish): Probing {
  const wants = where && compileWhere(where);
  const keep = where && keepOf(where);
  const seek = meter === undefined ? undefined : compilePath(meter);
  const structure = shape();
  const keys = frequent<string>(200);
  const sources = frequent<string>(200);
  const counts = new Float64Array(probeSeconds);
  const numbers: { count: number; sum: number; min: number; max: number }[] = [];
  let [events, unshaped, visits, now, oldest] = [0, 0, 0, 0, 0];

  const follow = (data: unknown, at: number) => {
    seek?.(
      data,
      (value) => {
        if (typeof value !== 'number') return false;
        const second = numbers[at] ?? { count: 0, sum: 0, min: value, max: value };
        numbers[at] = second;
        second.count += 1;
        second.sum += value;
        second.min = Math.min(second.min, value);
        second.max = Math.max(second.max, value);
        return false;
      },
      keep,
    );
  };
  const seconds = <Each>(read: (at: number) => Each): Each[] => {
    const known = Math.min(probeSeconds - 1, now - oldest);
    return Array.from({ length: known }, (_, index) => read(slot(now - known + index)));
  };

  return {
    fits: (event) =>
      (source === undefined || event.source === source || (!source.startsWith('/') && event.source.endsWith(`/${source}`))) &&
      (wants?.(event.data) ?? true),
    take(event, ago = 0) {
      events += 1;
      keys.add(event.key);
      sources.add(event.source);
      if (ago < probeSeconds - 1) {
        oldest = Math.min(oldest, now - ago);
        const at = slot(now - ago);
        counts[at] = (counts[at] ?? 0) + 1;
        follow(event.data, at);
      }
      if (visits > maxVisits) unshaped += 1;
      else visits += structure.take(event.data, keep);
    },
    tick() {
      now += 1;
      visits = 0;
      counts[slot(now)] = 0;
      delete numbers[slot(now)];
    },
    report() {
      const readings = () =>
        seconds((at): Reading => {
          const second = numbers[at];
          return second ? [second.min, second.sum / second.count, second.max] : null;
        });
      return {
        ...structure.seen(),
        ...{ events, unshaped, keys: keys.top(maxTop), sources: sources.top(maxTop), counts: seconds((at) => counts[at] ?? 0) },
        ...(seek && { meter: readings() }),
      };
    },
  };
}

/** A place in the ring; seconds before the first have their own, too. */
const slot = (second: number): number => ((second % probeSeconds) + probeSeconds) % probeSeconds;
