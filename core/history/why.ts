/**
 * Why an alert came: its filter and version, its rule, and the data points and log lines that it rests on, in sentences.
 *
 * history and an event → what is known of its making. It says only what was recorded: what is no longer kept is said to be so.
 */
import { formatDuration } from '../clock.ts';
import { type Event, topic, toWire } from '../event.ts';
import type { History } from '../history.ts';
import { inert } from '../inert.ts';
import { type About, parse, unescapeWord } from '../key.ts';
import { type Data, type LogLine, logSeverity, type Point } from '../kinds.ts';
import { type Cause, lineageOf, type Range } from './lineage.ts';
import { amount, clockTime, counted, instant, shortCommit } from './words.ts';

export interface Why {
  /** The event, as on the wire. */
  readonly event: Record<string, unknown>;
  /** Who decided it; undefined for what a monitor saw by itself. */
  readonly filter: Maker | undefined;
  readonly rule: string | undefined;
  /** The series that an alert judges, where its causes tell: what a chart of it shows. */
  readonly series: WhySeries | undefined;
  readonly causes: readonly WhyCause[];
  /** The whole of it for a person, a line each; two spaces at its start for each step back. Safe to print. */
  readonly sentences: readonly string[];
}

export interface Maker {
  readonly name: string;
  readonly host: string;
  readonly nodeversion?: string;
  readonly confighash?: string;
  readonly policycommit?: string;
}

export interface WhySeries extends Pick<Point, 'name' | 'unit' | 'type' | 'attributes'> {
  readonly key: string;
}

/** `says`: what matters of an event, a line for each of its points or log lines. As it came: not safe to print. */
export type WhyCause =
  | {
      readonly sort: 'event';
      readonly event: Record<string, unknown>;
      readonly says: readonly string[];
      readonly causes: readonly WhyCause[];
    }
  | {
      readonly sort: 'range';
      readonly range: Range;
      readonly kept: number;
      readonly some: readonly Record<string, unknown>[];
      readonly says: readonly string[];
    }
  | { readonly sort: 'moment'; readonly what: 'tick' | 'pipe'; readonly node: string; readonly at: number }
  | { readonly sort: 'gone'; readonly id: string }
  /** It is kept, and not for who asks. */
  | { readonly sort: 'outside'; readonly id: string };

/** How long before now an alert is looked for that is named by what it is about alone. */
export const lookBackMs = 30 * 86_400_000;
const mostPoints = 5;
const mostLines = 5;

export async function why(history: History, event: Event): Promise<Why> {
  const causes = await lineageOf(history, event);
  const filter = event.causationid === undefined ? undefined : makerOf(event);
  const alert = event.kind === 'alert' ? event : undefined;
  const before = alert ? await between(history, alert, causes) : undefined;
  const sentences = [
    ...headOf(event),
    ...(filter ? [makerSentence(filter)] : []),
    ...causeSentences(causes, event, 0),
    ...(before ? [before] : []),
  ];
  return {
    event: toWire(event),
    filter,
    rule: alert?.data.rule,
    series: alert && seriesOf(alert, causes),
    causes: causes.map((cause) => asJson(cause, event)),
    sentences: sentences.map((line) => inert(line)),
  };
}

function headOf(event: Event): string[] {
  const about = aboutOf(event.key);
  if (event.kind !== 'alert') return [`A ${event.kind} about ${about}, at ${instant(event.time)} UTC, by ${event.source}.`];
  const { rule, severity, status, summary, since, action, value, threshold, unit } = event.data;
  const lines = [
    `${status === 'firing' ? severity : 'resolved'} ${rule} on ${about}: ${summary}`,
    `It ${status === 'firing' ? 'fired' : 'was resolved'} at ${instant(event.time)} UTC. ${sinceSentence(event.time, since)}`,
  ];
  if (value !== undefined && threshold !== undefined)
    lines.push(`The rule ${rule} compares with ${amount(threshold, unit)}: the value was ${amount(value, unit)}.`);
  if (action !== undefined && status === 'firing') lines.push(`What to do: ${action}`);
  return lines;
}

function sinceSentence(time: number, since: string): string {
  const began = Date.parse(since);
  if (!(began > 0)) return 'Since when it was so is not known.';
  return began >= time ? 'It was so from that moment.' : `It had been so since ${instant(began)}, for ${formatDuration(time - began)}.`;
}

