/**
 * How much flows: events counted by kind, writer and key, second by second, for the last minute. What nodes say of themselves is a
 * sample of twice a minute; this is exact, since `live` sees every event.
 *
 * events → streams with their counts. Holds at most `bound` streams; one that was silent for ten minutes is forgotten. What comes
 * while all are taken is counted by kind alone.
 */
import { type Event, type Kind, unescapeWord } from 'sluice';

export interface Flow {
  /** Events in the last `recentSeconds`, and in the last minute, without the present second. */
  readonly recent: number;
  readonly minute: number;
  /** Since it was first seen. */
  readonly total: number;
}

export interface Stream extends Flow {
  readonly kind: Kind;
  /** The writer's name, and as a whole: `/company/system/environment/host/node`. Empty for what had no room. */
  readonly node: string;
  readonly source: string;
  readonly key: string;
}

export interface Meter {
  take(event: Pick<Event, 'kind' | 'source' | 'key'>): void;
  /** A second has passed. */
  tick(): void;
  /** All of them, as they stood when the present second began. */
  streams(): readonly Stream[];
  /** How many seconds are known, up to a minute: what a count is a rate over. */
  readonly seconds: number;
}

export const recentSeconds = 10;
const minute = 60;
/** Slots of a ring: a minute, and the present second. */
const ring = 64;
const silentTicks = 600;

interface Slot {
  readonly kind: Kind;
  readonly node: string;
  readonly source: string;
  readonly key: string;
  readonly counts: number;
  total: number;
  /** When it was written to last. */
  last: number;
  recent: number;
  minute: number;
}

export function createMeter(bound = 50_000): Meter {
  const byKind = new Map<Kind, Map<string, Map<string, Slot>>>();
  const slots = new Set<Slot>();
  const rest = new Map<Kind, Slot>();
  // One array for all rings: thousands of small ones would cost more than what they hold.
  let counts = new Uint32Array(ring * 256);
  let used = 0;
  const free: number[] = [];
  const names = new Map<string, string>();
  let now = 0;
  let summed = -1;

  const place = (): number => {
    const freed = free.pop();
    if (freed !== undefined) {
      counts.fill(0, freed, freed + ring);
      return freed;
    }
    if ((used + 1) * ring > counts.length) {
      const larger = new Uint32Array(counts.length * 2);
      larger.set(counts);
      counts = larger;
    }
    return used++ * ring;
  };
  const create = (kind: Kind, source: string, key: string): Slot => {
    const slot = { kind, node: nameOf(source), source, key, counts: place(), total: 0, last: now, recent: 0, minute: 0 };
    slots.add(slot);
    return slot;
  };
  const nameOf = (source: string): string => {
    let name = names.get(source);
    if (name === undefined) {
      if (names.size > bound) names.clear();
      name = nodeOf(source);
      names.set(source, name);
    }
    return name;
  };
  const slotOf = (kind: Kind, source: string, key: string): Slot => {
    const known = byKind.get(kind)?.get(source)?.get(key);
    if (known) return known;
    if (slots.size >= bound) {
      const other = rest.get(kind) ?? create(kind, '', '');
      rest.set(kind, other);
      return other;
    }
    const slot = create(kind, source, key);
    const sources = byKind.get(kind) ?? new Map<string, Map<string, Slot>>();
    byKind.set(kind, sources);
    const keys = sources.get(source) ?? new Map<string, Slot>();
    sources.set(source, keys.set(key, slot));
    return slot;
  };
  /** Seconds in which nothing came stand at what they were a ring ago. */
  const catchUp = (slot: Slot) => {
    for (let tick = Math.max(slot.last + 1, now - ring + 1); tick <= now; tick++) counts[slot.counts + (tick % ring)] = 0;
    slot.last = now;
  };
  const forgetSilent = () => {
    for (const slot of slots) {
      if (now - slot.last <= silentTicks || rest.get(slot.kind) === slot) continue;
      slots.delete(slot);
      free.push(slot.counts);
      const sources = byKind.get(slot.kind);
      const keys = sources?.get(slot.source);
      keys?.delete(slot.key);
      if (keys?.size === 0) sources?.delete(slot.source);
    }
  };
  const sum = (slot: Slot) => {
    slot.recent = 0;
    slot.minute = 0;
    for (let ago = 1; ago <= minute; ago++) {
      const tick = now - ago;
      if (tick > slot.last) continue;
      if (tick < 0 || tick <= slot.last - ring) break;
      const count = counts[slot.counts + (tick % ring)] ?? 0;
      slot.minute += count;
      if (ago <= recentSeconds) slot.recent += count;
    }
  };

  return {
    take({ kind, source, key }) {
      const slot = slotOf(kind, source, key);
      if (slot.last !== now) catchUp(slot);
      slot.total += 1;
      const at = slot.counts + (now % ring);
      counts[at] = (counts[at] ?? 0) + 1;
    },
    tick() {
      now += 1;
      if (now % minute === 0) forgetSilent();
    },
    streams() {
      if (summed !== now) for (const slot of slots) sum(slot);
      summed = now;
      return [...slots];
    },
    get seconds() {
      return Math.min(now, minute);
    },
  };
}

/** The writer's name in a source; all of it, where it is none of ours. */
export function nodeOf(source: string): string {
  const words = source.split('/');
  const word = words.length === 6 && words[0] === '' ? words[5] : undefined;
  if (!word) return source.slice(0, 255);
  try {
    return unescapeWord(word);
  } catch {
    return word;
  }
}

/** Events in a second: over the last seconds, where those have enough of them to say so, else over the last minute. */
export function rateOf({ recent, minute: all }: Pick<Flow, 'recent' | 'minute'>, seconds: number): number {
  if (seconds === 0) return 0;
  const near = Math.min(seconds, recentSeconds);
  return recent >= recentSeconds ? recent / near : all / seconds;
}
