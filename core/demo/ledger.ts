/** What a fleet has written, stream by stream, so that it can be compared with what arrived: by number, and id by id. */
import { type Event, originalId } from '../event.ts';
import type { Kind } from '../kinds.ts';

/** What one run of a host wrote of one kind about one thing. Sequences are gapless from 1. */
export interface Written {
  readonly source: string;
  readonly bootid: string;
  readonly kind: Kind;
  readonly key: string;
  events: number;
  points: number;
}

export interface Ledger {
  note(events: readonly Event[]): void;
  readonly streams: ReadonlyMap<string, Written>;
  totals(kind: Kind): { readonly events: number; readonly points: number };
  /** The ids of all events of a kind. */
  ids(kind: Kind): IterableIterator<string>;
}

export function ledger(): Ledger {
  const streams = new Map<string, Written>();
  return {
    streams,
    note(events) {
      for (const { source, bootid = '', kind, key, data } of events) {
        const name = `${source} ${bootid} ${kind} ${key}`;
        let stream = streams.get(name);
        if (!stream) {
          stream = { source, bootid, kind, key, events: 0, points: 0 };
          streams.set(name, stream);
        }
        stream.events += 1;
        if ('points' in data) stream.points += data.points.length;
      }
    },
    totals(kind) {
      let [events, points] = [0, 0];
      for (const stream of streams.values()) {
        if (stream.kind !== kind) continue;
        events += stream.events;
        points += stream.points;
      }
      return { events, points };
    },
    *ids(kind) {
      for (const { source, bootid, kind: own, key, events } of streams.values()) {
        if (own !== kind) continue;
        for (let sequence = 1; sequence <= events; sequence++) yield originalId(source, bootid, own, key, sequence);
      }
    },
  };
}
