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

/** What a query may cost, and see. */
export interface QueryLimits {
  /** Milliseconds, and rows of the result. */
  readonly time: number;
  readonly rows: number;
  /** Only what is about this part of the tree, as `acme.shop`. Default: all of it. */
  readonly part?: string;
}

export interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Json[])[];
  /** Rows were left off at the limit. */
  readonly cut: boolean;
}

/** Which series of a metric are wanted, and how finely. Milliseconds since 1970; `from` and `to` are whole steps, as is `step` of seconds. */
export interface SeriesRequest {
  readonly metric: string;
  /** `company.system.environment.host`, and hosts by their names: any of these. Without both all. */
  readonly servers?: readonly string[] | undefined;
  readonly hosts?: readonly string[] | undefined;
  /** Of each attribute that is named, its values as text. */
  readonly attributes?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Only what is about this part of the tree. Default: all of it. */
  readonly part?: string | undefined;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** Series of the answer. */
  readonly most: number;
}

/** A series over a span: of each step the mean, the lowest and the highest value; NaN where nothing is known. Of counters, rates per second. */
export interface KeptSeries {
  readonly key: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly unit?: string | undefined;
  readonly type: 'gauge' | 'counter' | 'updown';
  readonly mean: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

export interface SeriesAnswer {
  readonly series: readonly KeptSeries[];
  /** How many there are: of more than `most`, some. */
  readonly of: number;
  /** How finely it is known. What is only rolled up fills all of the steps that a rollup spans. */
  readonly coverage: readonly Coverage[];
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
  /** How series went. A past that cannot tell it in time has no such way to ask. @throws Reject with what to do otherwise */
  series?(request: SeriesRequest): Promise<SeriesAnswer>;
}
