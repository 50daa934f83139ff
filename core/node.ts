/**
 * The contract of nodes. A node is a value that a define function makes: one tiny program that does one thing. The core
 * owns its connections, clock, acknowledgements, retries, memory and lineage. This file alone is enough to write one.
 *
 * For every node: `create` is pure (it checks nothing but its config and touches nothing outside); only `start` may do
 * I/O; `stop` may come twice, or without `start`. Nodes never publish: they return drafts. What the time is they
 * are told, by `at` or by their services' clock.
 */
import { z } from 'zod';
import type { Clock } from './clock.ts';
import { ConfigError } from './errors.ts';
import type { Event, Topic } from './event.ts';
import type { History } from './history.ts';
import type { Json } from './json.ts';
import type { About, Fields } from './key.ts';
import type { DataInput, Kind, Severity } from './kinds.ts';
import type { LedgerState } from './states.ts';

/** What a node wants published. The core makes it an event: id, time, source and causes are the core's to give. */
export type Draft<K extends Kind = Kind> = {
  [Each in K]: {
    readonly kind: Each;
    /** A whole key, or the resource words of something on the node's own host: `['filesystem', '/var']`. */
    readonly key: string | readonly string[];
    readonly data: DataInput<Each>;
    /** Makes the event's id, for drafts that are the same whichever input led to them. */
    readonly identity?: string;
    /** Ids of the events that decided it, beyond the one that triggered it. */
    readonly causes?: readonly string[];
    readonly partitionkey?: string;
    /** Milliseconds after which it means nothing any more. */
    readonly ttl?: number;
    /** Milliseconds since 1970 at which it was so, where that is not now, or not its trigger's time: a window's end. */
    readonly time?: number;
  };
}[K];

/** What a node reads. A missing field matches anything; `pattern` is for the rare topic that fields cannot say. */
export interface Reads<K extends Kind = Kind> extends Fields {
  readonly kind: K;
  readonly pattern?: string | undefined;
}

/** The health of what feeds a node: without it, silence cannot be told from deafness. */
export interface Pipe {
  readonly connected: boolean;
  /** Everything that waited before the connection came has been handled. */
  readonly caughtUp: boolean;
}

interface Described<Config extends z.ZodType> {
  /** The file's name, and the word in `use:`. Lower case. */
  readonly name: string;
  /** One sentence: what it does and why one would want it. */
  readonly doc: string;
  /** A strict zod object. A node whose config has no required field runs by default in its role. */
  readonly config: Config;
  /** Of the node's behaviour; on every derived event as `nodeversion`. */
  readonly version?: string;
  /** Its config as the process's own settings imply it; undefined when they do not ask for it. What its entry in `nodes:` says goes before, field by field. */
  configure?(settings: Settings): z.input<Config> | undefined;
}

/** The settings at the top of a process's config from which a node may take its own. */
export interface Settings {
  /** `journal`, and globs of files. */
  readonly logs: readonly string[];
  readonly live: {
    readonly listen: string;
    /** Files. */
    readonly tls?: { readonly cert: string; readonly key: string };
    readonly names?: readonly string[];
    readonly behind?: string;
  };
  /** How the process shows events on its own terminal. */
  readonly output: 'text' | 'json';
  /** The directory of this process's state. */
  readonly state: string;
  /** How long history is kept, in milliseconds; `disk` in bytes. */
  readonly keep: { readonly raw?: number; readonly minute?: number; readonly hour?: number; readonly disk?: number };
}

type Awaitable<T> = T | Promise<T>;

/** How much something matters to the person who runs the process: `error` is what has to be mended. */
export type Level = 'info' | 'warn' | 'error';

/** What a process offers to its monitors and sinks. In a thread of its own a node has no history, and sees no filters. */
export interface Services {
  /** What was kept, as soon as and as long as a sink of this process offers it. */
  history(): History | undefined;
  /** The filters that this process runs, with the config that they run with: what `whyNot` asks. */
  filters(): readonly PlacedFilter[];
  /** What was lost on the way to the readers of this process. Looks through all that they remember: for who asks, not for a loop. */
  ledger(): LedgerState;
  /** The time, for what a node does to the world outside: retention, back-off. Tests move it; a person may set it, so it may jump. */
  readonly clock: Clock;
  /**
   * Somebody looks at these topics through this node, for the next 15 s: whoever writes them, in any process, sends at once what would
   * have waited for company. Say it again each 10 s for as long as it is so. In a thread of its own a node is not heard.
   */
  look(topics: readonly Topic[]): void;
  /**
   * Publishes what a person or a program outside asks for, as `sluice emit` does and under its name, where `may` lets its key pass.
   * Resolves with its id once it is safe. In a thread of its own a node may not. @throws Reject
   */
  emit(draft: Draft, may: (key: string) => boolean): Promise<string>;
  /** Writes down who did what, as an `audit` event of this node. Resolves once it is safe. In a thread of its own a node may not. */
  audit(data: DataInput<'audit'>): Promise<void>;
  /** Tells a person, on the process's own output and as a log event, under the node's name. Once for each change, and what to do. */
  say(level: Level, text: string): void;
}

