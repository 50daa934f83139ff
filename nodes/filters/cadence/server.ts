/** Which servers are there: of one that is silent or gone, nothing can be said but that. */
import { type Event, z } from 'sluice';

export const server = z.object({
  heard: z.number(),
  /** Milliseconds between beats. */
  interval: z.number(),
  gone: z.boolean(),
});
export type Server = z.output<typeof server>;

/** Times are noted to within as much. */
export const noteEvery = 30_000;

/** The server that a key is about. */
export const hostOf = (about: string): string => about.split('.', 4).join('.');

/** What a beat says of its server, where that is worth a write. A hub's own beats, which have a resource, say nothing of others. */
export function beat(known: Server | undefined, { key, data }: Event<'heartbeat'>, at: number): Server | undefined {
  if (key !== hostOf(key)) return undefined;
  const gone = data.goodbye !== undefined;
  const interval = data.interval * 1000;
  const isNews = known === undefined || known.gone !== gone || known.interval !== interval || Math.abs(at - known.heard) >= noteEvery;
  return isNews ? { heard: at, interval, gone } : undefined;
}

/** Not known to be silent or gone. Where no agent beats, as around a script, there is nobody to ask. */
export function isHere(known: Server | undefined, at: number): boolean {
  return known === undefined || (!known.gone && at - known.heard <= Math.max(3 * known.interval, 30_000) + noteEvery);
}
