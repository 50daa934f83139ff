/**
 * Where a probe begins: what it would have seen, had it been there. First what is remembered; where that does not reach back far
 * enough, what was stored, from its end backwards. In steps, so that nobody who looks at something else waits for it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import {
  duration,
  type Event,
  type History,
  messageOf,
  type Probing,
  type Received,
  type Services,
  SluiceError,
  type Topic,
  toWire,
  z,
} from 'sluice';
import type { Entry, Memory } from './memory.ts';
import type { Present } from './present.ts';

export interface PastProbe {
  readonly memory: Memory;
  readonly present: Present;
  readonly services?: Services | undefined;
  readonly topics: readonly Topic[];
  /** An instant, or how long ago; undefined: the past is not asked for. */
  readonly since: string | undefined;
  readonly matching: (entry: Entry, event?: Event) => boolean;
  readonly probe: Probing;
  /** An event that fits, in order, to be shown. */
  readonly show: (json: Buffer) => void;
  /** Nobody waits for it any more. */
  readonly ended: () => boolean;
}

/** How much of the past was looked at. */
export interface PastSeen {
  /** As far back as it goes, in milliseconds since 1970; undefined where there was nothing. */
  readonly from?: number;
  /** Events that came from the store. */
  readonly stored: number;
  /** It goes back as far as it was asked to. */
  readonly whole: boolean;
  /** The store failed, and how. */
  readonly error?: string;
}

const maxRemembered = 20_000;
const maxBytes = 32 * 1_048_576;
const maxStored = 10_000;
/** Milliseconds that the store is asked for at most. */
const storeMs = 3_000;
/** What is read in one turn of the loop: some milliseconds. */
const turnBytes = 262_144;
const firstWindow = 60_000;
const none = Buffer.alloc(0);

/** @throws SluiceError when `since` is no time */
export async function readPast(asked: PastProbe): Promise<PastSeen> {
  const { memory, present, topics, since, services } = asked;
  const isRecent = recency(since);
  if (topics.some(({ kind }) => kind === 'state'))
    await takeEntries(
      asked,
      present.entries().filter((entry) => asked.matching(entry)),
      new Set(),
    );
  if (since === undefined) return { stored: 0, whole: true };
  const { entries, reaches, isFull } = remembered(asked, memory.entries(new Set(topics.map(({ kind }) => kind))), isRecent);
  const history = services?.history();
  const ids = new Set<string>();
  const kept: Kept =
    reaches || isFull || !history || !services ? { events: [], whole: false } : await stored(asked, history, services, entries[0]?.time);
  for (const { event, received } of kept.events) {
    ids.add(event.id);
    asked.probe.take(event, Math.max(0, Math.round(((services?.clock.now() ?? received) - received) / 1000)));
    asked.show(Buffer.from(JSON.stringify(toWire(event))));
  }
  await takeEntries(asked, entries, ids);
  const from = kept.events[0]?.received ?? entries[0]?.time;
  return {
    ...(from !== undefined && { from }),
    stored: kept.events.length,
    whole: reaches || kept.whole,
    ...(kept.error !== undefined && { error: kept.error }),
  };
}

/** What is remembered and fits, as far as there is room for it; whether that goes back far enough. */
function remembered({ memory, matching }: PastProbe, all: readonly Entry[], isRecent: (entry: Entry, now: number) => boolean) {
  const entries: Entry[] = [];
  let bytes = 0;
  let reaches = false;
  let isFull = false;
  for (let index = all.length - 1; index >= 0; index--) {
    const entry = all[index];
    if (!entry) continue;
    reaches = !isRecent(entry, memory.now);
    isFull = entries.length >= maxRemembered || bytes > maxBytes;
    if (reaches || isFull) break;
    if (!matching(entry)) continue;
    entries.push(entry);
    bytes += entry.json.length;
  }
  return { entries: entries.reverse(), reaches, isFull };
}

/** In turns, with room between for others. */
async function takeEntries(
  { memory, probe, show, ended }: PastProbe,
  entries: readonly Entry[],
  known: ReadonlySet<string>,
): Promise<void> {
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.json.length;
    if (bytes > turnBytes) {
      bytes = 0;
      await turn();
      if (ended()) return;
    }
    const { id, source, data } = JSON.parse(entry.json.toString()) as { id: string; source: string; data: Event['data'] };
    const event = { key: entry.key, source, data };
    if (known.has(id) || !probe.fits(event)) continue;
    // Of a state it is not known any more when it came: it is so now.
    probe.take(event, entry.kind === 'state' ? 0 : memory.now - entry.tick);
    show(entry.json);
  }
}

interface Kept {
  readonly events: readonly Received[];
  readonly whole: boolean;
  readonly error?: string;
}

/** What was stored before `until` and fits, the newest of it: read in windows that double, from the end backwards. */
async function stored(
  { topics, since = '', probe, matching, ended }: PastProbe,
  history: History,
  { clock }: Services,
  until: number | undefined,
): Promise<Kept> {
  const now = clock.now();
  const ago = duration(since);
  const from = ago === undefined ? Date.parse(since) : now - ago;
  const deadline = clock.monotonic() + storeMs;
  let events: Received[] = [];
  let to = until ?? now;
  let window = firstWindow;
  try {
    while (to > from && events.length < maxStored && clock.monotonic() < deadline && !ended()) {
      const begin = Math.max(from, to - window);
      const found: Received[] = [];
      for (const topic of topics) {
        for await (const one of history.read({ kind: topic.kind, pattern: topic.pattern }, begin, to)) {
          const { kind, key, time } = one.event;
          if (matching({ kind, key, time, order: -1, tick: 0, json: none }, one.event) && probe.fits(one.event)) found.push(one);
          // Of more than there is room for, the newest.
          if (found.length > 2 * maxStored) found.splice(0, maxStored);
          if (clock.monotonic() > deadline) break;
        }
      }
      found.sort((one, other) => one.received - other.received);
      events = [...found, ...events].slice(-maxStored);
      to = begin;
      window *= 2;
    }
  } catch (thrown) {
    return { events, whole: false, error: messageOf(thrown) };
  }
  return { events, whole: to <= from && events.length < maxStored };
}

/** @throws SluiceError when it is no time */
function recency(since: string | undefined): (entry: Entry, now: number) => boolean {
  if (since === undefined) return () => false;
  const ago = duration(since);
  if (ago !== undefined) return (entry, now) => (now - entry.tick) * 1000 <= ago;
  const instant = z.iso.datetime({ offset: true }).safeParse(since);
  if (!instant.success) throw new SluiceError(`live: since "${since}" is none; write 5m, or an instant as 2026-01-31T12:00:00Z`);
  const from = Date.parse(instant.data);
  return (entry) => entry.time >= from;
}
