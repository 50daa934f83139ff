/**
 * The port of what was kept. Everyone reads the past through it: the page, the command line, `why`, a backtest. The store
 * offers it in its own process; others ask over HTTP.
 */
import type { Event, Topic } from './event.ts';
import type { Json } from './json.ts';
import type { Kind } from './kinds.ts';

/** A stored event, with when it was received (milliseconds since 1970, on the receiving clock). */
export interface Received {
  readonly event: Event;
  readonly received: number;
}

/** How finely a span of the past is known. Where it is only rolled up, single points are gone. */
export interface Coverage {
  readonly from: number;
  readonly to: number;
  readonly resolution: 'raw' | 'minute' | 'hour';
  /** The kinds of which it is known, where that is not all. */
  readonly only?: readonly Kind[] | undefined;
}

/** What a query may cost. */
export interface QueryLimits {
  /** Milliseconds, and rows of the result. */
  readonly time: number;
  readonly rows: number;
}

export interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Json[])[];
  /** Rows were left off at the limit. */
  readonly cut: boolean;
}

export interface History {
  /** Stored events of a topic in the order received: `from` ≤ received < `to`. Each once. */
  read(topic: Topic, from: number, to: number): AsyncIterable<Received>;
  /** `led`: an event that it led to. A past without an index of ids looks for it near that one, and finds it only so. */
  byId(id: string, led?: Event): Promise<Received | undefined>;
  /** Read-only SQL over the views points, logs, alerts, audit, events and servers. @throws Reject with what to do otherwise. */
  query(sql: string, limits?: Partial<QueryLimits>): Promise<Answer>;
  /** What is kept of a span, oldest first; spans that nothing is known of are left out. */
  coverage(from: number, to: number): Promise<readonly Coverage[]>;
}
