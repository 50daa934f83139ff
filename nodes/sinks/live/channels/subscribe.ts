/**
 * `subscribe`: raw events by topics. What is remembered and wanted first, then what comes, in frames.
 *
 * entries → `{"snapshot":[…],"last"}` once, then `{"events":[…],"dropped":n,"last"}`. For one who reads slower than the world moves, the time
 * that it slept through is drawn evenly from the memory, as much as fits, with the count of the rest. The present is never lost
 * that way: of each state that changed, the last word comes. `last` is where the stream stands: given back as `after` on another
 * socket, the first frame holds what came since, and says as `resumed` whether it is `all`, `some` or `none` of it.
 */
import type { Body, Channel, ChannelSort, Long } from '../channel.ts';
import type { Looker } from '../looker.ts';
import type { Entry, Memory } from '../memory.ts';
import type { Present } from '../present.ts';
import { compileSubscription, subscribeRequest, type Wanted } from '../subscription.ts';

/** Bytes of the past in one snapshot: a browser reads them in a tenth of a second. */
const snapshotBytes = 8_388_608;
/** Bytes of events in one frame: of what comes at once, and of what a slow viewer is told. */
const frameBytes = 4_194_304;
const catchUpBytes = 262_144;
/** Events that are looked through for one slow viewer. */
const catchUpEvents = 50_000;
/** Ticks after which it is no longer known how many events came since a mark: nobody is slow for longer, but let go. */
const markTicks = 120;

export interface SubscribeSources {
  readonly memory: Memory;
  readonly present: Present;
}

export const createSubscribe = (sources: SubscribeSources): ChannelSort<typeof subscribeRequest> => ({
  name: 'subscribe',
  request: subscribeRequest,
  open: (request, looker) => openStream(sources, compileSubscription(request, looker.part), looker),
});

function openStream({ memory, present }: SubscribeSources, topics: readonly Wanted[], looker: Looker): Channel {
  const kinds = new Set(topics.map(({ kind }) => kind));
  const wants = (entry: Entry) => looker.sees(entry.key) && topics.some((topic) => topic.matches(entry));
  const limiters = topics.map(({ rate }) => createLimiter(rate));
  /** How many events had been wanted at a mark that somebody has. */
  const marks = new Map<number, { readonly count: number; readonly tick: number }>();
  const states = new Map<string, Entry>();
  let events: Entry[] = [];
  let bytes = 0;
  let lost = 0;
  let skipped = 0;
  /** A second is over in which something was: that is news, also without an event. */
  let saySkipped = false;
  /** Events that were wanted since the channel was opened, and the place of the last word, as of the last `next`. */
  let count = 0;
  let position = memory.last;
  let dropped = 0;
  /** Those who slept equally long are told the same. */
  let caughtUp: { readonly mark: number; readonly at: number; readonly body: Body; readonly left: number } | undefined;

  /**
   * A snapshot of what is so, and of events by their places alone: what the memory has forgotten by the time that a slow viewer comes to it
   * is not held for it, but counted.
   */
  const longOf = (present: readonly Entry[], past: readonly Entry[], omitted: number, rest: string, bytes: number): Long => {
    const places = Float64Array.from(past, ({ order }) => order);
    const names = [...kinds];
    const kindsOf = Uint8Array.from(past, ({ kind }) => names.indexOf(kind));
    return {
      bytes: bytes + present.reduce((sum, { json }) => sum + json.length + 1, 100),
      *parts() {
        let left = omitted;
        let before: Buffer = Buffer.from('"snapshot":[');
        const found = function* () {
          for (const [index, order] of places.entries()) {
            const kind = names[kindsOf[index] ?? 0];
            const entry = kind && memory.find(kind, order);
            if (entry) yield entry;
            else left++;
          }
        };
        for (const entry of merge(present, found())) {
          yield before;
          yield entry.json;
          before = comma;
        }
        if (before !== comma) yield before;
        yield Buffer.from(`]${left > 0 ? `,"omitted":${left}` : ''}${rest}`);
      },
    };
  };
  const last = (): string => `,"last":"${memory.id}.${memory.last}"`;
  const dropOldest = () => {
    let oldest = 0;
    // Half at once: dropping one by one would move the rest for each.
    while (bytes > frameBytes / 2 && oldest < events.length) bytes -= events[oldest++]?.json.length ?? 0;
    events = events.slice(oldest);
    lost += oldest;
    dropped += oldest;
  };

  const channel: Channel & Required<Pick<Channel, 'long'>> = {
    topics: topics.map(({ kind, pattern }) => ({ kind, pattern })),
    kinds,
    snapshot: (after) => Buffer.concat([...channel.long(after).parts()]),
    long(after) {
      const known = after === undefined ? undefined : placeOf(after, memory);
      const goOn = known !== undefined && known >= present.forgotten;
      const past = memory.entries(kinds, goOn ? known : -1);
      const now = kinds.has('state') ? (goOn ? present.changes(known) : present.entries()) : [];
      const recent = (entry: Entry) =>
        looker.sees(entry.key) && topics.some((topic) => topic.recent(entry, memory.now) && topic.matches(entry));
      const { chosen, omitted, bytes } = fill(past, recent, snapshotBytes);
      const whole = goOn && omitted === 0 && known >= memory.forgotten(kinds);
      const resumed = after === undefined ? '' : `,"resumed":"${whole ? 'all' : goOn ? 'some' : 'none'}"`;
      const rest = `${resumed}${last()}`;
      return longOf(now.filter(recent), chosen, omitted, rest, bytes);
    },
    take(event, entry) {
      const index = kinds.has(entry.kind) && looker.sees(entry.key) ? topics.findIndex((topic) => topic.matches(entry, event)) : -1;
      if (index < 0) return;
      if (entry.kind === 'state') {
        states.delete(entry.key);
        states.set(entry.key, entry);
      } else if (limiters[index]?.lets() === false) {
        skipped++;
      } else {
        events.push(entry);
        count++;
        bytes += entry.json.length;
        if (bytes > frameBytes) dropOldest();
      }
    },
    tick() {
      for (const limiter of limiters) limiter.tick();
      saySkipped = skipped > 0;
      for (const [mark, { tick }] of marks) {
        if (memory.now - tick <= markTicks) break;
        marks.delete(mark);
      }
    },
    get waiting() {
      return events.length > 0 || states.size > 0 || lost > 0 || saySkipped;
    },
    next() {
      const all = states.size === 0 ? events : inOrder([...events, ...states.values()]);
      position = Math.max(position, all.at(-1)?.order ?? -1);
      const body = list('events', all, `,"dropped":${lost}${skipped > 0 ? `,"skipped":${skipped}` : ''}${last()}`);
      events = [];
      bytes = 0;
      lost = 0;
      skipped = 0;
      saySkipped = false;
      states.clear();
      return body;
    },
    mark() {
      if (!marks.has(position)) marks.set(position, { count: count - events.length - lost, tick: memory.now });
      return position;
    },
    catchUp(mark) {
      if (caughtUp?.mark !== mark || caughtUp.at !== memory.last) {
        const found = memory.entries(kinds, mark).slice(-catchUpEvents).filter(wants);
        const missed = count - (marks.get(mark)?.count ?? count - found.length);
        const chosen = sample(found, missed, catchUpBytes);
        const changed = kinds.has('state') ? present.changes(mark).filter(wants) : [];
        const left = Math.max(0, missed - chosen.length);
        const body = list('events', inOrder([...changed, ...chosen]), `,"dropped":${left}${last()}`);
        caughtUp = { mark, at: memory.last, body, left };
      }
      dropped += caughtUp.left;
      return caughtUp.body;
    },
    get idle() {
      return list('events', [], `,"dropped":0${last()}`);
    },
    get dropped() {
      return dropped;
    },
  };
  return channel;
}

