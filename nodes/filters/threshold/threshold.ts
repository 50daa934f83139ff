/**
 * Tells when a measured value passes a limit and stays there, and when it is well again: most of what one wants to be
 * told about a machine. One alert per rule and series; a worse level raises the same alert.
 *
 * metric → alert (firing, worse, milder, resolved), and its state, null once it is over.
 *
 * A series that sends nothing is not known to be well: its alert stands for `forget` (15 minutes) on the receiving clock,
 * then it is resolved with that reason. While the pipe is broken or behind, and while this process stood still, that time
 * does not pass. At most 100,000 series are pending or firing at once; past that the one not written for longest is let go.
 */
import { type Data, type Draft, defineFilter, type Event, formatDuration, parse, type Severity, table, z } from 'sluice';
import { examples } from './examples.ts';
import { type Held, held, isBeyond, judge } from './level.ts';
import { explains } from './near.ts';
import { config, type Rule, rulesOf } from './rules.ts';
import { alertKeys, distinguishing, fill, formatValue, mentioned } from './words.ts';

const severity = z.enum(['info', 'warning', 'critical']);
const tickEvery = 10_000;

/** A series that is beyond a limit of a rule. */
const series = z.object({
  rule: z.string(),
  alert: z.string(),
  state: z.string(),
  /** What its sentences mention. */
  names: z.record(z.string(), z.string()),
  unit: z.string().optional(),
  held: z.partialRecord(severity, held),
  firing: severity.optional(),
  /** When it last sent a value, to within an eighth of the rule's `forget`: not each point is worth a write. */
  heard: z.number(),
});
type Series = z.output<typeof series>;

/** Whether silence means anything: `deaf` while the pipe is broken or behind, and only since `since` is it heard whole. */
const watch = z.object({ deaf: z.boolean(), since: z.number(), tick: z.number() });

export default defineFilter({
  name: 'threshold',
  doc: 'Tells when a measured value passes a limit and stays there, with what to do, and when it is well again.',
  config,
  in: [{ kind: 'metric' }],
  out: ['alert', 'state'],
  shard: 'source',
  tables: { series: table(series, { bound: 100_000 }), watch: table(watch, { bound: 1 }) },
  tickEvery,
  examples,
  explains,
  create(given, tables) {
    const rules = rulesOf(given);
    const byMetric = new Map<string, Rule[]>();
    for (const rule of rules.values()) byMetric.set(rule.metric, [...(byMetric.get(rule.metric) ?? []), rule]);
    const remembered = new Map([...rules.values()].map((rule) => [rule, new Set(mentioned(rule.summary, rule.action))]));
    // How many series of a rule are pending or firing: with none, a point within its limits needs no look-up.
    const active = new Map<string, number>();
    const count = (rule: string, by: number) => active.set(rule, (active.get(rule) ?? 0) + by);
    for (const [, { rule }] of tables.series.entries()) count(rule, 1);

    const judgePoint = (
      rule: Rule,
      event: Event<'metric'>,
      point: Data<'metric'>['points'][number],
      at: number,
    ): Draft<'alert' | 'state'>[] => {
      const apart = distinguishing(rule.by, point.attributes);
      const id = identify(rule.name, event.key, apart);
      const before = tables.series.get(id);
      if (!before && !isBeyond(rule, point.value)) return [];
      const time = point.time === undefined ? event.time : Date.parse(point.time);
      const { held: after, firing, changed } = judge(rule, before?.held ?? {}, point.value, time, event.id);
      if (Object.keys(after).length === 0) {
        tables.series.delete(id);
        count(rule.name, -1);
      } else if (!before || changed || Math.abs(at - before.heard) * 8 > rule.forget) {
        if (!before) count(rule.name, 1);
        const known = before ?? describe(rule, event.key, point, apart, remembered.get(rule));
        tables.series.set(id, { ...known, held: after, firing, heard: at });
      }
      if (firing === before?.firing) return [];
      const told = before ?? describe(rule, event.key, point, apart, remembered.get(rule));
      return announce(rule, told, firing ? after : (before?.held ?? {}), firing, point.value, event.id);
    };

    return {
      event(event, at) {
        let drafts: Draft<'alert' | 'state'>[] | undefined;
        for (const point of event.data.points) {
          const asked = byMetric.get(point.name);
          if (asked === undefined) continue;
          for (const rule of asked) {
            if (!active.get(rule.name) && !isBeyond(rule, point.value)) continue;
            if (!rule.fits(point.attributes)) continue;
            const made = judgePoint(rule, event, point, at);
            if (made.length > 0) drafts = drafts === undefined ? made : drafts.concat(made);
          }
        }
        return drafts ?? [];
      },
      tick(at) {
        if (tables.series.size === 0) return [];
        const known = tables.watch.get('pipe') ?? { deaf: false, since: at, tick: at };
        const stoodStill = at - known.tick > 6 * tickEvery || at < known.tick;
        const { deaf, since } = stoodStill ? { ...known, since: at } : known;
        tables.watch.set('pipe', { deaf, since, tick: at });
        if (deaf) return [];
        return [...tables.series.entries()].flatMap(([id, entry]) => {
          const rule = rules.get(entry.rule);
          if (rule && at - Math.max(entry.heard, since) < rule.forget) return [];
          tables.series.delete(id);
          count(entry.rule, -1);
          return entry.firing ? forgotten(rule, entry, entry.firing) : [];
        });
      },
      pipe({ connected, caughtUp }, at) {
        const known = tables.watch.get('pipe');
        const deaf = !connected || !caughtUp;
        if (deaf !== (known?.deaf ?? false)) tables.watch.set('pipe', { deaf, since: at, tick: known?.tick ?? at });
        return [];
      },
    };
  },
});

