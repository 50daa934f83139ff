/**
 * Values of the past that a rule could judge, read once and held as numbers, so that many rules are tried on them in one go.
 *
 * metrics → groups of series that one rule can watch: those of one metric that differ only in what they are of (a mount point, a
 * device), not in what is measured of it (a state, a direction). Counters are left out: of what only grows, no limit makes sense.
 */
import { Reject } from '../errors.ts';
import type { Event, Topic } from '../event.ts';
import type { Coverage, History } from '../history.ts';
import type { Point } from '../kinds.ts';
import { metricsOf } from './coarse.ts';
import type { Span } from './replay.ts';

type Attributes = NonNullable<Point['attributes']>;

/** One thing that is measured: its key, and the point without its value. */
export interface Series {
  readonly key: string;
  readonly point: Omit<Point, 'value' | 'time'>;
}

/** Values side by side, in the order received. Times are milliseconds since 1970. */
export interface Group {
  readonly metric: string;
  readonly unit: string | undefined;
  /** The attributes that all its series share, such as `system.filesystem.state: used`. */
  readonly where: Attributes;
  /** The attributes that tell its series apart. */
  readonly by: readonly string[];
  readonly series: readonly Series[];
  readonly which: readonly number[];
  readonly values: readonly number[];
  readonly times: readonly number[];
  readonly received: readonly number[];
}

/** What OpenTelemetry's conventions call the sides of one thing, and not different things. */
const side = /\.(state|direction|mode)$/;
/** 32 bytes each. */
const mostValues = 4_000_000;

interface Recording extends Group {
  readonly by: string[];
  readonly series: Series[];
  readonly which: number[];
  readonly values: number[];
  readonly times: number[];
  readonly received: number[];
  readonly index: Map<string, number>;
}

/** @param metric the only one, where a person named it. @throws Reject when there is more than can be held */
export async function record(history: History, coverage: readonly Coverage[], topic: Topic, metric?: string): Promise<Group[]> {
  const groups = new Map<string, Recording>();
  let count = 0;
  for await (const { event, received } of metricsOf(history, coverage, topic)) {
    if (event.kind !== 'metric') continue;
    for (const point of event.data.points) {
      if (point.type === 'counter' || (metric !== undefined && point.name !== metric)) continue;
      if (++count > mostValues)
        throw new Reject(`propose: more than ${mostValues} values; name a resource, one --metric, or a shorter --since`);
      add(groups, event, point, received);
    }
  }
  return [...groups.values()];
}

function add(groups: Map<string, Recording>, event: Event<'metric'>, point: Point, received: number): void {
  const { value, time, ...what } = point;
  const names = Object.keys(what.attributes ?? {}).sort();
  const where: Attributes = {};
  for (const name of names) if (side.test(name)) where[name] = what.attributes?.[name] ?? '';
  const id = JSON.stringify([what.name, what.unit, where]);
  let group = groups.get(id);
  if (!group) {
    const empty = { by: [], series: [], which: [], values: [], times: [], received: [], index: new Map<string, number>() };
    group = { metric: what.name, unit: what.unit, where, ...empty };
    groups.set(id, group);
  }
  const own = JSON.stringify([event.key, names.map((name) => what.attributes?.[name])]);
  let which = group.index.get(own);
  if (which === undefined) {
    which = group.series.push({ key: event.key, point: what }) - 1;
    group.index.set(own, which);
    for (const name of names) if (!side.test(name) && !group.by.includes(name)) group.by.push(name);
  }
  group.which.push(which);
  group.values.push(value);
  group.times.push(time === undefined ? event.time : Date.parse(time));
  group.received.push(received);
}

/** The group as a past of its own, for a replay. */
export function playable({ series, which, values, times, received }: Group): Pick<History, 'read'> {
  return {
    async *read(_, from, to) {
      for (let at = 0; at < values.length; at++) {
        const [arrived = 0, time = 0, value = 0, of] = [received[at], times[at], values[at], series[which[at] ?? 0]];
        if (!of || arrived < from || arrived >= to) continue;
        const event: Event<'metric'> = {
          id: `value-${at}`,
          kind: 'metric',
          key: of.key,
          source: '/of/what/was/kept/propose',
          time,
          data: { points: [{ ...of.point, value }] },
        };
        yield { event, received: arrived };
      }
    },
  };
}

/** How long each series was beyond a level without a break, in milliseconds, for values received before `until`. */
export function runsBeyond({ which, values, times, received }: Group, level: number, sign: 1 | -1, until: number): number[] {
  const open = new Map<number, Span>();
  const runs: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const [id = 0, time = 0] = [which[at], times[at]];
    if ((received[at] ?? 0) >= until) break;
    const run = open.get(id);
    if (sign * ((values[at] ?? 0) - level) > 0) open.set(id, { from: run?.from ?? time, to: time });
    else if (run) {
      runs.push(run.to - run.from);
      open.delete(id);
    }
  }
  for (const run of open.values()) runs.push(run.to - run.from);
  return runs;
}
