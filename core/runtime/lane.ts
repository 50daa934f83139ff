/**
 * One lane of the spool: what waits on disk, how much of it is in memory, and what of it may share the next message.
 */
import type { Message } from '../bus/bus.ts';
import { type Event, encode } from '../event.ts';
import { type Kind, kinds } from '../kinds.ts';
import { slotKeys } from '../slot.ts';
import type { Lane, Spooled, Store } from '../state/store.ts';

/** Events, bytes and keys that may share a message. */
const maxBatchEvents = 200;
const maxBatchBytes = 256 * 1024;
const maxBatchKeys = 64;

/** How much of a lane is held in memory at once, in bytes of JSON. */
export const windowBytes = 4 * 1024 * 1024;

export interface LaneState {
  readonly name: Lane;
  /** Read into memory and not yet sent: from `head` on. */
  queue: Spooled[];
  head: number;
  queueBytes: number;
  /** The first order that is not in memory; `behind` when there are such. */
  loaded: number;
  behind: boolean;
  next: number;
  /** The oldest order that may still wait. */
  oldest: number;
  bytes: number;
  /** Events, of however many entries. */
  count: number;
  /** Confirmed by the bus, and still to be taken from the disk. */
  confirmed: number[];
  /** Sent and not confirmed: the events' orders, and the messages. */
  readonly leaving: Set<number>;
  unconfirmed: number;
  unconfirmedBytes: number;
}

export function laneOf(store: Store, name: Lane): LaneState {
  const { bytes, count, next } = store.extent(name);
  return {
    name,
    queue: [],
    head: 0,
    queueBytes: 0,
    loaded: 0,
    behind: count > 0,
    next,
    oldest: 0,
    bytes,
    count,
    confirmed: [],
    leaving: new Set(),
    unconfirmed: 0,
    unconfirmedBytes: 0,
  };
}

function refill(lane: LaneState, store: Store): void {
  const confirmed = new Set(lane.confirmed);
  const found = store
    .waiting(lane.name, lane.loaded, windowBytes)
    .filter((entry) => !confirmed.has(entry.order) && !lane.leaving.has(entry.order));
  lane.queue = found;
  lane.head = 0;
  lane.queueBytes = found.reduce((sum, entry) => sum + entry.json.length, 0);
  const last = found.at(-1);
  lane.loaded = last ? last.order + 1 : lane.next;
  lane.behind = last !== undefined && lane.loaded < lane.next;
}

export const laneFor = (kind: Kind): Lane => (kinds[kind].delivery === 'durable' ? 'durable' : 'telemetry');

/** What is never lost goes key by key, and state is known by its keys: those carry no slots. */
const slotted = (kind: Kind): boolean => kinds[kind].delivery === 'telemetry' || kinds[kind].delivery === 'heartbeat';

/** Whether its events say partition keys: those never share a message with others, since a message goes by one or by the other. */
const isParted = ({ keys }: Spooled): boolean => keys.at(-1)?.startsWith('~p') ?? false;

/** Puts events into as few entries as may each be a message, in their order. `next` gives an entry its order. */
export function entriesOf(events: readonly Event[], next: () => number): Spooled[] {
  const entries: Spooled[] = [];
  let open: { kind: Kind; parted: boolean; keys: Set<string>; slots: Set<string>; bytes: number; jsons: string[] } | undefined;
  const close = (): void => {
    if (!open) return;
    const { kind, keys, slots, jsons } = open;
    entries.push({ order: next(), kind, keys: [...keys, ...slots], expires: undefined, count: jsons.length, json: jsons.join(',') });
    open = undefined;
  };
  for (const event of events) {
    const { kind, key, expirytime } = event;
    const json = encode(event);
    const slots = slotted(kind) ? slotKeys(event) : [];
    const parted = event.partitionkey !== undefined;
    if (!kinds[kind].batched || expirytime !== undefined) {
      close();
      entries.push({ order: next(), kind, keys: [key, ...slots], expires: expirytime, count: 1, json });
      continue;
    }
    const fits =
      open?.kind === kind &&
      open.parted === parted &&
      open.jsons.length < maxBatchEvents &&
      open.bytes + json.length <= maxBatchBytes &&
      (open.keys.size < maxBatchKeys || open.keys.has(key));
    if (!fits) close();
    open ??= { kind, parted, keys: new Set(), slots: new Set(), bytes: 0, jsons: [] };
    open.keys.add(key);
    for (const slot of slots) open.slots.add(slot);
    open.bytes += json.length;
    open.jsons.push(json);
  }
  close();
  return entries;
}

export function messageFor(first: Spooled, entries: readonly Spooled[], now: number): Message {
  const kind = first.kind as Kind;
  const batch = entries.length > 1 || first.count > 1;
  return {
    kind,
    keys: entries.length > 1 ? [...new Set(entries.flatMap((entry) => entry.keys))] : first.keys,
    body: Buffer.from(batch ? `[${entries.map((entry) => entry.json).join(',')}]` : first.json),
    batch,
    ...(first.expires !== undefined && !batch && { expires: Math.max(1, first.expires - now) }),
  };
}

/** Takes what may share the next message: of one kind, and within its bounds. */
export function take(lane: LaneState, store: Store): Spooled[] {
  if (lane.queue.length === lane.head && lane.behind) refill(lane, store);
  const first = lane.queue[lane.head];
  if (!first) return [];
  const taken: Spooled[] = [];
  const keys = new Set<string>();
  let [bytes, count] = [0, 0];
  const batched = kinds[first.kind as Kind].batched;
  for (let entry: Spooled | undefined = first; entry; entry = lane.queue[lane.head]) {
    if (entry.kind !== first.kind || isParted(entry) !== isParted(first)) break;
    const more = entry.keys.reduce((sum, key) => sum + (keys.has(key) ? 0 : 1), 0);
    const fits = count + entry.count <= maxBatchEvents && bytes + entry.json.length <= maxBatchBytes && keys.size + more <= maxBatchKeys;
    if (taken.length > 0 && !fits) break;
    for (const key of entry.keys) keys.add(key);
    bytes += entry.json.length;
    count += entry.count;
    taken.push(entry);
    lane.head += 1;
    lane.queueBytes -= entry.json.length;
    if (!batched) break;
  }
  if (lane.head > 1024 && lane.head * 2 > lane.queue.length) {
    lane.queue.splice(0, lane.head);
    lane.head = 0;
  }
  return taken;
}