// Monitors: the world → events

export interface Lifecycle {
  /**
   * The only place for I/O before work begins. Throwing stops the node: a ConfigError for good, else it is tried again. A
   * process always gives its services; only a test may do without.
   */
  start?(services?: Services): Awaitable<void>;
  /** Lets go of everything `start` took. Safe twice, and when never started. */
  stop?(): Awaitable<void>;
}

/** Measures when asked. Called each `every`, never twice at once; the signal aborts at a limit of time, and at the end. */
export interface Sampler<Out extends Kind = Kind> extends Lifecycle {
  sample(signal: AbortSignal): Awaitable<readonly Draft<Out>[]>;
}

/** Follows something. Each step's `position` is kept in one transaction with the acceptance of its drafts. */
export interface Follower<Out extends Kind = Kind, Position extends Json = Json> extends Lifecycle {
  events(signal: AbortSignal): AsyncIterable<{ readonly drafts: readonly Draft<Out>[]; readonly position: Position }>;
}

export interface Monitor<Config extends z.ZodType = z.ZodType, Out extends Kind = Kind, Position extends Json = Json>
  extends Described<Config> {
  readonly sort: 'monitor';
  readonly out: readonly Out[];
  /** How often to sample, in milliseconds: the default of `every:` in config. Chosen from what a sample costs. */
  readonly every: number;
  /** `saved` is the last committed position of an earlier run. */
  create(config: z.output<Config>, saved?: Position): Sampler<Out> | Follower<Out, Position>;
}

// Filters: events → events

/**
 * A filter's memory, owned by the core: it survives the process, and a throw undoes what the throwing input wrote.
 * Keys are strings, values JSON that fits the schema. Past its bound, the entry that was written longest ago gives way.
 */
export interface Table<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** In the order written, oldest first. */
  entries(): IterableIterator<[key: string, value: Value]>;
  readonly size: number;
}

export interface TableShape<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** The most entries that it may hold. */
  readonly bound: number;
  /** Milliseconds after its last write at which an entry is forgotten, on the receiving clock. Default: never. */
  readonly ttl?: number;
}

export type TableShapes = Readonly<Record<string, TableShape>>;
export type Tables<Shapes extends TableShapes> = { readonly [Name in keyof Shapes]: Table<z.output<Shapes[Name]['schema']>> };

/**
 * A filter at work. Deterministic: the same inputs over the same tables give the same drafts, byte for byte, also when it
 * was created anew in between. So: no I/O, no clock, no randomness, and nothing remembered outside its tables that cannot
 * be rebuilt from them in `create`. `at` is the receiving clock in milliseconds. A throw dead-letters the input.
 */
export interface Filtering<In extends Kind = Kind, Out extends Kind = Kind> {
  event(event: Event<In>, at: number): readonly Draft<Out>[];
  /** Each `tickEvery`, at its multiples, in order with the events. After a pause only the latest is made up. */
  tick?(at: number): readonly Draft<Out>[];
  /** The pipe that feeds it broke, came back or was drained. */
  pipe?(pipe: Pipe, at: number): readonly Draft<Out>[];
}

/** One thing that happens to a filter in an example. `at` counts from the start of the example: `0s`, `1m30s`. */
export type Step =
  | {
      readonly at: string;
      readonly event: {
        readonly kind: Kind;
        readonly key: string;
        readonly data: unknown;
        readonly time?: string;
        readonly source?: string;
      };
    }
  | { readonly at: string; readonly pipe: Pipe }
  /** Only lets time pass, and the ticks that fall into it. */
  | { readonly at: string };

/**
 * What a probe caught, as `sluice tap --save` and the page write it: `{ fixture: new URL('./caught.jsonl', import.meta.url) }`. Of its
 * events those that the filter reads come when they were received, on the recorded time; `0s` is then the minute in which the first
 * one came (of a filter with longer ticks: the tick before it).
 */
export interface Recording {
  readonly fixture: URL | string;
}

