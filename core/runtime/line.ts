/**
 * One line of the spool: all that waits of one kind, in order. The streams of a process never cross kinds, so each kind has its own
 * line and none waits behind another's backlog. A window of it is in memory, and the rest on disk until its turn comes.
 *
 *     on disk ··· [ head … queue ] ··· loaded ··· last        due: up to here nothing waits for company
 */
import { type Kind, kindNames, kinds } from '../kinds.ts';
import { type Lane, type Spooled, type Store, sizeOf } from '../state/store.ts';
import { addTo, isFull, isParted, isSealed, laneFor, noLoad } from './lane.ts';

/** How much of a line is held in memory at once, in bytes. */
export const windowBytes = 1 * 1024 * 1024;

export interface Line {
  readonly kind: Kind;
  readonly lane: Lane;
  /** Read into memory and not yet sent: from `head` on. */
  queue: Spooled[];
  head: number;
  queueBytes: number;
  queueEvents: number;
  /** The first order that is not in memory; `behind` when there are such. */
  loaded: number;
  behind: boolean;
  last: number;
  /** Up to this order nothing waits for company any more. */
  due: number;
  /** The oldest order that may still wait. */
  oldest: number;
  bytes: number;
  /** Events, of however many entries. */
  count: number;
  /** Confirmed by the bus, and still to be taken from the disk. */
  confirmed: number[];
  /** Sent and not confirmed: the entries' orders, and the messages. */
  readonly leaving: Set<number>;
  unconfirmed: number;
  unconfirmedBytes: number;
  /** Events since the start of the process. */
  readonly tally: { sent: number; confirmed: number; dropped: number; expired: number; refused: number };
}

/** Who goes first when several may: what tells that a server lives, the present, what must not be lost, and then the bulk. */
const urgency: readonly Kind[] = ['heartbeat', 'alert', 'command', 'outcome', 'policy', 'state', 'audit', 'dead', 'incident'];
const rank = (kind: Kind): number => (urgency.includes(kind) ? urgency.indexOf(kind) : urgency.length);

/** The lines of a spool as an earlier run left it, the most urgent first. */
export function linesOf(store: Store): { lines: Line[]; next: number } {
  const { kinds: found, next } = store.extent();
  const lines = kindNames.map((kind): Line => {
    const { bytes, count, last } = found.get(kind) ?? { bytes: 0, count: 0, last: 0 };
    return {
      kind,
      lane: laneFor(kind),
      queue: [],
      head: 0,
      queueBytes: 0,
      queueEvents: 0,
      loaded: 0,
      behind: count > 0,
      last,
      due: next - 1,
      oldest: 0,
      bytes,
      count,
      confirmed: [],
      leaving: new Set(),
      unconfirmed: 0,
      unconfirmedBytes: 0,
      tally: { sent: 0, confirmed: 0, dropped: 0, expired: 0, refused: 0 },
    };
  });
  return { lines: lines.sort((one, other) => rank(one.kind) - rank(other.kind)), next };
}

/** Makes this what waits in memory. */
export function setQueue(line: Line, entries: Spooled[]): void {
  line.queue = entries;
  line.head = 0;
  line.queueBytes = entries.reduce((sum, { body }) => sum + body.length, 0);
  line.queueEvents = entries.reduce((sum, { count }) => sum + count, 0);
}

function refill(line: Line, store: Store): void {
  const confirmed = new Set(line.confirmed);
  const read = store.waiting(line.lane, line.kind, line.loaded, windowBytes);
  const last = read.at(-1);
  line.loaded = last ? last.order + 1 : line.last + 1;
  line.behind = last !== undefined && line.loaded <= line.last;
  setQueue(
    line,
    read.filter(({ order }) => !confirmed.has(order) && !line.leaving.has(order)),
  );
}

/** Adds what was just kept on disk. Past the window it stays there, and is read back when its turn comes. */
export function push(line: Line, entry: Spooled): void {
  line.last = entry.order;
  // What is a message by itself waits for no company, and what came before it must not come after.
  if (isSealed(entry)) line.due = entry.order;
  if (line.behind || line.queueBytes > windowBytes) line.behind = true;
  else {
    line.queue.push(entry);
    line.queueBytes += entry.body.length;
    line.queueEvents += entry.count;
    line.loaded = entry.order + 1;
  }
}

