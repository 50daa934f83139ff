/**
 * A queue in this process: what waits, who reads it, and what is handed out but not yet acknowledged. First in, first out;
 * what comes back goes to the front again. Past its bounds the oldest that waits gives way, but only once one has waited for
 * `patience`: a reader with a backlog before it holds its publishers back and loses nothing, and one that is stuck stops them no
 * longer than that (docs/decisions/0015).
 *
 *     put ──▶ waiting ──▶ held (≤ prefetch each) ──ack──▶ gone
 *                ▲                 │ the reader closes
 *                └─── redelivered ─┘
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Message, Reader } from './bus.ts';

/** One message's place in one queue. */
export interface Item {
  readonly message: Message;
  /** Monotonic milliseconds at which nobody wants it any more; Infinity for never. */
  readonly due: number;
  /** Called once: it was acknowledged, or it was let go. */
  readonly gone: () => void;
  delivered: boolean;
  /** Monotonic milliseconds since when it waits. */
  since?: number;
}

export interface Bounds {
  readonly messages: number;
  readonly bytes: number;
  /** Milliseconds that the oldest may wait past the bounds before it gives way. */
  readonly patience: number;
}

interface Consumer {
  readonly reader: Reader;
  readonly prefetch: number;
  readonly held: Set<Item>;
  heldBytes: number;
  /** What waited when it came, and is not handled yet. */
  readonly behind: Set<Item>;
}

export interface Queue {
  readonly name: string;
  put(item: Item): void;
  /** Starts to deliver; the result ends it, and puts back what was not acknowledged. */
  consume(reader: Reader, prefetch: number): () => void;
  /** Hands out what it can for one turn; says whether there is more to hand out at once. */
  drain(): boolean;
  /** How many are handed out and unacknowledged. */
  held(): number;
  /** Lets go of everything. */
  clear(): void;
}

/** How many deliveries one turn of the event loop may carry, so that sockets and timers are served in between. */
const turn = 1000;
/** Dead messages are looked for at least this far apart, in milliseconds. A reader never gets one, however rarely we look. */
const sweepEvery = 100;
/** The part of a queue's bytes that one reader may hold: what it holds cannot give way. */
const heldShare = 0.25;

export interface QueueOptions {
  readonly name: string;
  readonly bounds: Bounds;
  readonly clock: Clock;
  /** Asks for a `drain` soon, from a fresh stack. */
  schedule(queue: Queue): void;
  report(message: string): void;
}

