/**
 * What is played to a filter, made of an example's steps: events with their times, in order.
 *
 * Times of steps count from the start of the play. A fixture's events come when they were received: then the play starts with
 * that minute, and its clock is the recorded one, so that windows and points with times of their own fall where they fell.
 */
import { duration } from '../clock.ts';
import { ConfigError } from '../errors.ts';
import { type Event, originalId } from '../event.ts';
import { matcher, parse } from '../key.ts';
import { type Kind, kinds } from '../kinds.ts';
import type { AnyFilter, Pipe, Recording, Step } from '../node.ts';
import { topicsOf } from '../runtime/graph.ts';
import { readFixture } from './fixture.ts';

/** When a play of steps alone starts. A whole day, so that all ticks are aligned with it. */
export const playStart = Date.UTC(2026, 0, 1);
const minute = 60_000;

/** Something that happens, or only time that passes; `at` in milliseconds since 1970. */
export type Moment = { readonly at: number; readonly event?: Event; readonly pipe?: Pipe };

export interface Schedule {
  readonly start: number;
  readonly moments: readonly Moment[];
}

type Played = Pick<AnyFilter, 'name' | 'in' | 'tickEvery'>;

/** @throws ConfigError when a step is not what it should be, or comes before the one above it */
export function scheduleOf(filter: Played, given: readonly (Step | Recording)[]): Schedule {
  const [first] = given;
  const steps = first && 'pipe' in first ? given : [{ at: '0s', pipe: { connected: true, caughtUp: true } } as const, ...given];
  const recorded = new Map(steps.flatMap((step) => ('fixture' in step ? [[step, recordingOf(filter, step.fixture)] as const] : [])));
  const [earliest] = [...recorded.values()].flat();
  const grain = Math.max(minute, filter.tickEvery ?? 0);
  const start = earliest === undefined ? playStart : Math.floor(earliest.at / grain) * grain;
  let now = start;
  const moments = steps.flatMap((step, index): readonly Moment[] => {
    if ('fixture' in step) return recorded.get(step) ?? [];
    const at = start + millisecondsOf(step.at, filter.name);
    if ('event' in step) return [{ at, event: eventOf(step.event, index, start, at, filter.name) }];
    return 'pipe' in step ? [{ at, pipe: step.pipe }] : [{ at }];
  });
  for (const { at } of moments) {
    if (at < now)
      throw new ConfigError(`${filter.name}: step at ${(at - start) / 1000}s comes before the one above it; put the steps in order`);
    now = at;
  }
  return { start, moments };
}

/** The events of a fixture that the filter reads. */
function recordingOf(filter: Played, file: URL | string): Moment[] {
  const topics = topicsOf(filter.in).map(({ kind, pattern }) => ({ kind, matches: matcher(pattern) }));
  const all = readFixture(file);
  const read = all.filter(({ event }) => topics.some(({ kind, matches }) => event.kind === kind && matches(event.key)));
  if (read.length === 0)
    throw new ConfigError(
      `${file}: none of its ${all.length} events is for ${filter.name}; it reads ${filter.in.map(({ kind }) => kind).join(', ')}`,
    );
  return read.map(({ event, received }) => ({ at: received, event: deepFreeze(event) }));
}

function eventOf(given: Extract<Step, { event: unknown }>['event'], index: number, start: number, at: number, node: string): Event {
  const about = parse(given.key);
  const checked = kinds[given.kind as Kind].schema.safeParse(given.data);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new ConfigError(`${node}: the ${given.kind} at step ${index}: data.${issue?.path.join('.')}: ${issue?.message}`);
  }
  const source = given.source ?? `/${about.company}/${about.system}/${about.environment}/${about.host}/example`;
  const since = given.time === undefined ? at - start : duration(given.time);
  return deepFreeze({
    id: originalId(source, 'example', given.kind, given.key, index),
    kind: given.kind,
    key: given.key,
    source,
    bootid: 'example',
    sequence: index,
    time: since === undefined ? Date.parse(given.time ?? '') : start + since,
    data: checked.data,
  } as Event);
}

function millisecondsOf(at: string, node: string): number {
  const elapsed = duration(at);
  if (elapsed === undefined) throw new ConfigError(`${node}: a step's at "${at}" is no time; write it as 0s, 500ms or 1m30s`);
  return elapsed;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