/** Whether something of it may leave now: all that is due, and what fills a message before that. */
export function isReady(line: Line): boolean {
  const first = line.queue[line.head];
  if (!first) return line.behind;
  return first.order <= line.due || line.behind || isFull(line.queueEvents, line.queueBytes);
}

/** Takes what may share the next message: in order, and within its bounds. */
export function take(line: Line, store: Store): Spooled[] {
  for (let more = true; more && line.queue.length === line.head && line.behind; more = line.queue.length === 0) refill(line, store);
  const taken: Spooled[] = [];
  const load = noLoad();
  for (let entry = line.queue[line.head]; entry; entry = line.queue[line.head]) {
    const [first] = taken;
    if (first && (isSealed(entry) || isParted(entry) !== isParted(first))) break;
    if (!addTo(load, entry.count, entry.body.length, entry.keys)) break;
    taken.push(entry);
    line.head += 1;
    line.queueBytes -= entry.body.length;
    line.queueEvents -= entry.count;
    if (!kinds[line.kind].batched || isSealed(entry) || entry.expires !== undefined) break;
  }
  if (line.head > 1024 && line.head * 2 > line.queue.length) {
    line.queue.splice(0, line.head);
    line.head = 0;
  }
  return taken;
}

/** Puts back what the bus did not take. Several may come back, in any order: they leave again in theirs. */
export function putBack(line: Line, entries: readonly Spooled[]): void {
  for (const { order } of entries) line.leaving.delete(order);
  setQueue(
    line,
    [...entries, ...line.queue.slice(line.head)].sort((one, other) => one.order - other.order),
  );
}

/** The order below which nothing of the line waits. */
export function oldestOf({ queue, head, behind, loaded, leaving }: Line): number {
  let oldest = queue[head]?.order ?? (behind ? loaded : Number.POSITIVE_INFINITY);
  for (const order of leaving) oldest = Math.min(oldest, order);
  return oldest;
}

/** Notes that entries left the spool: they are taken from the disk with the next commit. */
export function leave(line: Line, entries: readonly Spooled[]): void {
  for (const entry of entries) {
    line.confirmed.push(entry.order);
    line.leaving.delete(entry.order);
    line.bytes -= sizeOf(entry);
    line.count -= entry.count;
  }
}

export interface Shed {
  readonly orders: ReadonlySet<number>;
  readonly bytes: number;
  readonly events: number;
  /** As if it had not been: its transaction failed. */
  undo(): void;
}

/** Lets the oldest that wait go until this many bytes are free, or none is left that is not on its way. */
export function shed(line: Line, store: Store, bytes: number): Shed {
  const confirmed = new Set(line.confirmed);
  const gone: Spooled[] = [];
  const { oldest } = line;
  let freed = 0;
  for (let from = line.oldest; freed < bytes; ) {
    const read = store.waiting(line.lane, line.kind, from, Math.min(windowBytes, bytes - freed));
    for (const entry of read) {
      from = entry.order + 1;
      if (line.leaving.has(entry.order) || confirmed.has(entry.order)) continue;
      freed += sizeOf(entry);
      gone.push(entry);
      line.oldest = entry.order + 1;
      if (freed >= bytes) break;
    }
    if (read.length === 0) break;
  }
  const orders = new Set(gone.map(({ order }) => order));
  setQueue(
    line,
    line.queue.slice(line.head).filter(({ order }) => !orders.has(order)),
  );
  line.loaded = Math.max(line.loaded, line.oldest);
  line.bytes -= freed;
  const events = gone.reduce((sum, { count }) => sum + count, 0);
  line.count -= events;
  line.tally.dropped += events;
  return {
    orders,
    bytes: freed,
    events,
    undo() {
      line.oldest = oldest;
      line.bytes += freed;
      line.count += events;
      line.tally.dropped -= events;
      setQueue(line, []);
      line.loaded = 0;
      line.behind = true;
    },
  };
}
