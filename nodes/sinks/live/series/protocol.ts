/**
 * What is asked of series and what comes back: of the last minutes over the socket, of all that was kept over HTTP, and which metrics
 * there are. The page imports these types; scripts may rely on them as much.
 *
 *     {"id": "c1", "watch": {"metric": "system.cpu.utilization", "by": ["server"], "seconds": 300, "most": 20}}
 *       → WatchedAll, then WatchedMore as points arrive; WatchedAll again wherever what is shown changed as a whole
 *     {"id": "names", "catalog": {}}           → CatalogAll, then CatalogMore at most once a second
 *     POST /api/series  PastRequest            → PastAnswer
 *     GET /api/marks?from=&to=&server=         → Marks
 *
 * Times are milliseconds since 1970, and whole seconds where they are named so. Values are in the metric's unit, of a counter per
 * second, and have six significant digits. Names, attributes and summaries are a stranger's words.
 */
import { type Coverage, z } from 'sluice';

const word = z.string().min(1).max(255);
/** Any of these. */
const words = z.array(z.string().max(1024)).min(1).max(1000);
const pairs = z.record(word, words).refine((each) => Object.keys(each).length <= 32, 'has more than 32 names');

const where = z.strictObject({
  /** Host names. */
  host: words.optional(),
  /** `company.system.environment.host`, as the first words of a key. */
  server: words.optional(),
  /** What servers say of themselves. */
  label: pairs.optional(),
  /** Values as text: a number or a boolean as JSON has it. */
  attributes: pairs.optional(),
});

const selection = {
  metric: word,
  where: where.optional(),
  /**
   * One series for each combination of these: `server`, `host`, `resource`, `label:<name>`, or the name of an attribute; of an empty
   * list one in all. Without it each series stands alone.
   */
  by: z.array(word).max(8).optional(),
  /** How those that come together become one: without a word, gauges their mean and what adds up its sum. */
  fold: z.enum(['sum', 'mean', 'min', 'max']).optional(),
  /** The largest so many; which those are changes rarely while one watches. */
  most: z.int().positive().max(500).default(50),
};

export const watchRequest = z.strictObject({ ...selection, seconds: z.int().positive().max(3600).default(300) });

const instant = z.number().min(0).max(8.64e15);
export const pastRequest = z.strictObject({
  ...selection,
  from: instant,
  to: instant,
  /** Milliseconds that one value stands for. */
  step: z
    .number()
    .min(1000)
    .max(366 * 86_400_000),
});

export type Where = z.output<typeof where>;
export type Fold = NonNullable<WatchRequest['fold']>;
export type WatchRequest = z.output<typeof watchRequest>;
export type PastRequest = z.output<typeof pastRequest>;
export type WatchAsked = z.input<typeof watchRequest>;
export type PastAsked = z.input<typeof pastRequest>;

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Which series it is: one alone has all of these; of several together, those that they were grouped by. */
export interface Named {
  readonly key?: string;
  readonly server?: string;
  readonly host?: string;
  readonly resource?: string;
  readonly attributes: Attributes;
  /** The labels that it was grouped by. */
  readonly labels?: Readonly<Record<string, string>>;
  /** How many series are in it, where several may be. */
  readonly members?: number;
}

/** What the values are of. */
export interface Measured {
  readonly metric: string;
  readonly unit?: string;
  /** `counter`: values are rates per second. Absent while nothing of that name is known. */
  readonly type?: 'gauge' | 'counter' | 'updown';
  /** Of what comes together; absent where each stands alone. */
  readonly fold?: Fold;
  /** How many there are, of which the largest are given. */
  readonly of: number;
  /** There are more series of this name than are remembered: so many points of others came in the last minutes and were left out. */
  readonly beyond?: number;
}

export interface WatchedSeries extends Named {
  /** Names it in later frames, as long as the channel lives. */
  readonly index: number;
  /** Seconds between its values, as seen lately: what is missing for longer than that is lost, not late. */
  readonly interval: number;
  /** One for each second, the first of `from`; null where there is none. Nothing is left out at the end but nulls. */
  readonly values: readonly (number | null)[];
}

/** All that is shown. What is not in `series` any more has gone; of what stays, only the seconds since `from` are given. */
export interface WatchedAll extends Measured {
  /** The first second that is given. */
  readonly from: number;
  /** The present, in seconds. */
  readonly now: number;
  readonly series: readonly WatchedSeries[];
}

/** What is new. A second may come again, with what was known of it later. */
export interface WatchedMore {
  readonly points: readonly { readonly at: number; readonly values: readonly (readonly [index: number, value: number])[] }[];
  /** The time of the newest value that was told of so far: how late a picture is can be known from it. */
  readonly newest: number;
  /** Series that came, with their past as of `from`; and the indices of those that are not shown any more. */
  readonly added?: readonly WatchedSeries[];
  readonly from?: number;
  readonly gone?: readonly number[];
  /** What else changed: how many there are, what they are of, in what interval values come. */
  readonly changed?: Measured & { readonly intervals: readonly (readonly [index: number, seconds: number])[] };
}

export type Watched = WatchedAll | WatchedMore;

export const catalogRequest = z.strictObject({});

export interface CatalogEntry {
  readonly name: string;
  readonly unit?: string;
  readonly type: 'gauge' | 'counter' | 'updown';
  /** How many series are remembered, of how many servers. */
  readonly series: number;
  readonly servers: number;
  /** Points of further series that were left out in the last minutes: there are more than can be remembered. */
  readonly beyond?: number;
  readonly attributes: readonly {
    readonly name: string;
    /** Some of its values. */
    readonly values: readonly string[];
    /** How many there are; with `more`, at least. */
    readonly of: number;
    readonly more?: true;
  }[];
}

export interface CatalogAll {
  readonly metrics: readonly CatalogEntry[];
  /** Names past the bound, of which points came in the last minutes and were left out. */
  readonly beyond?: number;
}
export interface CatalogMore {
  /** New, or not as it was. */
  readonly changed: readonly CatalogEntry[];
  readonly gone: readonly string[];
  readonly beyond?: number;
}

export interface PastSeries extends Named {
  /** The mean of each step, or what the means were folded to; null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** The lowest and the highest of each step, where they mean something: of one series, and of mean, min and max. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface PastAnswer extends Measured {
  /** The start of the first step, and the end of the last: whole steps that hold what was asked for. */
  readonly from: number;
  readonly to: number;
  /** As asked for, or longer where that would be too many values. */
  readonly step: number;
  readonly series: readonly PastSeries[];
  /** How finely each stretch of it is known; what is in none is not known at all. */
  readonly coverage: readonly Coverage[];
  /** Set where the store keeps more series than were looked at. */
  readonly cut?: true;
}

/** Something that happened, for the axis of time. */
export interface Mark {
  readonly id: string;
  readonly time: number;
  readonly what:
    | 'firing'
    | 'resolved'
    | 'boot'
    | 'goodbye'
    | 'silent'
    | 'alive'
    | 'retired'
    | 'version'
    | 'policy'
    | 'command'
    | 'outcome'
    | 'audit';
  readonly key: string;
  readonly host: string;
  /** One line: what it was. */
  readonly text: string;
  readonly severity?: 'info' | 'warning' | 'critical';
  readonly rule?: string;
}

export interface Marks {
  readonly marks: readonly Mark[];
  /** Older ones were left off at the bound. */
  readonly cut?: true;
}