function makerOf({ source, nodeversion, confighash, policycommit }: Event): Maker {
  const words = source.split('/');
  return {
    name: unescaped(words.at(-1) ?? source),
    host: unescaped(words.at(-2) ?? ''),
    ...(nodeversion !== undefined && { nodeversion }),
    ...(confighash !== undefined && { confighash }),
    ...(policycommit !== undefined && { policycommit }),
  };
}

function makerSentence({ name, host, nodeversion, confighash, policycommit }: Maker): string {
  const details = [
    ...(nodeversion === undefined ? [] : [`version ${nodeversion}`]),
    ...(confighash === undefined ? [] : [`config ${confighash}`]),
    policycommit === undefined ? 'no policy commit: its config was in no git checkout' : `policy ${shortCommit(policycommit)}`,
  ];
  return `The filter ${name} on ${host} decided it${details.length > 0 ? ` (${details.join(', ')})` : ''}.`;
}

/** @param led what they led to, which tells its own points and lines from the others of an event. */
function causeSentences(causes: readonly Cause[], led: Event, depth: number): string[] {
  const indent = '  '.repeat(depth);
  if (causes.length === 0 && depth === 0) return ['It names no cause: it is what was seen.'];
  return causes.flatMap((cause) => {
    if (cause.sort === 'gone') return [`${indent}It rests on the event ${cause.id}, which is no longer kept.`];
    if (cause.sort === 'outside') return [`${indent}It rests on the event ${cause.id}, which is outside your part of the tree.`];
    if (cause.sort === 'moment') {
      const what = cause.what === 'tick' ? 'the time that had passed' : 'a change in the health of its pipe';
      return [`${indent}It was decided by ${what}, at ${instant(cause.at)} UTC, and by no event.`];
    }
    if (cause.sort === 'range') return rangeSentences(cause, indent);
    const role = cause.id === led.causationid ? 'It was decided by' : 'It rests on';
    const { event } = cause;
    const lines = contents(event, led).map((line) => `${indent}  ${line}`);
    return [
      `${indent}${role} the ${event.kind} of ${clockTime(event.time)} about ${aboutOf(event.key)} (${event.id}):`,
      ...lines,
      ...causeSentences(cause.causes, event, depth + 1),
    ];
  });
}

function rangeSentences({ range, kept, some }: Extract<Cause, { sort: 'range' }>, indent: string): string[] {
  const named = range.to - range.from + 1;
  const of = `${counted(named, `${range.kind} event`)} about ${aboutOf(range.key)}`;
  const still = kept === named ? 'all kept' : kept === 0 ? 'none of them is kept any longer' : `${kept} of them still kept`;
  return [
    `${indent}It rests on ${of}, ${range.from} to ${range.to} of ${range.source} (${still}):`,
    ...saysOf(some).map((line) => `${indent}  ${line}`),
  ];
}

const saysOf = (some: readonly Event[]): string[] =>
  some.flatMap((event) => contents(event, undefined).map((line) => `${clockTime(event.time)}  ${line}`));

/** What an event says, a line for each of its points or log lines that matters. */
function contents(event: Event, led: Event | undefined): string[] {
  if (event.kind === 'metric') {
    const own = decisive(event.data.points, led?.kind === 'alert' ? led : undefined);
    return cut(own.map(describe), mostPoints, 'point');
  }
  if (event.kind === 'log')
    return cut(
      telling(event.data.lines, led).map(({ severity, body }) => `${severity}: ${body.slice(0, 500)}`),
      mostLines,
      'line',
    );
  if (event.kind === 'stat') return cut(event.data.series.map(describeStat), mostPoints, 'series');
  if (event.kind === 'heartbeat') {
    const { interval, boot, goodbye } = event.data;
    return [goodbye ? `goodbye: ${goodbye.reason}` : `alive, with a beat each ${formatDuration(interval * 1000)} (run ${boot})`];
  }
  if (event.kind === 'alert') return [`${event.data.severity} ${event.data.rule} ${event.data.status}: ${event.data.summary}`];
  return [JSON.stringify(event.data).slice(0, 500)];
}

/** The points that an alert speaks of: those beyond its limit of the metric with its value; all where none is to be told apart. */
function decisive(points: readonly Point[], alert: Event<'alert'> | undefined): readonly Point[] {
  if (alert?.data.value === undefined) return points;
  const { value, unit } = alert.data;
  const equal = points.filter((point) => point.value === value);
  if (equal.length > 0) return equal;
  const words = parse(alert.key).resource;
  const about = points.filter((point) => Object.values(point.attributes ?? {}).some((is) => words.includes(String(is))));
  const alike = (about.length > 0 ? about : points).filter((point) => unit === undefined || point.unit === unit);
  return alike.length > 0 ? alike : points;
}

