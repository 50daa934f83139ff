/** What the tests of sampled monitors share: fixture trees, one sample's points, and finding a point among them. */
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AnyMonitor, type Draft, kinds, type Point, type Sampler } from 'sluice';

/** The path of a tree under test/fixtures/proc. */
export const fixture = (name: string): string => fileURLToPath(new URL(`../../../test/fixtures/proc/${name}`, import.meta.url));

/** A copy of a tree, for tests that let time pass in it. */
export function copyOf(name: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-proc-'));
  cpSync(fixture(name), copy, { recursive: true });
  return copy;
}

export function samplerOf(monitor: AnyMonitor, config: Record<string, unknown> = {}): Sampler {
  const made = monitor.create(monitor.config.parse(config));
  if (!('sample' in made)) throw new Error(`${monitor.name} does not sample`);
  return made;
}

/** One sample's points, each checked as the bus will check it. */
export async function sample(sampler: Sampler): Promise<Point[]> {
  return pointsIn(await sampler.sample(new AbortController().signal));
}

export const pointsIn = (drafts: readonly Draft[]): Point[] =>
  drafts.flatMap((draft) => (draft.kind === 'metric' ? kinds.metric.schema.parse(draft.data).points : []));

/** Starts a monitor, takes one sample and stops it. */
export async function once(monitor: AnyMonitor, config: Record<string, unknown> = {}): Promise<Point[]> {
  const sampler = samplerOf(monitor, config);
  await sampler.start?.();
  try {
    return await sample(sampler);
  } finally {
    await sampler.stop?.();
  }
}

/** The value of the point with this name and these attributes, which may have more. */
export function valueIn(points: readonly Point[], name: string, attributes: Record<string, unknown> = {}): number | undefined {
  const found = points.filter(
    (point) => point.name === name && Object.entries(attributes).every(([key, value]) => point.attributes?.[key] === value),
  );
  if (found.length > 1) throw new Error(`${found.length} points are ${name} ${JSON.stringify(attributes)}`);
  return found[0]?.value;
}
