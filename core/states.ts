/**
 * What `state` events say: the well-known values of `of`. A state is the present; its key names the thing that it is of.
 *
 *     server   <place>.<host>.server               from the roster; of a process, with its word after it
 *     node     <place>.<host>.node.<name>          from the process that runs it
 *     process  <place>.<host>.process.<boot>       from the process itself
 *     alert    <place>.<host>.alert.<rule>.<what>  while it fires; null once it is resolved
 */
import { z } from 'zod';
import { kinds } from './kinds.ts';

/** A server as the roster judges it. Times are ISO 8601; `interval` is in seconds, `skew` (its clock ahead of ours) too. */
export const serverState = z.object({
  company: z.string(),
  system: z.string(),
  environment: z.string(),
  host: z.string(),
  /** Of a process that beats for itself beside its server's agent, or without one: what it is, as `hub`. */
  process: z.string().optional(),
  /** `blind`: nobody can tell, since the watcher's own pipe is broken or behind. */
  status: z.enum(['alive', 'silent', 'retired', 'blind']),
  since: z.string(),
  seen: z.string(),
  first: z.string(),
  interval: z.number(),
  boot: z.string(),
  skew: z.number().optional(),
  reason: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.string()),
});

/** A node as its process reports it. Counts are since the process began. */
export const nodeState = z.object({
  name: z.string(),
  use: z.string(),
  sort: z.enum(['monitor', 'filter', 'sink', 'actuator']),
  doc: z.string(),
  host: z.string(),
  process: z.string(),
  status: z.enum(['starting', 'running', 'failing', 'stopped']),
  since: z.string(),
  in: z.array(z.object({ kind: z.string(), pattern: z.string() })),
  out: z.array(z.string()),
  /** Milliseconds between samples. */
  every: z.number().optional(),
  events: z.object({
    in: z.number(),
    out: z.number(),
    dead: z.number(),
    dropped: z.number(),
    /** Known lost on the way here, and left out since they came again: of the streams that it remembers, so over restarts. */
    holes: z.number().default(0),
    repeats: z.number().default(0),
  }),
  /** The queues that it reads at a broker. */
  queues: z.array(z.string()).optional(),
  /** Milliseconds from when an event was written to when it was handled; the latest. */
  lag: z.number().optional(),
  errors: z.number(),
  error: z.string().optional(),
  /** Of a node that several processes share: how many partitions it has, and which of them this process holds. */
  partitions: z.object({ of: z.number(), held: z.array(z.number()) }).optional(),
});

const spooled = z.object({ events: z.number(), bytes: z.number() });

/** A process, as it says of itself: what it gave to the bus, and what it could not yet. Counts are of events, since it began. */
export const processState = z.object({
  host: z.string(),
  /** Its boot id: several may run on a host. */
  process: z.string(),
  status: z.enum(['running', 'stopped']),
  since: z.string(),
  version: z.string(),
  /** `embedded`, or where the broker is, without credentials. */
  bus: z.string(),
  connected: z.boolean(),
  /** The broker takes nothing for now. */
  blocked: z.boolean(),
  /** Milliseconds that what may share a message waits for company. */
  linger: z.number(),
  /** Given to the bus; confirmed by it. */
  sent: z.number(),
  confirmed: z.number(),
  /** Given up for want of room, because nobody wants them any more, and because no bus could take them. */
  dropped: z.number(),
  expired: z.number(),
  refused: z.number(),
  /** Waiting, in each lane of the spool. */
  spooled: z.object({ durable: spooled, telemetry: spooled }),
  /** Never-lose events that nobody at the broker reads: kept, and let go for want of room. */
  unwanted: z.object({ events: z.number(), lost: z.number() }),
  /** Written, by kind: what its readers should have had. */
  written: z.record(z.string(), z.number()),
});

/** What a reader knows of a stream that did not come whole, or came twice. */
export const loss = z.object({
  /** Who reads it. */
  node: z.string(),
  source: z.string(),
  boot: z.string(),
  kind: z.string(),
  key: z.string(),
  lost: z.number(),
  repeats: z.number(),
  /** Which are lost, as `from-to`, the latest last. Older ones may be among `lost` alone. */
  gaps: z.array(z.string()),
  /** When something of it came last. */
  moved: z.string(),
});

/** What the readers of a process have lost; and how far each that reads all of a kind has heard a process, in events. */
export const ledgerState = z.object({
  /** Whose it is: a boot id. */
  process: z.string(),
  lost: z.array(loss),
  /** By boot, events: as far as its streams go that were seen. Of what began before `since` some may never have been. */
  heard: z.array(z.object({ node: z.string(), kind: z.string(), since: z.string(), events: z.record(z.string(), z.number()) })),
});

/** An alert that fires. */
export const alertState = kinds.alert.schema;

export type ServerState = z.output<typeof serverState>;
export type NodeState = z.output<typeof nodeState>;
export type ProcessState = z.output<typeof processState>;
export type Loss = z.output<typeof loss>;
export type LedgerState = z.output<typeof ledgerState>;
export type AlertState = z.output<typeof alertState>;

/**
 * Whose silence holds an alert back: while a server is `silent` or `retired`, what was said about it before is no news, and
 * only what the roster says of it is shown. Heard again, it shows what still fires.
 *
 * The key of an alert, or of its state → `<place>.<host>`; undefined for what is never held.
 */
export function holderOf(key: string): string | undefined {
  const words = key.split('.');
  const resource = words[4] === 'alert' ? words.slice(6) : words.slice(4);
  return resource[0] === 'server' ? undefined : words.slice(0, 4).join('.');
}

export const holds = ({ status }: Pick<ServerState, 'status'>): boolean => status === 'silent' || status === 'retired';
