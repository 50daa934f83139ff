/**
 * What is given to the broker and not yet confirmed. A lane per kind keeps the order in which messages came and keeps a full
 * queue of one kind from stopping the others; a window bounds what is under way over all of them.
 *
 * publish → sent → confirmed (resolves) | channel lost (all again, in order) | returned, since no queue wants it (rejects with
 * Unwanted) | refused for lack of room (again, a little later; of a durable kind then rejects with Full, so that what a stuck
 * reader keeps out holds up nobody else's).
 *
 * Of a durable kind only one message of a key is under way at a time. The broker may refuse one and take the next, and a
 * reader that counts sequences would take the one that comes late for a repeat, and drop it.
 */
import type { Clock } from '../clock.ts';
import { Full, messageOf, Reject, Unwanted } from '../errors.ts';
import { type Kind, kindNames, kinds } from '../kinds.ts';
import { backOff } from './backoff.ts';
import type { Message } from './bus.ts';

export interface Outbox {
  publish(message: Message): Promise<void>;
  /** A fresh channel: what was unconfirmed goes again, before what is new. */
  open(send: (message: Message) => void): void;
  /** The broker's answer, by the channel's own count of messages. */
  confirm(tag: number, multiple: boolean, taken: boolean): void;
  /** No queue wants a message of a durable kind: said before its confirm. */
  returned(kind: Kind, key: string): void;
  /** The channel is gone. `refusal`: the broker closed it because of something that was published. */
  lost(refusal?: string): void;
  /** The broker asks for a pause, or ends it. */
  pause(paused: boolean): void;
  /** How many are not confirmed, sent or not. */
  size(): number;
  /** Rejects what is left. */
  close(error: Error): void;
}

interface Pending {
  readonly message: Message;
  readonly lane: Lane;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Monotonic milliseconds at which nobody wants it any more. */
  readonly due: number | undefined;
  tries: number;
  unwanted: boolean;
}

interface Lane {
  /** Only one message of a key under way. */
  readonly strict: boolean;
  waiting: Pending[];
  /** Under way, by key. */
  readonly keys: Map<string, Pending>;
  messages: number;
  bytes: number;
  /** Refused, and waiting for its next try: nothing of its lane overtakes it. */
  resting: number;
  /** Until this monotonic time a refusal is no news: one of its queues is full. */
  fullUntil: number;
}

export interface OutboxOptions {
  readonly clock: Clock;
  /** Nothing was confirmed for {@link patience}: the connection is worth no more. */
  stalled(): void;
  /** Something left the outbox. */
  settled(): void;
}

/** How often a durable message is tried again in its place, in under a second: a queue may be without a leader for a moment. */
const triesInPlace = 3;
/** Milliseconds for which a queue that stayed full through that is taken to be full. */
const fullFor = 30_000;
const windowMessages = 1000;
const windowBytes = 16 * 1024 * 1024;
/** The part of the window that one kind may fill: where the broker never confirms it, the others still get through. */
const share = 0.5;
/**
 * Seconds without any confirm after which the broker is given up on; grows while it stays mute, up to the second. Counted by a
 * timer, and answers are read between its turns: were it this process that had stood still, the broker would not be blamed.
 */
const patience = [3, 30] as const;

