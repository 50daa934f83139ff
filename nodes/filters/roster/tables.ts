/**
 * What the roster remembers: of each server what it said of itself and how it was judged, apart from its latest beat, so
 * that a beat writes three words and not all of it.
 */
import { table, z } from 'sluice';

const known = z.object({
  status: z.enum(['alive', 'silent', 'retired']),
  since: z.number(),
  first: z.number(),
  interval: z.number(),
  boot: z.string(),
  labels: z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.string()),
  skew: z.number().optional(),
  reason: z.string().optional(),
});
/** A server, as it is remembered. Its key is its place and host. */
export type Known = z.output<typeof known>;

/** When a server was last heard, on the receiving clock, and the id of that heartbeat. */
const beat = z.object({ seen: z.number(), id: z.string() });
export type Beat = z.output<typeof beat>;

/**
 * Another run that beats under the same name: when it did last, and the known one (`own`) too; how often the two have taken
 * turns; and since when they are told to be two.
 */
const rival = z.object({ boot: z.string(), seen: z.number(), own: z.number(), turns: z.number(), told: z.number().optional() });
export type Rival = z.output<typeof rival>;

/**
 * The watcher itself: since when it hears all there is (`clear`), or since when it does not (`blind`); whether that has been
 * said; and when it last looked, by which a pause of its own is found out.
 */
const watcher = z.object({ blind: z.number().optional(), told: z.boolean(), reason: z.string(), clear: z.number(), looked: z.number() });
export type Watcher = z.output<typeof watcher>;

/** More servers than one roster is meant for; past it, the one that changed longest ago is forgotten. */
const bound = 100_000;

export const tables = {
  servers: table(known, { bound }),
  beats: table(beat, { bound }),
  rivals: table(rival, { bound: 10_000 }),
  watcher: table(watcher, { bound: 1 }),
};
