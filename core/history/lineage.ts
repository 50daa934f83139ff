/**
 * What an event came of, looked up: its trigger, its causes and its evidence, and what those came of in turn.
 *
 * an event → a tree of causes. A cause is an event, a range of them, a filter's own clock, something no longer kept,
 * or something that whoever asks may not see.
 * Bounded: so deep, and so many look-ups, since causes are a stranger's word.
 */
import { type Event, topic } from '../event.ts';
import type { History } from '../history.ts';
import { isKind, type Kind } from '../kinds.ts';
import { Outside } from './within.ts';

export type Cause =
  | { readonly sort: 'event'; readonly id: string; readonly event: Event; readonly causes: readonly Cause[] }
  /** Events of one writer in one go: how many of them are still kept, with some of them. */
  | { readonly sort: 'range'; readonly range: Range; readonly kept: number; readonly some: readonly Event[] }
  /** A filter's tick, or news of its pipe, as `tick/<node>/<at>`. */
  | { readonly sort: 'moment'; readonly what: 'tick' | 'pipe'; readonly node: string; readonly at: number }
  | { readonly sort: 'gone'; readonly id: string }
  /** It is kept, and outside the part of the tree that the history was opened for. */
  | { readonly sort: 'outside'; readonly id: string };

export interface Range {
  readonly source: string;
  readonly bootid: string;
  readonly kind: Kind;
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

const deepest = 6;
const mostLookups = 300;
/** How long before the event that they led to the events of a range may have come. */
const rangeReachMs = 26 * 3_600_000;
const shownOfRange = 6;

/** The causes of an event, those that decided it first to last in time. */
export async function lineageOf(history: History, event: Event): Promise<readonly Cause[]> {
  let lookups = 0;
  const seen = new Set([event.id]);

  const look = async (text: string, led: Event, depth: number): Promise<Cause | undefined> => {
    const moment = momentOf(text);
    if (moment) return moment;
    const range = rangeOf(text);
    if (++lookups > mostLookups) return undefined;
    try {
      if (range) return await rangeCause(history, range, led);
      const found = await history.byId(text, led);
      if (!found) return { sort: 'gone', id: text };
      return { sort: 'event', id: text, event: found.event, causes: depth < deepest ? await causesOf(found.event, depth + 1) : [] };
    } catch (thrown) {
      if (thrown instanceof Outside) return { sort: 'outside', id: text };
      throw thrown;
    }
  };
  const causesOf = async (led: Event, depth: number): Promise<Cause[]> => {
    const causes: Cause[] = [];
    for (const text of namedBy(led)) {
      if (seen.has(text)) continue;
      seen.add(text);
      const cause = await look(text, led, depth);
      if (cause) causes.push(cause);
    }
    return causes.sort((one, other) => timeOf(one) - timeOf(other));
  };
  return causesOf(event, 1);
}

/** All that an event says it came of. */
function namedBy(event: Event): Set<string> {
  const evidence = event.kind === 'alert' ? event.data.evidence : [];
  const trigger = event.causationid === undefined ? [] : [event.causationid];
  return new Set([...(event.causes ?? []), ...evidence, ...trigger]);
}

function momentOf(text: string): Cause | undefined {
  const [, what, node = '', at] = /^(tick|pipe)\/([^/]+)\/(-?\d+)(?:\/|$)/.exec(text) ?? [];
  return what === 'tick' || what === 'pipe' ? { sort: 'moment', what, node, at: Number(at) } : undefined;
}

/** Reads `<source>/<bootid>/<kind>/<key>/<from>-<to>`. A source has five words; a key may hold slashes of its own. */
function rangeOf(text: string): Range | undefined {
  const parts = /^((?:\/[^/]+){5})\/([^/]+)\/([a-z]+)\/(.+)\/(\d+)-(\d+)$/.exec(text);
  const [, source = '', bootid = '', kind = '', key = '', from, to] = parts ?? [];
  return parts && isKind(kind) ? { source, bootid, kind, key, from: Number(from), to: Number(to) } : undefined;
}

async function rangeCause(history: History, range: Range, led: Event): Promise<Cause> {
  let kept = 0;
  const first: Event[] = [];
  let last: Event[] = [];
  for await (const { event } of history.read(topic(range.kind, range.key), led.time - rangeReachMs, led.time + rangeReachMs)) {
    const { source, bootid, sequence = -1 } = event;
    if (source !== range.source || bootid !== range.bootid || sequence < range.from || sequence > range.to) continue;
    kept += 1;
    if (first.length < shownOfRange / 2) first.push(event);
    else last = [...last, event].slice(-shownOfRange / 2);
    if (kept > range.to - range.from) break;
  }
  return { sort: 'range', range, kept, some: [...first, ...last] };
}

function timeOf(cause: Cause): number {
  if (cause.sort === 'event') return cause.event.time;
  if (cause.sort === 'moment') return cause.at;
  return cause.sort === 'range' ? (cause.some[0]?.time ?? 0) : 0;
}
