/**
 * Looks through live's memory for lines, from the newest event to the oldest. A wide look is work of many milliseconds, so it is done
 * in slices that let others have their turn, and it ends at a bound: how far back it came is said.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Entry, Memory } from '../memory.ts';
import type { LineFilter } from './filter.ts';
import {
  type Counts,
  isWithin,
  type LogEvent,
  most,
  noCounts,
  rankOf,
  readEarly,
  readLate,
  type Shown,
  type Stretch,
  shown,
  standsAt,
  type Which,
} from './line.ts';

/** Bytes of JSON that are read in one go: a few milliseconds. */
const sliceBytes = 262_144;
/** And by one look. */
const lookBytes = 16_777_216;

export interface Recalled {
  /** The newest that fit, oldest first. */
  readonly lines: Shown[];
  /** By second since 1970, of all that fit. */
  readonly counts: ReadonlyMap<number, Counts>;
  readonly seen: number;
  readonly matched: number;
  /** Its memory ends there: when the oldest event that was looked at was read. Undefined where there is none. */
  readonly since: number | undefined;
  /** Of what stands from here on, memory has all; undefined where it has nothing. */
  readonly complete: number | undefined;
}

const logs = new Set(['log'] as const);
/** What was forgotten came before what is remembered, but clocks differ and writers are late: so much is not relied on. */
const edgeEvents = 100;
const edgeMs = 10_000;
/** Times are strangers', and each second is kept. */
const mostSeconds = 4_000;

/** What else is asked of memory than its newest lines, in the order in which they came. */
export interface Recall {
  readonly within: Stretch;
  readonly which: Which;
  /** Events that are left out, by their ids. */
  readonly without?: ReadonlySet<string>;
}

export async function recall(memory: Pick<Memory, 'entries'>, filter: LineFilter, least: number, asked?: Recall): Promise<Recalled> {
  const entries = memory.entries(logs);
  const counts = new Map<number, Counts>();
  const lines: Shown[] = [];
  let [seen, matched, read, slice] = [0, 0, 0, 0];
  let since: number | undefined;
  let index = entries.length - 1;
  for (; index >= 0 && read < lookBytes; index--) {
    const entry = entries[index];
    if (!entry) break;
    since = Math.min(since ?? entry.time, entry.time);
    if (!filter.key(entry.key) || (asked && !isNear(entry.time, asked.within))) continue;
    read += entry.json.length;
    slice += entry.json.length;
    if (slice > sliceBytes) {
      slice = 0;
      await turn();
    }
    const event = eventOf(entry);
    if (!filter.event(event) || asked?.without?.has(event.id)) continue;
    for (let place = event.data.lines.length - 1; place >= 0; place--) {
      const line = event.data.lines[place];
      if (!line) continue;
      seen++;
      const at = standsAt(event.time, line);
      if (asked && !isWithin(asked.within, { at, id: event.id, line: place })) continue;
      if (!filter.line(line)) continue;
      matched++;
      count(counts, at, rankOf(line.severity));
      // By time the newest need not have come last: there memory is read to its end.
      if (asked || lines.length < least) lines.push(shown(event, place, line, []));
      if (asked && lines.length > 4 * least) most(lines, least, asked.which);
    }
  }
  const found = asked ? most(lines, least, asked.which) : lines.reverse();
  const edge = entries.slice(index + 1, index + 1 + edgeEvents);
  const complete = edge.length === 0 ? undefined : edge.reduce((latest, { time }) => Math.max(latest, time), 0) + edgeMs;
  return { lines: found.map((line) => spanned(line, filter)), counts, seen, matched, since, complete };
}

/** Whether lines that were read then may stand in that stretch. */
const isNear = (time: number, { from, to }: Stretch): boolean => time >= from - readEarly && time < to + readLate;

export const spanned = (line: Shown, filter: LineFilter): Shown => {
  const spans = filter.spans(line.body);
  return spans.length > 0 ? { ...line, spans } : line;
};

/** A log event that was encoded here. */
export function eventOf(entry: Entry): LogEvent {
  const { id, data } = JSON.parse(entry.json.toString()) as Pick<LogEvent, 'id' | 'data'>;
  return { id, key: entry.key, time: entry.time, data };
}

export function count(counts: Map<number, Counts>, at: number, rank: number): void {
  const second = Math.floor(at / 1000);
  let of = counts.get(second);
  if (!of) {
    if (counts.size >= mostSeconds) return;
    of = noCounts();
    counts.set(second, of);
  }
  of[rank as 0] += 1;
}
