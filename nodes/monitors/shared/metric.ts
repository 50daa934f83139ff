/**
 * Makes what a sampled monitor returns: one metric event with all of its points.
 *
 * resource words, points → drafts. A value that the system does not give is NaN here, and no point is made of it, so that
 * a parser need not ask field by field. Past 2,000 points (a machine with hundreds of interfaces) they are shared out
 * over more events, which keeps each well below the 1 MB that an event may have.
 */
import type { DataInput, Draft } from 'sluice';

export type PointInput = DataInput<'metric'>['points'][number];

const pointsPerEvent = 2000;

export function metric(resource: readonly string[], points: readonly PointInput[]): Draft<'metric'>[] {
  const known = points.filter((point) => Number.isFinite(point.value));
  const drafts: Draft<'metric'>[] = [];
  for (let from = 0; from < known.length; from += pointsPerEvent) {
    drafts.push({ kind: 'metric', key: resource, data: { points: known.slice(from, from + pointsPerEvent) } });
  }
  return drafts;
}
