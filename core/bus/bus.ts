/**
 * The port of the pipes. Two implementations pass one contract suite (`test/contract/bus.ts`): `embedded` in this process,
 * and `rabbitmq`. Messages are bytes; what is in them is the runtime's affair.
 */
import type { Topic } from '../event.ts';
import type { Kind } from '../kinds.ts';
import type { Pipe } from '../node.ts';
import type { ShardBy } from '../slot.ts';

/** One thing on its way: an event, or a batch of events of one kind. */
export interface Message {
  readonly kind: Kind;
  /** Routing keys, at least one, all different. A queue that wants any of them gets the message once. */
  readonly keys: readonly string[];
  /** One CloudEvent in JSON, or a JSON array of them. */
  readonly body: Buffer;
  readonly batch: boolean;
  /** How the body is compressed, if it is. */
  readonly encoding?: 'gzip';
  /** Milliseconds after which nobody wants it. */
  readonly expires?: number;
}

export interface Delivery {
  readonly message: Message;
  /** The broker may have delivered it before. */
  readonly redelivered: boolean;
  /** Who published it, as far as the broker vouches for it. */
  readonly user?: string;
  /** The address of the broker that it came from by federation, without credentials. Empty when it tells none. */
  readonly upstream?: string;
  /** It is handled: never deliver it again. Call it once, after what it led to is committed. */
  ack(): void;
}

/** A queue at a broker, as one may ask of it without any right: what is unacknowledged is not among it. */
export interface QueueDepth {
  readonly name: string;
  readonly waiting: number;
  readonly readers: number;
}

/** A queue and what it is bound to. All topics are of kinds that travel alike (`kinds[kind].delivery`). */
export interface Subscription {
  readonly topics: readonly Topic[];
  /** A queue that outlives its reader, by name; or a `viewer`: its own, short, and the oldest give way. */
  readonly queue: { readonly name: string } | 'viewer';
  /** The most deliveries that may be unacknowledged at once. */
  readonly prefetch: number;
  /** The queue is one of several that share out what the topics bring. Only where a bus has `sharing`. */
  readonly part?: Part;
}

/**
 * One of `count` queues that share out messages by their slots (`core/slot.ts`): each has those that may hold an event of its
 * slots, and those that say no slot. One reader at a time is given anything of it; the next in line is, when that one is gone.
 */
export interface Part {
  readonly index: number;
  readonly count: number;
  readonly by: ShardBy;
}

export interface Reader {
  /** Called in order, one at a time. Never throws. Of `state`, first come the last of each key, then what changes. */
  deliver(delivery: Delivery): void;
  /** The pipe broke, came back, or was drained for the first time since. */
  pipe(pipe: Pipe): void;
}

export interface Subscribed {
  /** Takes no more. What is not acknowledged will be delivered again; the queue and its contents stay, a viewer's go. */
  close(): Promise<void>;
}

export interface Bus {
  /** For people: `embedded`, or where the broker is, without credentials. */
  readonly name: string;
  readonly connected: boolean;
  /** While connected over a network: which broker of several it is, as `mq1:5671`, and the address of ours that reaches it. */
  readonly via?: { readonly broker: string; readonly address?: string } | undefined;
  /** It takes nothing for now: a broker short of memory or disk. */
  readonly blocked?: boolean;
  /**
   * How much of one kind may be published and unconfirmed at once. In process a confirmation means that every reader has
   * handled it, so this is how far a stuck reader may lag before the others wait for it, or before its queue lets the
   * oldest go; it must then be more than what such a queue holds.
   */
  readonly window: { readonly messages: number; readonly bytes: number };
  /**
   * Resolves when the message is safe with everyone who wants it: the broker has confirmed it, or in process each queue has
   * handled it or let it go. Waits while the bus is away or pushes back. Rejects with a Reject when it can never be taken, and
   * when it is of a never-lose kind, with Unwanted when a broker found no queue for it, and with Full when one of its queues
   * keeps refusing it (docs/decisions/0016).
   */
  publish(message: Message): Promise<void>;
  /** Resolves when the queue is bound: what is published from then on is not missed. Survives reconnection by itself. */
  subscribe(subscription: Subscription, reader: Reader): Promise<Subscribed>;
  /** For nodes that several processes share. None in process, where there is nobody to share with. */
  readonly sharing?: Sharing;
  /** Tells whoever writes these topics, in any process, that somebody looks at them now. May be lost: who still looks says it again. */
  look(topics: readonly Topic[]): void;
  /** Calls back each time that somebody looks somewhere. Who sends at once anyway need not listen. */
  listen(looked: (topics: readonly Topic[]) => void): void;
  /** Of these queues those that are there; none of a bus in process. */
  depths?(names: readonly string[]): Promise<readonly QueueDepth[]>;
  /** Calls back at each change of `connected`, and at once with what it is now. */
  watch(changed: (connected: boolean) => void): void;
  /** Ends all subscriptions, waits up to `ms` for what is unconfirmed, and lets go. Safe twice. */
  close(ms?: number): Promise<void>;
}

export interface Sharing {
  /** Makes the queues of all the parts and binds them, without reading: what is published from then on is not missed. */
  prepare(subscription: Subscription & { readonly part: Part }): Promise<void>;
  /** Opens a changelog, which is made where it is missing; it keeps at least its latest `bytes`. */
  changelog(name: string, bytes: number): Changelog;
}

/** Records in one order that all its readers see. Only hubs may write to it. */
export interface Changelog {
  /** It will stand there, perhaps more than once, after those that were appended before it. Whoever must know reads it. */
  append(record: Buffer): void;
  /** Reads in order, first what is there from a place on (`last`: a few of the latest), then what comes; also after a reconnection. */
  read(from: 'first' | 'last' | 'next' | number, taken: (place: number, record: Buffer) => void): Promise<Subscribed>;
  /** Ends its readers, and forgets what was not appended yet. */
  close(): Promise<void>;
}