/** What an example expects, in order. Fields that are left out may be anything; `data` is matched as far as it is written. */
export interface Expected {
  readonly kind: Kind;
  /** When it comes, on the example's time. */
  readonly at?: string;
  readonly key?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A filter's examples are its tests and its documentation: `sluice test` runs them. */
export interface Example<Config extends z.ZodType = z.ZodType> {
  readonly doc: string;
  readonly config?: z.input<Config>;
  readonly given: readonly (Step | Recording)[];
  /** All alerts, stats, … that come out; none for an example that shows it staying quiet. State is left out unless named. */
  readonly expect: readonly Expected[];
}

/** A rule of a filter, at one of its levels: what must hold, and for how long, before it tells anything. */
export interface RuleInfo {
  readonly rule: string;
  readonly severity: Severity;
  /** Milliseconds for which its condition must hold. */
  readonly for: number;
}

/** How near a rule came to telling something of one thing that it looked at. Times are milliseconds since 1970. */
export interface Nearness extends RuleInfo {
  /** The key that its alert would have. */
  readonly key: string;
  /** `too short`: its condition held, but not for long enough. `within`: it never held. */
  readonly verdict: 'fired' | 'too short' | 'within';
  /** How many values it looked at. */
  readonly looked: number;
  /** The value that was furthest towards its limit, or beyond it. */
  readonly nearest: { readonly value: number; readonly limit: number; readonly at: number; readonly unit?: string };
  /** The longest time without a break for which its condition held. */
  readonly held?: { readonly from: number; readonly to: number };
  /** What was missing, in words that stand alone: `above 90 % for 3m12s from 02:10:40; the rule needs 5m`. Times in UTC. */
  readonly text: string;
}

/** An event as a filter was given it: `at` is the receiving clock. */
export interface Given<In extends Kind = Kind> {
  readonly event: Event<In>;
  readonly at: number;
}

/**
 * Lets a filter say why it stayed quiet: what `why-not` asks, and what a backtest over rolled-up history must know. Pure, and
 * beside the filter at work: it looks at recorded inputs anew, in the order received, and knows nothing from before them.
 */
export interface Explains<Config extends z.ZodType = z.ZodType, In extends Kind = Kind> {
  /** Milliseconds before a moment that it must have seen to judge it, where that is more than its rules' `for`. */
  readonly memory?: number;
  /** Whether an input matters to any of its rules: others need not be held. Default: all do. */
  concerns?(event: Event<In>): boolean;
  /** Its rules under a config, an entry for each level. */
  rules(config: z.output<Config>): readonly RuleInfo[];
  /**
   * The config without these of its levels: for a past that is known too coarsely for them. Needed where a level changes what
   * another tells, as a worse one that speaks for a milder. Default: what they tell is left out.
   */
  without?(config: z.output<Config>, levels: readonly Pick<RuleInfo, 'rule' | 'severity'>[]): z.output<Config>;
  /**
   * An entry for each level of each rule that looked at any of the inputs, for each thing that it tells apart. What was received
   * before `since` is there to be remembered, and is not asked about.
   */
  nearness(config: z.output<Config>, inputs: readonly Given<In>[], since?: number): readonly Nearness[];
}

export interface Filter<
  Config extends z.ZodType = z.ZodType,
  In extends Kind = Kind,
  Out extends Kind = Kind,
  Shapes extends TableShapes = TableShapes,
> extends Described<Config> {
  readonly sort: 'filter';
  readonly in: readonly Reads<In>[];
  readonly out: readonly Out[];
  readonly tables: Shapes;
  /** Milliseconds between ticks. */
  readonly tickEvery?: number;
  /**
   * What must stay together when the filter is spread over partitions (`partitions:` in config): all of it, what one server wrote, or
   * what has one `partitionkey` (without one: what one server wrote). `each`: it is not spread. Every process that runs it
   * reads everything, from a queue of its own, as watchers that watch each other do; it gives its drafts an `identity`.
   */
  readonly shard: 'none' | 'source' | 'partitionkey' | 'each';
  readonly examples: readonly Example<Config>[];
  /** For filters that judge by rules. */
  readonly explains?: Explains<Config, In>;
  /** @param here the server on which it runs. */
  create(config: z.output<Config>, tables: Tables<Shapes>, here: Omit<About, 'resource'>): Filtering<In, Out>;
}

/** A filter as a config places it in a process: what is asked for its rules, and tried on the past. */
export interface PlacedFilter {
  /** Its name in the process: the node's own, unless config says otherwise. */
  readonly name: string;
  readonly node: AnyFilter;
  /** Checked. */
  readonly config: unknown;
  /** A fingerprint of the config, on all that the filter derives. */
  readonly confighash: string;
  /** The git commit that the config stands at, where it is in a checkout. */
  readonly policycommit?: string;
  readonly reads: readonly Reads[];
}

// Sinks: events → kept or shown

/** A sink at work. `write` resolves when the events are safe; a throw is tried again with the same events, a Reject is not. */
export interface Writing<In extends Kind = Kind> extends Lifecycle {
  /** What it keeps, for others to read: a store's. */
  readonly history?: History;
  /** Copies what it keeps, as it is now, into a new folder beside it; the caller takes that away. For `sluice backup`. */
  backup?(): Promise<string>;
  /** Goes on with what was put beside what it keeps; resolves with where that is now. For `sluice restore`. */
  restore?(): Promise<string>;
  write(events: readonly Event<In>[]): Awaitable<void>;
}

export interface Sink<Config extends z.ZodType = z.ZodType, In extends Kind = Kind> extends Described<Config> {
  readonly sort: 'sink';
  readonly in: readonly Reads<In>[];
  /** `every` event, held until written; or only `recent` ones as a viewer has them, where a slow reader loses the oldest. */
  readonly reads: 'every' | 'recent';
  create(config: z.output<Config>): Writing<In>;
}

// Actuators: commands → a change in the world

/** A program to run, never through a shell. */
export interface Exec {
  readonly file: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** Something granted for a time: what a live command asks for. */
export interface Lease {
  readonly command: string;
  readonly arguments: Readonly<Record<string, Json>>;
  readonly until: number;
}

/** Converges sets: what should be, what is, and the difference in one atomic step. Pure: the core runs what it returns. */
export interface Actuator<Config extends z.ZodType = z.ZodType, State = unknown> extends Described<Config> {
  readonly sort: 'actuator';
  readonly in: readonly Reads<'command'>[];
  desired(leases: readonly Lease[], config: z.output<Config>): State;
  read(): Exec;
  parse(output: string): State;
  diff(want: State, have: State): readonly Exec[];
}

// The types of a node whose parts are not known: what the loader finds.
// biome-ignore lint/suspicious/noExplicitAny: the parameters of a node are checked where it is defined
export type AnyMonitor = Monitor<any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyFilter = Filter<any, any, any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnySink = Sink<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyActuator = Actuator<any, any>;
export type Node = AnyMonitor | AnyFilter | AnySink | AnyActuator;
export type Sort = Node['sort'];

function check<Defined extends { readonly name: string; readonly doc: string }>(node: Defined): Defined {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(node.name))
    throw new ConfigError(`node "${node.name}": a name is lower-case letters, digits and hyphens, as its file's`);
  if (node.doc.trim() === '') throw new ConfigError(`${node.name}: doc is empty; say in one sentence what it does`);
  return Object.freeze(node);
}

type Defining<Defined extends { sort: Sort }, Optional extends keyof Defined = never> = Omit<Defined, 'sort' | Optional> &
  Partial<Pick<Defined, Optional>>;

/** Makes a monitor. `every` is one second unless said. */
export function defineMonitor<Config extends z.ZodType, const Out extends Kind, Position extends Json = Json>(
  node: Defining<Monitor<Config, Out, Position>, 'every'>,
): Monitor<Config, Out, Position> {
  return check({ every: 1000, ...node, sort: 'monitor' as const });
}

/** Makes a filter. */
export function defineFilter<Config extends z.ZodType, const In extends Kind, const Out extends Kind, const Shapes extends TableShapes>(
  node: Defining<Filter<Config, In, Out, Shapes>, 'shard' | 'examples'>,
): Filter<Config, In, Out, Shapes> {
  return check({ shard: 'none' as const, examples: [], ...node, sort: 'filter' as const });
}

/** Makes a sink. It reads every event unless said. */
export function defineSink<Config extends z.ZodType, const In extends Kind>(node: Defining<Sink<Config, In>, 'reads'>): Sink<Config, In> {
  return check({ reads: 'every' as const, ...node, sort: 'sink' as const });
}

/** Makes an actuator. */
export function defineActuator<Config extends z.ZodType, State>(node: Defining<Actuator<Config, State>>): Actuator<Config, State> {
  return check({ ...node, sort: 'actuator' as const });
}

/** Describes a table of a filter. */
export function table<Schema extends z.ZodType>(schema: Schema, limits: { bound: number; ttl?: number }): TableShape<Schema> {
  return { schema, ...limits };
}

const sorts: readonly unknown[] = ['monitor', 'filter', 'sink', 'actuator'] satisfies Sort[];

/** Whether a define function made the value. */
export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && Object.isFrozen(value) && 'sort' in value && sorts.includes(value.sort);
}

export { z };
