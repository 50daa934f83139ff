/**
 * What a rule is, in config and compiled: a metric, the series of it that matter, and one level per severity.
 *
 * `rules:` of the config, over the default ones → rules ready to be asked about a point.
 */
import { duration, type Severity, z } from 'sluice';
import { defaultRules } from './defaults.ts';
import { globs } from './glob.ts';

const span = z.string().refine((text) => duration(text) !== undefined, 'is no duration; write it as 30s, 5m or 1h30m');

const level = z
  .strictObject({
    above: z.number().optional(),
    below: z.number().optional(),
    /** How long the value must stay beyond the limit, by the time of the events. */
    for: span.optional(),
    /** Once it fires, it ends when the value is back past this: without it, at the limit itself. */
    clear: z.number().optional(),
  })
  .superRefine(({ above, below, clear }, context) => {
    if ((above === undefined) === (below === undefined)) context.addIssue('takes one of above and below');
    const limit = above ?? below ?? 0;
    if (clear !== undefined && (above === undefined ? clear < limit : clear > limit))
      context.addIssue(`clear: ${clear} is on the wrong side of the limit ${limit}; it is where the value is well again`);
  });

const rule = z.strictObject({
  metric: z.string().min(1).optional(),
  /** Attributes that a point must have: a pattern with * and ?, one of several, or none of those that begin with !. */
  where: z.record(z.string(), z.union([z.string(), z.array(z.string()).min(1)])).optional(),
  /** The attributes that tell one series from another, each with an alert of its own. Default: all that the point has. */
  by: z.array(z.string()).optional(),
  /** How the value is written, where that is not as the metric says: `1` as percent, an empty one as a bare number. */
  unit: z.string().max(63).optional(),
  /** May name {value}, {limit}, {for}, {host}, {metric} and attributes, as {system.filesystem.mountpoint}. */
  summary: z.string().max(512).optional(),
  /** What a person should do about it. */
  action: z.string().max(512).optional(),
  info: level.optional(),
  warning: level.optional(),
  critical: level.optional(),
  /** A series that sends nothing for as long is over, whatever it last said. Default 15m. */
  forget: span.optional(),
});

const severities = ['info', 'warning', 'critical'] as const satisfies readonly Severity[];

export const config = z
  .strictObject({
    /** Whether the rules that sluice brings along stand too. */
    defaults: z.enum(['on', 'off']).default('on'),
    /** The default rules that do not stand. */
    without: z.array(z.enum(Object.keys(defaultRules))).default([]),
    /** By name. One that is named as a default rule changes what it says: a level as a whole, all else by itself. */
    rules: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is no name; use lower-case letters, digits and hyphens'), rule)
      .default({}),
  })
  .superRefine((given, context) => {
    for (const [name, merged] of merge(given)) {
      const path = ['rules', name];
      if (merged.metric === undefined) context.addIssue({ code: 'custom', path, message: 'has no metric; name the one it judges' });
      if (severities.every((severity) => merged[severity] === undefined))
        context.addIssue({ code: 'custom', path, message: 'has no level; give it warning: {above: …} or critical: {below: …}' });
    }
  });

export type RuleConfig = z.output<typeof rule>;

/** The default rules that stand, with what the config changes and adds. */
function merge({ defaults, without, rules }: { defaults: 'on' | 'off'; without: string[]; rules: Record<string, RuleConfig> }) {
  const standing = Object.entries(defaults === 'on' ? defaultRules : {}).filter(([name]) => !without.includes(name));
  const merged = new Map<string, RuleConfig>(standing);
  for (const [name, given] of Object.entries(rules)) merged.set(name, { ...merged.get(name), ...given });
  return merged;
}

/** The same config without some of its levels; a rule that has no other goes too. */
export function withoutLevels(
  given: z.output<typeof config>,
  levels: readonly { readonly rule: string; readonly severity: Severity }[],
): z.output<typeof config> {
  const rules = [...merge(given)].flatMap(([name, merged]) => {
    const gone = levels.filter((one) => one.rule === name).map(({ severity }) => [severity, undefined]);
    const left: RuleConfig = { ...merged, ...Object.fromEntries(gone) };
    return severities.some((severity) => left[severity]) ? [[name, left] as const] : [];
  });
  return { defaults: 'off', without: [], rules: Object.fromEntries(rules) };
}

/** A limit, made so that `sign * value > sign * limit` is beyond it. */
export interface Level {
  readonly severity: Severity;
  readonly sign: 1 | -1;
  readonly limit: number;
  readonly clear: number;
  readonly for: number;
}

export interface Rule {
  readonly name: string;
  readonly metric: string;
  readonly by: readonly string[] | undefined;
  readonly unit: string | undefined;
  readonly summary: string;
  readonly action: string | undefined;
  /** The mildest first. */
  readonly levels: readonly Level[];
  readonly forget: number;
  /** Whether a point with these attributes is one that it judges. */
  fits(attributes: Readonly<Record<string, string | number | boolean>> | undefined): boolean;
}

/** The rules of a config, by name. */
export function rulesOf(given: z.output<typeof config>): Map<string, Rule> {
  return new Map([...merge(given)].map(([name, merged]) => [name, compile(name, merged)]));
}

function compile(name: string, given: RuleConfig): Rule {
  const conditions = Object.entries(given.where ?? {}).map(([attribute, patterns]) => ({ attribute, fits: globs([patterns].flat()) }));
  return {
    name,
    metric: given.metric ?? '',
    by: given.by,
    unit: given.unit,
    summary: given.summary ?? '{metric} of {series} is {value} (limit {limit})',
    action: given.action,
    levels: severities.flatMap((severity): Level[] => {
      const set = given[severity];
      if (!set) return [];
      const limit = set.above ?? set.below ?? 0;
      return [{ severity, sign: set.above === undefined ? -1 : 1, limit, clear: set.clear ?? limit, for: duration(set.for ?? '0s') ?? 0 }];
    }),
    forget: duration(given.forget ?? '15m') ?? 0,
    fits: (attributes) => conditions.every(({ attribute, fits }) => fits(attributes?.[attribute])),
  };
}