export function createQueue({ name, bounds, clock, schedule, report }: QueueOptions): Queue {
  let waiting: Item[] = [];
  // Where the front is: taking it away is then cheap, and the array is cut once in a while.
  let front = 0;
  let bytes = 0;
  let sweeping = false;
  let turnOf = 0;
  let shedding = false;
  /** Its reader has been found not to keep up: until it does, nobody waits for it. */
  let slow = false;
  const consumers: Consumer[] = [];

  const size = () => waiting.length - front;
  const take = (): Item | undefined => {
    const item = waiting[front++];
    if (!item) {
      front = waiting.length;
      return undefined;
    }
    bytes -= item.message.body.length;
    if (front > 1024 && front * 2 > waiting.length) {
      waiting = waiting.slice(front);
      front = 0;
    }
    return item;
  };
  const finish = (item: Item) => {
    item.gone();
    for (const { behind, reader } of consumers) {
      if (behind.size > 0 && behind.delete(item) && behind.size === 0) guard(() => reader.pipe({ connected: true, caughtUp: true }));
    }
  };
  /** A reader that throws breaks its contract: that is its own affair, never the publisher's or the next reader's. */
  const guard = (call: () => void) => {
    try {
      call();
    } catch (thrown) {
      report(`the reader of ${name} threw: ${messageOf(thrown)}; what it was given stays unacknowledged`);
    }
  };
  const sweep = () => {
    sweeping = false;
    const now = clock.monotonic();
    const kept = waiting.slice(front).filter((item) => item.due > now);
    const dead = waiting.slice(front).filter((item) => item.due <= now);
    waiting = kept;
    front = 0;
    for (const item of dead) {
      bytes -= item.message.body.length;
      finish(item);
    }
    const next = kept.reduce((least, item) => Math.min(least, item.due), Number.POSITIVE_INFINITY);
    if (next < Number.POSITIVE_INFINITY) sweepAt(next);
  };
  const sweepAt = (due: number) => {
    if (sweeping) return;
    sweeping = true;
    clock.after(Math.max(sweepEvery, due - clock.monotonic()), sweep);
  };
  /** Lets the oldest go, as far as the queue is past its bounds and they have waited long enough. */
  const shed = () => {
    const late = clock.monotonic() - bounds.patience;
    while (size() > 1 && (size() > bounds.messages || bytes > bounds.bytes)) {
      const { since = late } = waiting[front] ?? {};
      if (since > late && !slow) return shedIn(since - late);
      const oldest = take();
      if (oldest) finish(oldest);
      if (bounds.patience > 0 && !slow) report(`the reader of ${name} does not keep up; until it does, the oldest that waits gives way`);
      slow = true;
    }
    if (bytes < bounds.bytes / 2) slow = false;
  };
  const shedIn = (ms: number) => {
    if (shedding) return;
    shedding = true;
    clock.after(Math.max(sweepEvery, ms), () => {
      shedding = false;
      shed();
    });
  };
  /** The next consumer in turn that has room. */
  const choose = (): Consumer | undefined => {
    for (let tried = 0; tried < consumers.length; tried++) {
      const consumer = consumers[turnOf++ % consumers.length];
      if (consumer && consumer.held.size < consumer.prefetch && (consumer.heldBytes < bounds.bytes * heldShare || consumer.held.size === 0))
        return consumer;
    }
    return undefined;
  };
  const hand = (item: Item, consumer: Consumer) => {
    const { reader, held } = consumer;
    const redelivered = item.delivered;
    item.delivered = true;
    held.add(item);
    consumer.heldBytes += item.message.body.length;
    const ack = () => {
      if (!held.delete(item)) return;
      consumer.heldBytes -= item.message.body.length;
      finish(item);
      // Also when it was the last: whoever closes the bus waits for that.
      if (size() > 0 || held.size === 0) schedule(queue);
    };
    guard(() => reader.deliver({ message: item.message, redelivered, ack }));
  };

  const queue: Queue = {
    name,
    put(item) {
      waiting.push(item);
      bytes += item.message.body.length;
      item.since = clock.monotonic();
      shed();
      if (item.due < Number.POSITIVE_INFINITY) sweepAt(item.due);
      if (consumers.length > 0) schedule(queue);
    },
    consume(reader, prefetch) {
      const consumer: Consumer = {
        reader,
        prefetch: Math.max(1, prefetch),
        held: new Set(),
        heldBytes: 0,
        behind: new Set(waiting.slice(front)),
      };
      consumers.push(consumer);
      guard(() => reader.pipe({ connected: true, caughtUp: consumer.behind.size === 0 }));
      schedule(queue);
      return () => {
        const index = consumers.indexOf(consumer);
        if (index < 0) return;
        consumers.splice(index, 1);
        const back = [...consumer.held];
        consumer.held.clear();
        for (const item of back) bytes += item.message.body.length;
        waiting = [...back, ...waiting.slice(front)];
        front = 0;
        schedule(queue);
      };
    },
    drain() {
      for (let left = turn; left > 0 && size() > 0; left--) {
        const consumer = choose();
        // Whoever acknowledges next asks for another turn.
        if (!consumer) return false;
        const item = take();
        if (!item) return false;
        if (item.due <= (item.due < Number.POSITIVE_INFINITY ? clock.monotonic() : 0)) finish(item);
        else hand(item, consumer);
      }
      return size() > 0;
    },
    held: () => consumers.reduce((sum, { held }) => sum + held.size, 0),
    clear() {
      for (let item = take(); item; item = take()) finish(item);
    },
  };
  return queue;
}
