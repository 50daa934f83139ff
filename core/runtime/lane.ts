/**
 * What may share a message. Events that were decided together become as few entries of the spool as may each be one, and entries
 * that wait together are joined again when they leave: one message of one kind, routed by all of its keys.
 *
 *     events ──▶ entries (JSON, or sealed: compressed once, and a message by itself) ──▶ messages
 *
 * An event is encoded once, here, and never read again on its way out.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Message } from '../bus/bus.ts';
import { type Event, encode } from '../event.ts';
import { type Kind, kinds } from '../kinds.ts';
import { slotKeys } from '../slot.ts';
import type { Lane, Spooled } from '../state/store.ts';

/**
 * Events, bytes of JSON, keys and bytes of keys that may share a message. Keys travel in one header frame (128 kB at most), and
 * leave room for slots among the 1,024 that a bus takes.
 */
const maxBatchEvents = 2000;
export const maxBatchBytes = 512 * 1024;
const maxBatchKeys = 800;
const maxKeyBytes = 64 * 1024;

/** From here on what was decided together is a message by itself, and compressed before it goes to disk. In bytes of JSON. */
const sealBytes = 128 * 1024;

/**
 * Measured on the agents' own mix (Node 20.20, zlib): 1.5 kB become 0.4 in 20 µs, 15 kB become 1.5 in 60 µs at level 6 and 1.6 in 40
 * at level 1; 1 MB become 76 kB in 4 ms at level 6 and 87 kB in 2 ms at level 1. So small messages are pressed hard, and floods fast.
 */
const leastCompressed = 1024;
const hardUpTo = 64 * 1024;

export const laneFor = (kind: Kind): Lane => (kinds[kind].delivery === 'durable' ? 'durable' : 'telemetry');

/** What entries of one message have so far. */
interface Load {
  events: number;
  bytes: number;
  keyBytes: number;
  readonly keys: Set<string>;
}

export const noLoad = (): Load => ({ events: 0, bytes: 0, keyBytes: 0, keys: new Set() });

/** Adds to what a message has, unless it would be too much. An empty message takes anything. */
export function addTo(load: Load, events: number, bytes: number, keys: readonly string[]): boolean {
  const more = keys.filter((key) => !load.keys.has(key));
  const keyBytes = more.reduce((sum, key) => sum + Buffer.byteLength(key) + 8, 0);
  const fits =
    load.events + events <= maxBatchEvents &&
    load.bytes + bytes <= maxBatchBytes &&
    load.keys.size + more.length <= maxBatchKeys &&
    load.keyBytes + keyBytes <= maxKeyBytes;
  if (load.events > 0 && !fits) return false;
  load.events += events;
  load.bytes += bytes;
  load.keyBytes += keyBytes;
  for (const key of more) load.keys.add(key);
  return true;
}

/** As many as fill a message: they need not wait for more. */
export const isFull = (events: number, bytes: number): boolean => events >= maxBatchEvents || bytes >= maxBatchBytes;

/** A whole message's worth, compressed: it travels as it is. */
export const isSealed = (entry: Spooled): entry is Spooled & { readonly body: Buffer } => typeof entry.body !== 'string';

/** The events of an entry as JSON, with commas in between; of a sealed one as an array. For people and for the dead. */
export const textOf = (entry: Spooled): string => (isSealed(entry) ? gunzipSync(entry.body).toString() : String(entry.body));

const compressed = (json: Buffer): Buffer => gzipSync(json, { level: json.length > hardUpTo ? 1 : 6 });

/** What is never lost goes key by key, and state is known by its keys: those carry no slots. */
const slotted = (kind: Kind): boolean => kinds[kind].delivery === 'telemetry' || kinds[kind].delivery === 'heartbeat';

/** Whether its events say partition keys: those never share a message with others, since a message goes by one or by the other. */
export const isParted = ({ keys }: Spooled): boolean => keys.at(-1)?.startsWith('~p') ?? false;

/** Puts events into as few entries as may each be a message, in their order. `next` gives an entry its order. */
export function entriesOf(events: readonly Event[], compress: boolean, next: () => number): Spooled[] {
  const entries: Spooled[] = [];
  const add = (kind: Kind, keys: readonly string[], expires: number | undefined, count: number, body: string | Buffer): void => {
    entries.push({ order: next(), kind, keys, expires, count, body });
  };
  let open: { kind: Kind; parted: boolean; load: Load; jsons: string[] } | undefined;
  const close = (): void => {
    if (!open) return;
    const { kind, load, jsons } = open;
    const json = jsons.join(',');
    const body = compress && json.length >= sealBytes ? compressed(Buffer.from(`[${json}]`)) : json;
    add(kind, slotsLast(load.keys), undefined, jsons.length, body);
    open = undefined;
  };
  for (const event of events) {
    const { kind, key, expirytime } = event;
    const json = encode(event);
    const keys = slotted(kind) ? [key, ...slotKeys(event)] : [key];
    const parted = event.partitionkey !== undefined;
    if (!kinds[kind].batched || expirytime !== undefined) {
      close();
      add(kind, keys, expirytime, 1, json);
      continue;
    }
    if (open?.kind !== kind || open.parted !== parted || !addTo(open.load, 1, json.length, keys)) {
      close();
      open = { kind, parted, load: noLoad(), jsons: [] };
      addTo(open.load, 1, json.length, keys);
    }
    open.jsons.push(json);
  }
  close();
  return entries;
}

/** A message's first key is one of its events', and its last that of a partition where it has such. */
const slotsLast = (keys: ReadonlySet<string>): string[] => {
  const all = [...keys];
  const rank = (key: string): number => (key.startsWith('~p') ? 2 : key.startsWith('~') ? 1 : 0);
  return [0, 1, 2].flatMap((each) => all.filter((key) => rank(key) === each));
};

export function messageFor(first: Spooled, entries: readonly Spooled[], now: number, compress: boolean): Message {
  const kind = first.kind as Kind;
  if (isSealed(first)) return { kind, keys: first.keys, body: first.body, batch: true, encoding: 'gzip' };
  const batch = entries.length > 1 || first.count > 1;
  const json = entries.map(({ body }) => body).join(',');
  const plain = Buffer.from(batch ? `[${json}]` : json);
  const small = compress && kinds[kind].batched && plain.length >= leastCompressed ? compressed(plain) : undefined;
  return {
    kind,
    keys: entries.length > 1 ? [...new Set(entries.flatMap((entry) => entry.keys))] : first.keys,
    body: small ?? plain,
    batch,
    ...(small && { encoding: 'gzip' as const }),
    ...(first.expires !== undefined && !batch && { expires: Math.max(1, first.expires - now) }),
  };
}