/** The lines, where not all can be shown: first those that what they led to quotes or names, then the worst. */
function telling(lines: readonly LogLine[], led: Event | undefined): readonly LogLine[] {
  const summary = led?.kind === 'alert' ? led.data.summary : '';
  const who = led?.kind === 'incident' ? led.data.who : undefined;
  const isNamed = ({ body }: LogLine) => body !== '' && (summary.includes(body) || (who !== undefined && body.includes(who)));
  const rank = (line: LogLine) => (isNamed(line) ? logSeverity.options.length : logSeverity.options.indexOf(line.severity));
  return lines.length <= mostLines ? lines : [...lines].sort((one, other) => rank(other) - rank(one));
}

const describe = (point: Point): string => `${seriesName(point)} was ${amount(point.value, point.unit)}`;

function describeStat(series: Data<'stat'>['series'][number]): string {
  const { count, sum, min, max, unit } = series;
  const mean = count > 0 ? `, ${amount(sum / count, unit)} on average` : '';
  return `${seriesName(series)} had ${counted(count, 'value')}, ${amount(min, unit)} to ${amount(max, unit)}${mean}`;
}

function seriesName({ name, attributes }: Pick<Point, 'name' | 'attributes'>): string {
  const given = Object.entries(attributes ?? {}).map(([attribute, is]) => `${attribute}=${is}`);
  return `${name}${given.length > 0 ? `{${given.join(', ')}}` : ''}`;
}

const cut = (lines: readonly string[], most: number, what: string): string[] =>
  lines.length <= most
    ? [...lines]
    : [
        ...lines.slice(0, most),
        `and ${what === 'series' ? `${lines.length - most} more series` : counted(lines.length - most, `more ${what}`)}`,
      ];

/** The latest of the points that decided an alert, as the series that it is of. */
function seriesOf(alert: Event<'alert'>, causes: readonly Cause[]): WhySeries | undefined {
  const last = causes.findLast((cause) => cause.sort === 'event' && cause.event.kind === 'metric');
  if (last?.sort !== 'event' || last.event.kind !== 'metric') return undefined;
  const { key, data } = last.event;
  const [point] = decisive(data.points, alert);
  if (!point) return undefined;
  const { name, unit, type, attributes } = point;
  return { key, name, ...(unit !== undefined && { unit }), ...(type && { type }), ...(attributes && { attributes }) };
}

/** How many values of the same series came between the first and the last event that the alert rests on. */
async function between(history: History, alert: Event<'alert'>, causes: readonly Cause[]): Promise<string | undefined> {
  const metrics = causes.flatMap((cause) => (cause.sort === 'event' && cause.event.kind === 'metric' ? [cause.event] : []));
  const [first, last] = [metrics[0], metrics.at(-1)];
  const point = last && decisive(last.data.points, alert)[0];
  if (!first || !point || first === last) return undefined;
  const values: number[] = [];
  for await (const { event } of history.read(topic('metric', last.key), first.time, last.time + 60_000)) {
    if (event.kind !== 'metric' || event.time < first.time || event.time > last.time) continue;
    for (const other of event.data.points) if (isSeries(point, other)) values.push(other.value);
  }
  if (values.length <= metrics.length) return undefined;
  const [least, most] = [Math.min, Math.max].map((of) =>
    amount(
      values.reduce((one, other) => of(one, other)),
      point.unit,
    ),
  );
  const range = least === most ? `all ${least}` : `from ${least} to ${most}`;
  return `From the first to the last of these, ${counted(values.length, 'value')} of ${point.name} came, ${range}.`;
}

const isSeries = (one: Point, other: Point): boolean =>
  one.name === other.name && JSON.stringify(one.attributes ?? {}) === JSON.stringify(other.attributes ?? {});

function aboutOf(key: string): string {
  const { host, resource }: About = parse(key);
  return resource.length > 0 ? `${host}, ${resource.join(' ')}` : host;
}

function unescaped(word: string): string {
  try {
    return unescapeWord(word);
  } catch {
    return word;
  }
}

function asJson(cause: Cause, led: Event): WhyCause {
  if (cause.sort === 'range') return { ...cause, some: cause.some.map(toWire), says: saysOf(cause.some) };
  if (cause.sort !== 'event') return cause;
  const { event, causes } = cause;
  return { sort: 'event', event: toWire(event), says: contents(event, led), causes: causes.map((each) => asJson(each, event)) };
}