/** A table key: readable as far as it goes, and never longer than the store takes. */
function identify(rule: string, about: string, apart: readonly (readonly [string, string])[]): string {
  let id = `${rule}\n${about}`;
  for (const [, value] of apart) id += `\n${value}`;
  return id.length <= 400 ? id : `${rule}\n${alertKeys(rule, about, apart).state}`;
}

/** What is remembered of a series from its first value beyond a limit to its last word. */
function describe(
  rule: Rule,
  about: string,
  point: Data<'metric'>['points'][number],
  apart: readonly (readonly [string, string])[],
  names: ReadonlySet<string> | undefined,
): Omit<Series, 'held' | 'firing' | 'heard'> {
  const attributes = Object.entries(point.attributes ?? {}).flatMap(([name, value]) =>
    names?.has(name) ? [[name, String(value).toWellFormed().slice(0, 256)] as const] : [],
  );
  const { host } = parse(about);
  const unit = rule.unit ?? point.unit;
  const subject = apart
    .map(([, value]) => value)
    .join(' ')
    .slice(0, 256);
  return {
    rule: rule.name,
    ...alertKeys(rule.name, about, apart),
    names: { ...Object.fromEntries(attributes), host, metric: rule.metric, series: subject || host },
    ...(unit !== undefined && { unit }),
  };
}

type Told = Omit<Series, 'held' | 'firing' | 'heard'>;

/** The alert and its state. `firing` undefined: it is over, at the level that `levels` last had. */
function announce(
  rule: Rule,
  told: Told,
  levels: Held,
  firing: Severity | undefined,
  value: number,
  id: string,
): Draft<'alert' | 'state'>[] {
  const fired = rule.levels.filter((level) => levels[level.severity]?.fired);
  const level = fired.at(-1) ?? rule.levels[0];
  const first = fired.map(({ severity }) => levels[severity]).sort((a, b) => (a?.since ?? 0) - (b?.since ?? 0))[0];
  if (!level) return [];
  const values = {
    ...told.names,
    value: formatValue(value, told.unit),
    limit: formatValue(level.limit, told.unit),
    for: formatDuration(level.for),
  };
  const evidence = [...new Set([first?.from ?? id, id])];
  return drafts(told, firing === undefined ? 'resolved' : 'firing', {
    severity: level.severity,
    summary: fill(rule.summary, values),
    ...(rule.action !== undefined && firing !== undefined && { action: fill(rule.action, values) }),
    value,
    threshold: level.limit,
    since: new Date(first?.since ?? 0).toISOString(),
    evidence,
  });
}

/** Over, because nobody knows any more. */
function forgotten(rule: Rule | undefined, entry: Series, firing: Severity): Draft<'alert' | 'state'>[] {
  const reason = rule ? `no value for ${formatDuration(rule.forget)}, so how it is now is not known` : 'its rule is gone from the config';
  const level = entry.held[firing];
  return drafts(entry, 'resolved', {
    severity: firing,
    summary: fill('{metric} of {series}: ', entry.names) + reason,
    since: new Date(level?.since ?? 0).toISOString(),
    evidence: level ? [level.from] : [],
  });
}

function drafts(
  told: Told,
  status: 'firing' | 'resolved',
  more: Pick<Data<'alert'>, 'severity' | 'summary' | 'since' | 'evidence'> & { action?: string; value?: number; threshold?: number },
): Draft<'alert' | 'state'>[] {
  const data = { rule: told.rule, status, ...more, ...(told.unit && { unit: told.unit }) };
  const causes = more.evidence;
  return [
    { kind: 'alert', key: told.alert, data, causes },
    { kind: 'state', key: told.state, data: { of: 'alert', value: status === 'firing' ? data : null }, causes },
  ];
}
