/**
 * The last minutes of every kind, so that a viewer who comes late sees charts and not dots. Each event is encoded once, here,
 * and the same bytes go to every viewer.
 *
 * events → entries, in order of arrival. Bounded in age, counted in ticks of a second by whoever calls `tick` (a sink reads no
 * clock), and in bytes: past them the kind that holds most gives way first, so that a flood of log lines costs no chart its past.
 */
import { randomBytes } from 'node:crypto';
import { type Event, type Kind, toWire } from 'sluice';

/** An event as viewers get it. */
export interface Entry {
  readonly kind: Kind;
  readonly key: string;
  /** The event's own time, in milliseconds since 1970. */
  readonly time: number;
  /** Its place in the order of arrival. */
  readonly order: number;
  /** The tick at which it arrived. */
  readonly tick: number;
  /** Its wire form: JSON in UTF-8. */
  readonly json: Buffer;
}

export interface Memory {
  add(event: Event): Entry;
  /** A second has passed: what is now too old is forgotten. */
  tick(): void;
  /** What is remembered of these kinds and came after a place in the order of arrival, in that order. */
  entries(kinds: ReadonlySet<Kind>, after?: number): Entry[];
  /** One of these, while it is remembered. */
  find(kind: Kind, order: number): Entry | undefined;
  /** The last place in the order of these kinds that is forgotten; -1 while none is. */
  forgotten(kinds: ReadonlySet<Kind>): number;
  /** This memory's own, random: places in the order mean nothing in another, as after a restart. */
  readonly id: string;
  /** The place of the newest event, of any kind; -1 before the first. */
  readonly last: number;
  readonly now: number;
  readonly bytes: number;
  readonly size: number;
}

/** Events of log lines that are kept however old they are. */
const leastLogs = 50;

/** What an entry costs beyond its JSON: the object, its slots and its key. Measured, rounded up. */
const overhead = 250;

export function createMemory(limits: { readonly ticks: number; readonly bytes: number }): Memory {
  const queues = new Map<Kind, Queue>();
  let now = 0;
  let order = 0;
  let bytes = 0;

  const forget = (queue: Queue) => {
    bytes -= queue.shift();
  };
  const largest = () => [...queues.values()].reduce((most, queue) => (queue.bytes > most.bytes ? queue : most));

  return {
    add(event) {
      const json = Buffer.from(JSON.stringify(toWire(event)));
      const entry = { kind: event.kind, key: event.key, time: event.time, order: order++, tick: now, json };
      // The present is kept elsewhere, one value per key.
      if (event.kind === 'state') return entry;
      const queue = queues.get(event.kind) ?? createQueue();
      queues.set(event.kind, queue);
      bytes += queue.push(entry);
      while (bytes > limits.bytes) forget(largest());
      return entry;
    },
    tick() {
      now++;
      for (const [kind, queue] of queues) {
        // A quiet machine's latest lines say more than an empty page.
        const least = kind === 'log' ? leastLogs : 0;
        for (let oldest = queue.first(); oldest && queue.size > least && now - oldest.tick > limits.ticks; oldest = queue.first())
          forget(queue);
      }
    },
    entries(kinds, after = -1) {
      const found = [...queues].filter(([kind]) => kinds.has(kind)).map(([, queue]) => queue.after(after));
      return found.length === 1 ? (found[0] ?? []) : found.flat().sort((one, other) => one.order - other.order);
    },
    find: (kind, order) => queues.get(kind)?.find(order),
    forgotten: (kinds) => Math.max(-1, ...[...queues].filter(([kind]) => kinds.has(kind)).map(([, queue]) => queue.forgotten)),
    id: randomBytes(6).toString('hex'),
    get last() {
      return order - 1;
    },
    get now() {
      return now;
    },
    get bytes() {
      return bytes;
    },
    get size() {
      return [...queues.values()].reduce((sum, queue) => sum + queue.size, 0);
    },
  };
}

type Queue = ReturnType<typeof createQueue>;

/** First in, first out, without moving the rest at each step. */
function createQueue() {
  let items: Entry[] = [];
  let head = 0;
  let bytes = 0;
  let forgotten = -1;
  /** Found by halving. */
  const indexAfter = (order: number): number => {
    let low = head;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((items[middle]?.order ?? 0) > order) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const cost = (entry: Entry) => entry.json.length + entry.key.length + overhead;
  return {
    push(entry: Entry): number {
      items.push(entry);
      bytes += cost(entry);
      return cost(entry);
    },
    shift(): number {
      const entry = items[head];
      if (!entry) return 0;
      bytes -= cost(entry);
      forgotten = entry.order;
      head++;
      // At most half of the array is dead, and each live entry is moved once per halving.
      if (head > 64 && head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return cost(entry);
    },
    first: () => items[head],
    /** What came after a place in the order. */
    after: (order: number): Entry[] => items.slice(indexAfter(order)),
    find(order: number): Entry | undefined {
      const found = items[indexAfter(order - 1)];
      return found?.order === order ? found : undefined;
    },
    get forgotten() {
      return forgotten;
    },
    get bytes() {
      return bytes;
    },
    get size() {
      return items.length - head;
    },
  };
}
