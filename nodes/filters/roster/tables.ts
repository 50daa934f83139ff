/**
 * What the roster remembers: of each server what it said of itself and how it was judged, apart from its latest beat, so
 * that a beat writes three words and not all of it.
 */
import { type Tables, table, z } from 'sluice';

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
  /** Retired by a person, and not by a goodbye. */
  person: z.boolean().optional(),
  /** Whose alert tells of its silence: that of a group, or of the server that it is a process of. Else it has its own. */
  within: z.string().optional(),
});
/** A server, as it is remembered, or a process that beats for itself. Its key is that of its heartbeats. */
export type Known = z.output<typeof known>;

/** When a server was last heard, on the receiving clock, the id of that heartbeat, and by how much its clock was ahead of ours. */
const beat = z.object({ seen: z.number(), id: z.string(), ahead: z.number() });
export type Beat = z.output<typeof beat>;

/**
 * Another run that beats under the same name: when it did last, and the known one (`own`) too; how often the two have taken
 * turns; what it says of itself; and since when they are told to be two.
 */
const rival = z.object({
  boot: z.string(),
  seen: z.number(),
  own: z.number(),
  turns: z.number(),
  labels: z.record(z.string(), z.string()),
  told: z.number().optional(),
});
export type Rival = z.output<typeof rival>;

/** A clock that is off: how many beats in a row said so, or since it was told, how many said that it is well; and when the last did. */
const clock = z.object({ beats: z.number(), last: z.number(), told: z.boolean() });

/** A group whose loss is told: its key, whether as a label or a place, and when it began. */
const group = z.object({ key: z.string(), name: z.string(), since: z.number(), token: z.string().optional() });
export type Group = z.output<typeof group>;

/** Since when there are too few. */
const shortage = z.object({ since: z.number(), told: z.boolean() });

/** An alert that fires, whichever roster told it. `token` is the first of its evidence: by it, all give it one id. */
const told = z.object({ token: z.string(), since: z.number(), by: z.enum(['us', 'another']) });
export type Told = z.output<typeof told>;

/**
 * The watcher itself: since when it hears all there is (`clear`), or since when it does not (`blind`); whether that has been
 * said; when it last looked, by which a pause of its own is found out; when it last heard its own server; and by how much the
 * fleet's clocks are ahead of its own, with when that was found; and the round of its own beats that it said last.
 */
const watcher = z.object({
  blind: z.number().optional(),
  told: z.boolean(),
  reason: z.string(),
  clear: z.number(),
  looked: z.number(),
  own: z.object({ seen: z.number(), interval: z.number(), id: z.string() }).optional(),
  fleet: z.object({ ahead: z.number(), at: z.number() }).optional(),
  round: z.number().optional(),
});
export type Watcher = z.output<typeof watcher>;

/** More servers than one roster is meant for; past it, the one that changed longest ago is forgotten. */
const bound = 100_000;

export const tables = {
  servers: table(known, { bound }),
  beats: table(beat, { bound }),
  rivals: table(rival, { bound: 10_000 }),
  clocks: table(clock, { bound: 10_000 }),
  groups: table(group, { bound: 1000 }),
  shortages: table(shortage, { bound: 100 }),
  told: table(told, { bound }),
  watcher: table(watcher, { bound: 1 }),
};
export type Memory = Tables<typeof tables>;
