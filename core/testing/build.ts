/** Small builders of what a filter may be given, so that a test shows only what matters to it. */
import { key } from '../key.ts';
import type { DataInput, Kind } from '../kinds.ts';
import type { Step } from '../node.ts';

/** The place of all that examples and tests speak of. */
export const examplePlace = { company: 'acme', system: 'shop', environment: 'prod' } as const;

/** The key of something on a host of the example place: `keyOn('web-1', 'filesystem', '/var')`. */
export const keyOn = (host: string, ...resource: string[]): string => key({ ...examplePlace, host, resource });

/** An event of any kind at a time of the play: `at('10s').event('incident', keyOn('web-1', 'ssh'), { what: 'x' })`. */
export function anEvent<K extends Kind>(at: string, kind: K, about: string, data: DataInput<K>): Step {
  return { at, event: { kind, key: about, data } };
}

/** One measured point: `aMetric('10s', 'web-1', 'system.cpu.utilization', 0.9, { 'cpu.mode': 'user' })`. */
export function aMetric(
  at: string,
  host: string,
  name: string,
  value: number,
  attributes?: Readonly<Record<string, string | number | boolean>>,
): Step {
  return anEvent(at, 'metric', keyOn(host, 'test'), { points: [{ name, value, ...(attributes && { attributes }) }] });
}

/** A heartbeat, each 5 s unless said, of the boot `<host>-1` unless said. */
export function aHeartbeat(at: string, host: string, more: Partial<DataInput<'heartbeat'>> = {}): Step {
  return anEvent(at, 'heartbeat', keyOn(host), { boot: `${host}-1`, interval: 5, ...more });
}

/** Lines of a log. */
export function aLog(at: string, host: string, ...lines: string[]): Step {
  return anEvent(at, 'log', keyOn(host, 'log'), { lines: lines.map((body) => ({ body })) });
}

/** The same step each `every` seconds, from `from` to `to`, both included. */
export function each(from: number, to: number, every: number, step: (at: string, seconds: number) => Step): Step[] {
  const steps: Step[] = [];
  for (let seconds = from; seconds <= to; seconds += every) steps.push(step(`${seconds}s`, seconds));
  return steps;
}
