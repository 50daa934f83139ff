/**
 * Log lines of the past: what the store kept, joined with what live remembers and the store may not have yet, each line once.
 */
import { type History, Reject } from 'sluice';
import type { Memory } from '../memory.ts';
import type { LineFilter } from './filter.ts';
import { type Counts, type LogEvent, markOf, most, noCounts, type Shown, type Stretch, type Which } from './line.ts';
import { eventOf, recall } from './recall.ts';
import { storedOf } from './stored.ts';

export interface PastNeeds {
  readonly memory: Pick<Memory, 'entries'>;
  /** As who asks may see it. */
  readonly history: History | undefined;
  /** Milliseconds on a clock that only goes forward. */
  readonly monotonic: () => number;
}

export interface Page {
  /** In order. */
  readonly lines: Shown[];
  /** How far was looked: back, or forward where the oldest were asked for. */
  readonly searched: number;
  /** Whether there may be more beyond. */
  readonly more: boolean;
}

/** Milliseconds of the first stretch that is searched; each further one is as many times as long. */
const firstStretch = 20_000;
const growth = 4;
/** Milliseconds after which an answer goes out with what was found. */
const patience = 4_000;
/** How much longer than its stretch the events of a line are looked for. */
const lateMs = 60_000;

/** Those of a stretch that fit: the newest, or the oldest. */
export async function page(
  { memory, history, monotonic }: PastNeeds,
  filter: LineFilter,
  stretch: Stretch,
  limit: number,
  which: Which,
): Promise<Page> {
  const { lines: remembered, since, complete = Number.POSITIVE_INFINITY } = await recall(memory, filter, limit, { within: stretch, which });
  const back = which === 'newest';
  if (!history)
    return {
      lines: remembered,
      searched: back ? Math.max(stretch.from, since ?? stretch.to) : stretch.to,
      more: remembered.length >= limit,
    };
  const [first] = remembered;
  const enough = remembered.length >= limit && (back ? first !== undefined && first.at >= complete : stretch.from >= complete);
  if (enough) return { lines: remembered, searched: back ? stretch.from : stretch.to, more: true };
  if (stretch.from >= complete) return { lines: remembered, searched: back ? stretch.from : stretch.to, more: false };
  const stored = await storedOf(history);
  const found: Shown[] = [];
  const until = monotonic() + patience;
  let { from, to } = stretch;
  for (let length = firstStretch; from < to && found.length < limit; length *= growth) {
    const part = back ? { from: Math.max(from, to - length), to } : { from, to: Math.min(to, from + length) };
    found.push(...(await stored.lines(filter, { ...stretch, ...part }, limit - found.length, which)));
    if (back) to = part.from;
    else from = part.to;
    if (monotonic() > until) break;
  }
  // What memory has beyond what was searched belongs to a later page.
  const searched = back ? to : from;
  const near = remembered.filter(({ at }) => (back ? at >= searched : at < searched));
  const lines = most(once([...found, ...near]), limit, which);
  return { lines, searched, more: lines.length >= limit || from < to };
}

/** How many fit, by step of time and severity. */
export async function counts({ memory, history }: PastNeeds, filter: LineFilter, { from, to }: Stretch, steps: number): Promise<Counts[]> {
  // Where memory has all of it, the store need not be asked.
  const own = await recall(memory, filter, 0, { within: { from, to }, which: 'newest' });
  const stored = history && from < (own.complete ?? Number.POSITIVE_INFINITY) ? await storedOf(history) : undefined;
  const all = stored ? await stored.counts(filter, { from, to }, steps) : Array.from({ length: steps }, noCounts);
  const without =
    stored && own.since !== undefined && own.matched > 0
      ? await stored.ids({ from: Math.max(from, own.since) - lateMs, to: to + lateMs })
      : undefined;
  const { counts } = without ? await recall(memory, filter, 0, { within: { from, to }, which: 'newest', without }) : own;
  for (const [second, of] of counts) {
    const into = all[Math.min(steps - 1, Math.floor(((second * 1000 - from) / (to - from)) * steps))];
    if (into) for (const [rank, many] of of.entries()) into[rank as 0] += many;
  }
  return all;
}

const logs = new Set(['log'] as const);

/** The event of a line, from memory or what was kept. */
export async function eventById({ memory, history }: PastNeeds, id: string): Promise<LogEvent | undefined> {
  const text = JSON.stringify(id);
  for (const entry of memory.entries(logs)) {
    // Nearly all are told apart without reading them.
    if (!entry.json.includes(text)) continue;
    const event = eventOf(entry);
    if (event.id === id) return event;
  }
  const event = (await history?.byId(id))?.event;
  if (event && event.kind !== 'log') throw new Reject('live: logs: this event is no log; name one that is');
  return event;
}

function once(lines: readonly Shown[]): Shown[] {
  return [...new Map(lines.map((line) => [markOf(line), line])).values()];
}
