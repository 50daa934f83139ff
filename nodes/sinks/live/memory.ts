/**
 * The last minutes of every kind, so that a viewer who comes late sees charts and not dots. Each event is encoded once, here,
 * and the same bytes go to every viewer.
 *
 * events → entries, in order of arrival. Bounded in age, counted in ticks of a second by whoever calls `tick` (a sink reads no
 * clock), and in bytes: past them the kind that holds most gives way first, so that a flood of log lines costs no chart its past.
 */
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
  /** What is remembered of these kinds, in order of arrival. */
  entries(kinds: ReadonlySet<Kind>): Entry[];
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
    entries(kinds) {
      const found = [...queues].filter(([kind]) => kinds.has(kind)).flatMap(([, queue]) => queue.all());
      return found.sort((one, other) => one.order - other.order);
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
      head++;
      // At most half of the array is dead, and each live entry is moved once per halving.
      if (head > 64 && head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return cost(entry);
    },
    first: () => items[head],
    all: () => items.slice(head),
    get bytes() {
      return bytes;
    },
    get size() {
      return items.length - head;
    },
  };
}
