/**
 * The whole vocabulary of the pipes: every kind of event, what it carries, and how it travels. One topic exchange per
 * kind, `sluice.<kind>`. The wire's JSON Schema and AsyncAPI are generated from this file.
 */
import { z } from 'zod';
import { jsonValue } from './json.ts';
import { sketchText } from './sketch.ts';

/** A scalar, as OpenTelemetry attributes and log fields hold them. */
export const scalar = z.union([z.string().max(32_768), z.number(), z.boolean()]);
const attributes = z.record(z.string().min(1).max(255), scalar);
const name = z.string().min(1).max(255);
const time = z.iso.datetime({ offset: true });
/** How bad it is for the service: `critical` wakes a person, `warning` waits for the morning, `info` is for the record. */
export const severity = z.enum(['info', 'warning', 'critical']);
export const logSeverity = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);

/**
 * One measured value. `name` and `unit` (UCUM: `By`, `1`, `s`, `{process}`) follow OpenTelemetry's semantic conventions.
 * `type`: a `gauge` (the default) is a value now, a `counter` only grows until it restarts at 0, an `updown` adds up.
 */
export const point = z.object({
  name,
  value: z.number(),
  type: z.enum(['gauge', 'counter', 'updown']).optional(),
  unit: z.string().max(63).optional(),
  attributes: attributes.optional(),
  time: time.optional(),
});

/** One line of a log. `cut`: how many bytes were left off its end because it was too long. */
export const logLine = z.object({
  body: z.string().max(262_144),
  severity: logSeverity.default('info'),
  time: time.optional(),
  fields: attributes.optional(),
  cut: z.int().positive().optional(),
});

const schemas = {
  /** An agent lives. `boot` names its run, `interval` is in seconds. A `goodbye` says that its end is meant. */
  heartbeat: z.object({
    boot: name,
    interval: z.number().positive().max(86_400),
    labels: z.record(name, z.string().max(255)).default({}),
    versions: z.record(name, z.string().max(255)).default({}),
    goodbye: z.object({ reason: z.string().max(255) }).optional(),
  }),
  metric: z.object({ points: z.array(point).min(1).max(10_000) }),
  log: z.object({ lines: z.array(logLine).min(1).max(10_000), file: z.string().max(4096).optional() }),
  /** One thing that matters to security or service: who, what, where. */
  incident: z.object({
    what: name,
    who: z.string().max(1024).optional(),
    where: z.string().max(1024).optional(),
    severity: severity.default('info'),
    fields: attributes.optional(),
  }),
  /** What a series did over a span of time. Spans and sketches merge; averages of percentiles do not exist here. */
  stat: z.object({
    from: time,
    to: time,
    series: z
      .array(
        z.object({
          name,
          unit: z.string().max(63).optional(),
          attributes: attributes.optional(),
          count: z.int().nonnegative(),
          sum: z.number(),
          min: z.number(),
          max: z.number(),
          last: z.number().optional(),
          /** How the values are spread. */
          sketch: sketchText.optional(),
        }),
      )
      .min(1),
  }),
  /** A condition changed. The event's key and `rule` name the condition; `evidence` has the ids of what decided it. */
  alert: z.object({
    rule: name,
    status: z.enum(['firing', 'resolved']),
    severity,
    summary: z.string().max(1024),
    /** What a person should do about it. */
    action: z.string().max(1024).optional(),
    value: z.number().optional(),
    threshold: z.number().optional(),
    unit: z.string().max(63).optional(),
    since: time,
    evidence: z.array(z.string().max(512)).max(100).default([]),
  }),
  /** The present value of something: `of` says of what sort (`server`, `node`, `alert` …). `null`: it is no more. */
  state: z.object({ of: name, value: jsonValue }),
  command: z.object({ action: name, to: name, until: time.optional(), arguments: z.record(name, jsonValue).default({}) }),
  outcome: z.object({
    command: name,
    status: z.enum(['planned', 'applied', 'refused', 'expired', 'drifted', 'undone']),
    detail: z.string().max(4096).optional(),
    plan: jsonValue.optional(),
  }),
  policy: z.object({ commit: name, document: jsonValue }),
  audit: z.object({ who: z.string().max(1024), did: name, to: z.string().max(1024).optional(), detail: jsonValue.optional() }),
  /** What could not be handled, and why. `event` is as much of the original as fits. */
  dead: z.object({
    reason: z.string().max(2048),
    node: name.optional(),
    kind: name,
    key: z.string().max(1024).optional(),
    id: z.string().max(512).optional(),
    event: z.string().max(65_536),
  }),
} as const;

export type Kind = keyof typeof schemas;
/** What a kind's events carry, as nodes read it. */
export type Data<K extends Kind = Kind> = z.output<(typeof schemas)[K]>;
/** What a kind's events carry, as nodes write it: what has a default may be left out. */
export type DataInput<K extends Kind = Kind> = z.input<(typeof schemas)[K]>;
export type Point = z.output<typeof point>;
export type LogLine = z.output<typeof logLine>;
export type Severity = z.output<typeof severity>;
export type LogSeverity = z.output<typeof logSeverity>;

/**
 * How a kind travels. `durable`: never lost, its writer waits when there is no room. `telemetry`: the oldest gives way,
 * counted. `heartbeat`: each watcher has its own queue. `state`: a stream of which a late joiner reads the last of each key.
 */
export type Delivery = 'durable' | 'telemetry' | 'heartbeat' | 'state';

export interface KindInfo {
  readonly delivery: Delivery;
  /** Events of this kind may share a message (design, section 3). */
  readonly batched: boolean;
  readonly schema: z.ZodType;
}

const travel: Record<Kind, [Delivery, batched?: 'batched']> = {
  heartbeat: ['heartbeat'],
  metric: ['telemetry', 'batched'],
  log: ['telemetry', 'batched'],
  incident: ['telemetry'],
  stat: ['telemetry', 'batched'],
  alert: ['durable'],
  state: ['state'],
  command: ['durable'],
  outcome: ['durable'],
  policy: ['durable'],
  audit: ['durable'],
  dead: ['durable'],
};

export const kinds = Object.fromEntries(
  Object.entries(schemas).map(([kind, schema]) => {
    const [delivery, batched] = travel[kind as Kind];
    return [kind, { schema, delivery, batched: batched !== undefined }];
  }),
) as { readonly [K in Kind]: KindInfo & { readonly schema: (typeof schemas)[K] } };

export const kindNames = Object.keys(kinds) as readonly Kind[];

export function isKind(text: string): text is Kind {
  return Object.hasOwn(kinds, text);
}
