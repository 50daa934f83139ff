/**
 * Loss is told as it goes on: what each reader of this process lost and what the spool dropped within the last five minutes, as
 * metrics, twice a minute. So a rule of `threshold` makes one alert of it, however many events are lost, and it ends by itself.
 *
 *     holes   0 0 40 40 40 40 40 40 40 40 40 40 40
 *     told        40 40 40 40 40 40 40 40 40 40  0
 *
 * A node whose holes changed says so in its state within two seconds.
 *
 * → `sluice.reader.lost` by `sluice.node`, `sluice.spool.dropped`; {event}. Each from its first loss on: where nothing is lost, nothing is told.
 */
import type { Cancel } from '../clock.ts';
import type { Point } from '../kinds.ts';
import type { Context, Placed } from './context.ts';

const lookMs = 2000;
const tellMs = 30_000;
const spans = 10;

export function startLosing(
  context: Pick<Context, 'authorOf' | 'clock' | 'committer'> & { readonly outbox: Pick<Context['outbox'], 'counts'> },
  readers: readonly Placed[],
  changed: (nodes: readonly Placed[]) => void,
): Cancel {
  const { clock, committer, outbox } = context;
  const author = context.authorOf('sluice');
  const lost = new Map(readers.map(({ name, health }) => [name, recent(() => health.counts.holes)]));
  const begun = new Set<string>();
  const dropped = recent(() => outbox.counts.dropped);
  const point = (name: string, value: number, node?: string): Point => ({
    name,
    value,
    type: 'gauge',
    unit: '{event}',
    ...(node !== undefined && { attributes: { 'sluice.node': node } }),
  });
  const known = new Map(readers.map((reader) => [reader, reader.health.counts.holes]));
  const stopLooking = clock.every(lookMs, () => {
    const others = readers.filter((reader) => known.get(reader) !== reader.health.counts.holes);
    for (const reader of others) known.set(reader, reader.health.counts.holes);
    if (others.length > 0) changed(others);
  });
  const stopTelling = clock.every(tellMs, () => {
    const points: Point[] = [];
    const tell = (name: string, value: number, node?: string): void => {
      if (value === 0 && !begun.has(`${name} ${node}`)) return;
      begun.add(`${name} ${node}`);
      points.push(point(name, value, node));
    };
    for (const [node, count] of lost) tell('sluice.reader.lost', count(), node);
    tell('sluice.spool.dropped', dropped());
    if (points.length === 0) return;
    const event = author.original({ kind: 'metric', key: ['sluice'], data: { points } }, clock.now());
    void committer.commit({ events: [event] }).catch(() => {});
  });
  return () => {
    stopLooking();
    stopTelling();
  };
}

/** How much a count grew over the last spans, asked once in each. One that shrinks, as holes do that are filled, did not grow. */
function recent(count: () => number): () => number {
  const before: number[] = [count()];
  return () => {
    const now = count();
    const grown = Math.max(0, now - (before[0] ?? 0));
    before.push(now);
    if (before.length > spans) before.shift();
    return grown;
  };
}