/** The place in the order that a viewer says it knows; undefined when it was told so by another memory, or by none. */
function placeOf(after: string, memory: Memory): number | undefined {
  const [id, place = ''] = after.split('.');
  return id === memory.id && /^\d{1,15}$/.test(place) && Number(place) <= memory.last ? Number(place) : undefined;
}

/** As much of the past as fits into a number of bytes, newest first; how many older ones were left out. */
function fill(past: readonly Entry[], fits: (entry: Entry) => boolean, limit: number) {
  const chosen: Entry[] = [];
  let bytes = 0;
  let omitted = 0;
  for (let index = past.length - 1; index >= 0; index--) {
    const entry = past[index];
    if (!entry || !fits(entry)) continue;
    if (omitted > 0 || bytes + entry.json.length > limit) omitted++;
    else {
      chosen.push(entry);
      bytes += entry.json.length + 1;
    }
  }
  return { chosen: chosen.reverse(), omitted, bytes };
}

/** At most so many entries and bytes, drawn evenly, the newest among them. */
function sample(entries: readonly Entry[], most: number, bytes: number): Entry[] {
  const size = entries.reduce((sum, entry) => sum + entry.json.length, 0);
  const step = Math.max(1, Math.ceil(size / bytes), Math.ceil(entries.length / Math.max(1, most)));
  const chosen: Entry[] = [];
  let room = bytes;
  for (let index = entries.length - 1; index >= 0 && room > 0 && chosen.length < most; index -= step) {
    const entry = entries[index];
    if (!entry) break;
    chosen.push(entry);
    room -= entry.json.length;
  }
  return chosen.reverse();
}

/** Lets so many through a second, spread over it by how many came in the second before. */
export function createLimiter(rate: number) {
  let step = 1;
  let came = 0;
  let room = rate;
  return {
    lets: (): boolean => came++ % step === 0 && room > 0 && room-- > 0,
    tick() {
      step = Math.max(1, Math.ceil(came / rate));
      came = 0;
      // What is less than one a second adds up.
      room = Math.min(Math.max(1, rate), room + rate);
    },
  };
}

const inOrder = (entries: Entry[]) => entries.sort((one, other) => one.order - other.order);

/** Two lists in order, as one. */
function* merge(one: Iterable<Entry>, other: Iterable<Entry>): Generator<Entry> {
  const rest = one[Symbol.iterator]();
  let next = rest.next();
  for (const entry of other) {
    for (; !next.done && next.value.order < entry.order; next = rest.next()) yield next.value;
    yield entry;
  }
  for (; !next.done; next = rest.next()) yield next.value;
}

const comma = Buffer.from(',');

function list(name: string, entries: readonly Entry[], rest: string): Body {
  const parts: Buffer[] = [Buffer.from(`"${name}":[`)];
  for (const [index, { json }] of entries.entries()) {
    if (index > 0) parts.push(comma);
    parts.push(json);
  }
  parts.push(Buffer.from(`]${rest}`));
  return Buffer.concat(parts);
}
