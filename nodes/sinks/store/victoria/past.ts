/**
 * Metric events out of VictoriaMetrics, as they were: the samples of one writer, key and moment are one event, whose record has
 * the rest. Points without a record are of events that are kept whole elsewhere, or of others than sluice, and are none here.
 *
 * A slice of time after the other: so long that it has some ten thousand samples, whatever there is.
 */
import { type Event, type Json, matcher, originalId, type Received } from 'sluice';
import type { Client } from './client.ts';
import { aheadMs, latestMs } from './lines.ts';
import { delayName, type Named, namedBy, sequenceName } from './series.ts';

const leastSliceMs = 1000;
const mostSliceMs = 10 * 365 * 86_400_000;
const fewSamples = 60_000;
const manySamples = 400_000;

export interface Reading {
  /** Events whose keys match a topic pattern, in the order received: `from` ≤ received < `to`. */
  read(pattern: string, from: number, to: number): AsyncGenerator<Received>;
  /** Ids of the events about a key, and all below it, that are dated in a span. */
  ids(pattern: string, from: number, to: number): Promise<Map<string, { readonly key: string; readonly time: number }>>;
}

export function createReading(client: Client): Reading {
  /** Undefined where the slice has more than is to be held, and can be cut. */
  const slice = async (pattern: string, from: number, to: number): Promise<{ events: Received[]; samples: number } | undefined> => {
    const ending = new AbortController();
    const groups = new Map<string, Group>();
    const matches = matcher(pattern);
    let samples = 0;
    try {
      for await (const { metric, values, timestamps } of client.samples(selectorOf(pattern), from, to, ending.signal)) {
        samples += values.length;
        if (samples > manySamples && to - from > leastSliceMs) return undefined;
        const named = namedBy(metric);
        if (!named || !matches(named.key)) continue;
        const about = `${named.key} ${named.source}`;
        const words = JSON.stringify(named.point);
        for (let index = 0; index < timestamps.length; index++) {
          const [time, value] = [timestamps[index], values[index]];
          if (time !== undefined && typeof value === 'number') put(groups, `${time} ${about}`, words, named, time, value);
        }
      }
    } finally {
      ending.abort();
    }
    return { events: [...groups.values()].flatMap((group) => eventOf(group) ?? []), samples };
  };

  return {
    async *read(pattern, from, to) {
      const { now } = await client.state();
      const end = Math.min(to + aheadMs, now + 86_400_000);
      const waiting: Received[] = [];
      let lengthMs = leastSliceMs * 10;
      for (let at = Math.max(0, from - latestMs); at < end; ) {
        const until = Math.min(end, at + lengthMs);
        const read = await slice(pattern, at, until);
        if (!read) {
          lengthMs = Math.max(leastSliceMs, (until - at) / 4);
          continue;
        }
        waiting.push(...read.events.filter(({ received }) => received >= from && received < to));
        waiting.sort(inOrder);
        // What comes in later slices was received after this.
        const ready = waiting.findIndex(({ received }) => received >= until - aheadMs);
        yield* waiting.splice(0, ready === -1 ? waiting.length : ready);
        at = until;
        if (read.samples < fewSamples) lengthMs = Math.min(mostSliceMs, lengthMs * (read.samples === 0 ? 8 : 2));
      }
      yield* waiting;
    },
    async ids(pattern, from, to) {
      const found = new Map<string, { key: string; time: number }>();
      const matches = matcher(pattern);
      for await (const { metric, values, timestamps } of client.samples(selectorOf(pattern, sequenceName), from, to)) {
        const named = namedBy(metric);
        if (!named?.boot || !matches(named.key)) continue;
        for (const [index, time] of timestamps.entries())
          found.set(originalId(named.source, named.boot, 'metric', named.key, values[index] ?? 0), { key: named.key, time });
      }
      return found;
    },
  };
}

interface Group {
  readonly key: string;
  readonly source: string;
  readonly time: number;
  readonly points: Map<string, Json>;
  boot?: string;
  sequence?: number;
  delay?: number;
}

/** @param words the point without its value, spelt out */
function put(groups: Map<string, Group>, id: string, words: string, named: Named, time: number, value: number): void {
  const { name, key, source, boot, point } = named;
  let group = groups.get(id);
  if (!group) {
    group = { key, source, time, points: new Map() };
    groups.set(id, group);
  }
  if (name === sequenceName && boot !== undefined) [group.boot, group.sequence] = [boot, value];
  // Of what came again, its first receipt.
  else if (name === delayName) group.delay = Math.min(value, group.delay ?? value);
  else group.points.set(words, { ...point, value });
}

/** The event of a group that has a record. */
function eventOf({ key, source, time, points, boot, sequence, delay }: Group): Received | undefined {
  if (boot === undefined || sequence === undefined || delay === undefined || points.size === 0) return undefined;
  // As they were written they are not known: names in order make each reading the same.
  const sorted = [...points].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, point]) => point);
  const id = originalId(source, boot, 'metric', key, sequence);
  const event = { id, kind: 'metric', key, source, time, bootid: boot, sequence, data: { points: sorted } } as unknown as Event;
  return { event, received: time + delay };
}

function inOrder(one: Received, other: Received): number {
  return one.received - other.received || one.event.time - other.event.time || (one.event.id < other.event.id ? -1 : 1);
}

const fields = ['company', 'system', 'environment', 'host'] as const;

/** The series of which a pattern may speak. The words of a key stand in labels as they are, unless they are odd. */
export function selectorOf(pattern: string, name?: string): string {
  const conditions = [name === undefined ? '' : `__name__=${JSON.stringify(name)}`, 'source!=""', 'company!=""'];
  const words = pattern.split('.');
  const until = words.indexOf('#');
  for (const [index, field] of fields.entries()) {
    const word = words[index];
    if ((until !== -1 && index >= until) || word === undefined || word === '*' || !/^[\w-]+$/.test(word)) continue;
    conditions.push(`${field}=${JSON.stringify(word)}`);
  }
  const resource = words.slice(4);
  if ((until === -1 || until > 4) && resource[0] !== undefined && /^[\w-]+$/.test(resource[0]))
    conditions.push(`resource=~${JSON.stringify(`${resource[0]}(\\..*)?`)}`);
  return `{${conditions.filter((condition) => condition !== '').join(',')}}`;
}