export function createOutbox({ clock, stalled, settled }: OutboxOptions): Outbox {
  const lanes = kindNames.map(
    (kind): Lane => ({
      strict: kinds[kind].delivery === 'durable',
      waiting: [],
      keys: new Map(),
      messages: 0,
      bytes: 0,
      resting: 0,
      fullUntil: 0,
    }),
  );
  const laneOf = new Map(kindNames.map((kind, index) => [kind, lanes[index]]));
  const live = new Set<Pending>();
  const underway = new Map<number, Pending>();
  let send: ((message: Message) => void) | undefined;
  let bytes = 0;
  let tag = 0;
  let turn = 0;
  let paused = false;
  // After a refusal whose cause is among several, how many still go one by one until it shows.
  let suspects = 0;
  let mute = 0;
  let limit: number = patience[0];
  let watching = false;

  const watch = () => {
    if (watching || underway.size === 0) return;
    watching = true;
    clock.after(1000, () => {
      watching = false;
      if (underway.size > 0 && !paused && ++mute >= limit) {
        limit = Math.min(limit * 2, patience[1]);
        mute = 0;
        stalled();
      }
      watch();
    });
  };

  const room = () => underway.size < (suspects > 0 ? 1 : windowMessages) && (bytes < windowBytes || underway.size === 0);
  const ready = (lane: Lane): boolean => {
    const [next] = lane.waiting;
    if (next === undefined || lane.messages >= windowMessages * share || lane.bytes >= windowBytes * share) return false;
    return lane.resting === 0 && !(lane.strict && next.message.keys.some((key) => lane.keys.has(key)));
  };
  const count = ({ lane, message }: Pending, sign: 1 | -1) => {
    bytes += sign * message.body.length;
    lane.bytes += sign * message.body.length;
    lane.messages += sign;
  };
  const transmit = (pending: Pending, write: (message: Message) => void) => {
    const { message, due } = pending;
    const left = due === undefined ? undefined : Math.ceil(due - clock.monotonic());
    // It waited for too long: nobody wants it any more.
    if (left !== undefined && left <= 0) return settle(pending);
    if (underway.size === 0) mute = 0;
    try {
      write(left === undefined ? message : { ...message, expires: left });
    } catch (thrown) {
      if (!(thrown instanceof Error && thrown.name === 'IllegalOperationError')) {
        settle(pending, new Reject(`bus: cannot be written as AMQP: ${messageOf(thrown)}`, { cause: thrown }));
        return;
      }
      // The channel closed under us, and says so itself in a moment: back to the front.
      pending.lane.waiting.unshift(pending);
      send = undefined;
      return;
    }
    underway.set(++tag, pending);
    count(pending, 1);
    if (pending.lane.strict) for (const key of pending.message.keys) pending.lane.keys.set(key, pending);
  };
  /** One message of each lane in turn, so that a flood of one kind leaves room for the others. */
  const pump = () => {
    for (let idle = 0; idle < lanes.length && send && !paused && room(); ) {
      const lane = lanes[turn++ % lanes.length];
      const next = lane && ready(lane) ? lane.waiting.shift() : undefined;
      if (next) transmit(next, send);
      idle = next ? 0 : idle + 1;
    }
    watch();
  };

  const takeBack = (number: number, pending: Pending) => {
    underway.delete(number);
    count(pending, -1);
    for (const key of pending.message.keys) pending.lane.keys.delete(key);
  };
  const settle = (pending: Pending, error?: Error) => {
    if (!live.delete(pending)) return;
    if (suspects > 0) suspects--;
    if (error) pending.reject(error);
    else pending.resolve();
    settled();
  };
  /** Refused for good, as far as the place in its lane goes. */
  const giveUp = (pending: Pending): boolean => {
    const { lane } = pending;
    if (!lane.strict || (pending.tries < triesInPlace && clock.monotonic() >= lane.fullUntil)) return false;
    lane.fullUntil = clock.monotonic() + fullFor;
    settle(pending, full(pending.message));
    return true;
  };
  const rest = (pending: Pending) => {
    const { lane } = pending;
    lane.resting++;
    lane.waiting.unshift(pending);
    clock.after(backOff(pending.tries++), () => {
      lane.resting--;
      pump();
    });
  };

  return {
    publish(message) {
      return new Promise((resolve, reject) => {
        const lane = laneOf.get(message.kind);
        if (!lane) return reject(new Reject(`bus: ${message.kind} is no kind`));
        const due = message.expires === undefined ? undefined : clock.monotonic() + message.expires;
        const pending: Pending = { message, lane, resolve, reject, due, tries: 0, unwanted: false };
        live.add(pending);
        lane.waiting.push(pending);
        pump();
      });
    },
    open(write) {
      send = write;
      tag = 0;
      pump();
    },
    confirm(number, multiple, taken) {
      mute = 0;
      limit = patience[0];
      const answered: [number, Pending][] = [];
      if (multiple) {
        for (const entry of underway) {
          if (entry[0] > number) break;
          answered.push(entry);
        }
      } else {
        const pending = underway.get(number);
        if (pending) answered.push([number, pending]);
      }
      for (const [each, pending] of answered) takeBack(each, pending);
      if (taken) for (const [, pending] of answered) settle(pending, pending.unwanted ? unwanted(pending.message) : undefined);
      else {
        const again = answered.filter(([, pending]) => !giveUp(pending));
        // The last to go to the front is the first to be tried again.
        for (const [, pending] of again.reverse()) rest(pending);
      }
      pump();
    },
    returned(kind, key) {
      const pending = laneOf.get(kind)?.keys.get(key);
      if (pending) pending.unwanted = true;
    },
    lost(refusal) {
      send = undefined;
      const back = [...underway];
      for (const [number, pending] of back) {
        takeBack(number, pending);
        pending.unwanted = false;
      }
      const [first] = back;
      if (refusal && first && back.length === 1) {
        settle(first[1], new Reject(`bus: the broker refuses a ${first[1].message.kind} message: ${refusal}`));
        return;
      }
      if (refusal) suspects = back.length;
      for (const lane of lanes) {
        const again = back.map(([, pending]) => pending).filter((pending) => pending.lane === lane);
        if (again.length > 0) lane.waiting = [...again, ...lane.waiting];
      }
    },
    pause(now) {
      paused = now;
      mute = 0;
      pump();
    },
    size: () => live.size,
    close(error) {
      send = undefined;
      underway.clear();
      for (const lane of lanes) lane.waiting = [];
      for (const pending of [...live]) settle(pending, error);
    },
  };
}

const unwanted = ({ kind, keys }: Message): Unwanted =>
  new Unwanted(`bus: no queue at the broker takes ${kind} of ${keys[0]?.slice(0, 200)}; run a node that reads ${kind}`);

const full = ({ kind, keys }: Message): Full =>
  new Full(
    `bus: a queue at the broker has no room for ${kind} of ${keys[0]?.slice(0, 200)}; see which reader does not drain it: rabbitmqctl list_queues name messages`,
  );
