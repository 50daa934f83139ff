/**
 * Makes events of what nodes draft: gives them their source, boot, sequence and id. One per node.
 */
import { Reject } from '../errors.ts';
import { type Event, encode, maxEventBytes, originalId } from '../event.ts';
import { type About, escapeWord, key, type Place, parse } from '../key.ts';
import { type Kind, kinds } from '../kinds.ts';
import type { Draft } from '../node.ts';
import { isPlainMetric } from '../plain.ts';

/** The process on whose behalf nodes write. */
export interface Origin {
  readonly place: Place;
  readonly host: string;
  /** Names this run of the process; later runs sort later. */
  readonly bootid: string;
}

export interface Author {
  readonly source: string;
  /** An event that nothing led to but the world. @throws Reject when the draft does not fit its kind or its key is none. */
  original(draft: Draft, at: number): Event;
  /** The place of an event in its writer's stream, for one that has its id already. */
  stamp<E extends Event>(event: Omit<E, 'source' | 'bootid' | 'sequence'>): E;
  /** Takes back the places of events that will never leave, as far as they are the last of their streams: no hole is to stay. */
  unstamp(events: readonly Event[]): void;
  /** The key of a draft: whole, or of something on this host. */
  keyOf(words: Draft['key']): string;
}

/** @param written counts what it writes, by kind */
export function author(origin: Origin, node: string, written: Map<Kind, number> = new Map()): Author {
  const { place, host, bootid } = origin;
  // A slash within a word would move what follows it; in a source it is escaped too.
  const words = [place.company, place.system, place.environment, host, node].map((word) => escapeWord(word).replaceAll('/', '%2F'));
  const source = `/${words.join('/')}`;
  const sequences = new Map<string, number>();
  const next = (kind: Kind, about: string): number => {
    const stream = `${kind} ${about}`;
    const sequence = (sequences.get(stream) ?? 0) + 1;
    sequences.set(stream, sequence);
    written.set(kind, (written.get(kind) ?? 0) + 1);
    return sequence;
  };
  const keyOf = (words: Draft['key']): string => {
    if (typeof words !== 'string') return key({ ...place, host, resource: words } satisfies About);
    parse(words);
    return words;
  };
  // Metrics are nearly all that is written, and nearly all of them are plain. They are encoded before their node runs again.
  const checked = ({ kind, data }: Draft): Event['data'] => {
    if (kind === 'metric' && isPlainMetric(data)) return data;
    const result = kinds[kind].schema.safeParse(data);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    throw new Reject(`${node}: a ${kind} does not fit: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  };
  return {
    source,
    keyOf,
    original(draft, at) {
      const about = keyOf(draft.key);
      const data = checked(draft);
      const event = {
        id: '',
        kind: draft.kind,
        key: about,
        source,
        time: draft.time ?? at,
        bootid,
        sequence: 0,
        ...(draft.ttl !== undefined && { expirytime: at + draft.ttl }),
        ...(draft.partitionkey !== undefined && { partitionkey: draft.partitionkey }),
        ...(draft.causes !== undefined && { causes: draft.causes }),
        data,
      } as Event;
      checkSize(event, node);
      // The number is taken last: a refused draft leaves no hole.
      const sequence = next(draft.kind, about);
      return { ...event, sequence, id: originalId(source, bootid, draft.kind, about, sequence) } as Event;
    },
    stamp(event) {
      checkSize({ ...event, source } as Event, node);
      return { ...event, source, bootid, sequence: next(event.kind, event.key) } as never;
    },
    unstamp(events) {
      for (const { kind, key: about, sequence, bootid: boot } of [...events].reverse()) {
        const stream = `${kind} ${about}`;
        if (sequence === undefined || boot !== bootid || sequences.get(stream) !== sequence) continue;
        sequences.set(stream, sequence - 1);
        written.set(kind, (written.get(kind) ?? 0) - 1);
      }
    },
  };
}

/** Only events that could be too large are measured: encoding each twice would double the cost of writing. */
function checkSize(event: Event, node: string): void {
  if (!mayBeLarge(event)) return;
  const bytes = Buffer.byteLength(encode(event));
  if (bytes > maxEventBytes)
    throw new Reject(`${node}: a ${event.kind} of ${bytes} bytes; the limit is ${maxEventBytes}, send it in parts`);
}

function mayBeLarge(event: Event): boolean {
  if (event.kind === 'metric') return event.data.points.length > 200;
  if (event.kind === 'heartbeat' || event.kind === 'alert') return false;
  return true;
}
