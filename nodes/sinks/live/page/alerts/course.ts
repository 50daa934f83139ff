/**
 * The course of the series that an alert judges, around the moment that it speaks of: from the store, or as far as its causes tell.
 */
import type { Why, WhyCause } from 'sluice';
import type { PastAnswer, PastAsked } from '../../series/protocol.ts';
import { now } from '../parts/time.ts';

/** Times are milliseconds since 1970; null where nothing is known. */
export interface Course {
  readonly name: string;
  readonly unit: string | undefined;
  readonly from: number;
  readonly to: number;
  readonly points: readonly (readonly [time: number, value: number | null])[];
  readonly threshold: number | undefined;
  /** Since when it was so, when it fired, when it ended. */
  readonly marks: readonly { readonly at: number; readonly what: string }[];
  /** Said where only its causes tell of it. */
  readonly note?: string;
}

export interface Moment {
  readonly since: number;
  readonly fired: number;
  readonly ended?: number | undefined;
}

const values = 300;

/** The span that shows what happened: as long before as it took, at least a minute and a half. */
export function spanOf({ since, fired, ended }: Moment): { from: number; to: number } {
  const began = since > 0 ? Math.min(since, fired) : fired;
  const took = Math.max(90_000, (fired - began) / 2);
  const after = Math.max(took, fired - began);
  const end = ended !== undefined && ended - fired <= 10 * (fired - began + took) ? ended + took : fired + after;
  return { from: began - took, to: Math.min(end, now()) };
}

export async function courseOf(why: Why, moment: Moment): Promise<Course | undefined> {
  const { series } = why;
  const data = (why.event as { data?: { threshold?: number; value?: number } }).data;
  if (!series) return undefined;
  const { from, to } = spanOf(moment);
  const marks = [
    ...(moment.since > 0 && moment.since < moment.fired ? [{ at: moment.since, what: 'so since' }] : []),
    { at: moment.fired, what: 'fired' },
    ...(moment.ended === undefined ? [] : [{ at: moment.ended, what: 'ended' }]),
  ].filter(({ at }) => at >= from && at <= to);
  const common = { name: series.name, unit: series.unit, from, to, threshold: data?.threshold, marks };
  const asked: PastAsked = {
    metric: series.name,
    where: {
      server: [series.key.split('.', 4).join('.')],
      ...(series.attributes && {
        attributes: Object.fromEntries(Object.entries(series.attributes).map(([name, value]) => [name, [String(value)]])),
      }),
    },
    from,
    to,
    step: Math.max(1_000, Math.ceil((to - from) / values / 1000) * 1000),
  };
  const answer = await fetch('api/series', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(asked),
  }).catch(() => undefined);
  const told = answer?.ok ? ((await answer.json()) as PastAnswer) : undefined;
  const [first] = told?.series ?? [];
  // A counter's rates have another scale than what a rule compares.
  if (told && first && told.type !== 'counter' && first.values.some((value) => value !== null))
    return { ...common, points: first.values.map((value, nth) => [told.from + nth * told.step, value]) };
  const points = pointsOf(why.causes, series.name, series.attributes);
  if (points.length === 0) return undefined;
  return { ...common, points, note: 'Only the values that decided it are known.' };
}

type Wire = { time?: string; data?: { points?: readonly { name: string; value: number; time?: string; attributes?: unknown }[] } };

function pointsOf(causes: readonly WhyCause[], name: string, attributes: unknown): [number, number][] {
  const same = JSON.stringify(attributes ?? {});
  const wires = causes.flatMap((cause) => (cause.sort === 'event' ? [cause.event] : cause.sort === 'range' ? cause.some : []));
  return wires
    .flatMap((wire) => {
      const { time, data } = wire as Wire;
      const points = (data?.points ?? []).filter((point) => point.name === name && JSON.stringify(point.attributes ?? {}) === same);
      return points.map((point): [number, number] => [Date.parse(point.time ?? time ?? ''), point.value]);
    })
    .sort(([one], [other]) => one - other);
}
