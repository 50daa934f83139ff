/**
 * The way in, for filters and sinks: deliveries of all of a node's subscriptions, its ticks and the health of its pipe, as
 * one line of work, handled strictly one batch after the other. It reads and checks every event, leaves out repeats, and
 * sends what cannot be read to `dead` with the reason. Nothing is acknowledged before the batch's commit.
 */
import type { Delivery, Part, Subscribed } from '../bus/bus.ts';
import { messageOf, Reject } from '../errors.ts';
import { type Event, encode, type Topic } from '../event.ts';
import { type Matcher, matcher } from '../key.ts';
import { type Delivery as Class, type Kind, kinds } from '../kinds.ts';
import type { Draft, Pipe } from '../node.ts';
import { partitionOf, slotFor } from '../slot.ts';
import type { Transaction } from '../state/store.ts';
import { withCare } from './care.ts';
import type { Context, Placed } from './context.ts';
import { type Refused, weightOf } from './decoding.ts';
import { Fenced } from './partition/owner.ts';
import type { Again } from './replay.ts';

export interface Batch {
  readonly events: readonly Event[];
  readonly refused: readonly Refused[];
  /** Notes, in the batch's transaction, that its events were handled. */
  remember(transaction: Transaction): void;
}

export interface InletOptions {
  /** The name of the queue and of the watermarks; none for a viewer, which keeps none. */
  readonly queue: string | undefined;
  readonly topics: readonly Topic[];
  /** Of a node that several processes share: which of its partitions this is. */
  readonly part?: Part;
  /** Returns when the batch is committed. Never throws but at the stop. */
  batch(batch: Batch): Promise<void>;
  pipe?(pipe: Pipe): Promise<void>;
}

export interface Inlet {
  /** Puts other work in line. */
  inLine(work: () => Promise<void>): void;
  /** Takes no more, handles what is in line unless that is to be abandoned, and resolves. Safe twice. */
  close(abandon?: boolean): Promise<void>;
}

const maxBatchMessages = 256;
const maxBatchBytes = 4 * 1024 * 1024;
const prefetch = 512;

export async function openInlet(context: Context, placed: Placed, options: InletOptions): Promise<Inlet> {
  const { bus, decoder, ledger, clock, receiving, suspicion } = context;
  const { queue, part } = options;
  const wanted = wants(options.topics);
  const isOurs = (event: Event): boolean => !part || partitionOf(slotFor(event, part.by), part.count) === part.index;
  let deliveries: Delivery[] = [];
  const works: (() => Promise<void>)[] = [];
  let working: Promise<void> | undefined;
  let closed = false;

  const glimpse = glimpses();
  const reader = queue === undefined ? undefined : ledger.open(placed.name, queue, options.topics, placed.health.counts);

  const takeBatch = (): Delivery[] => {
    let bytes = 0;
    let count = 0;
    for (const { message } of deliveries) {
      if (count >= maxBatchMessages || bytes > maxBatchBytes) break;
      bytes += weightOf(message);
      count += 1;
    }
    const taken = deliveries.slice(0, count);
    deliveries = deliveries.slice(count);
    return taken;
  };

  const read = (delivery: Delivery) => context.believe(decoder.read(delivery.message, receiving()), delivery);
  const give = async (reads: readonly (Event | Refused)[]): Promise<void> => {
    const events: Event[] = [];
    const refused: Refused[] = [];
    const pass = reader?.batch(receiving());
    for (const read of reads) {
      if ('reason' in read) refused.push(read);
      // Of a batch that several queues wanted, each reader picks its own.
      else if (wanted(read.kind, read.key) && isOurs(read) && (pass?.isNew(read) ?? glimpse(read))) {
        const flaw = flawOf(context, placed.name, read.id);
        if (flaw) refused.push(refusalOf(flaw, read));
        else events.push(read);
      }
    }
    placed.health.counts.in += events.length;
    const last = events.at(-1);
    if (last) placed.health.lag = Math.max(0, clock.now() - last.time);
    await options.batch({ events, refused, remember: (transaction) => pass?.remember(transaction) });
    pass?.settled();
  };
  const handle = async (taken: readonly Delivery[]): Promise<void> => {
    if (!taken.some(suspicion.suspects)) await give(taken.flatMap(read));
    else for (const delivery of taken) await withCare(suspicion, placed.name, delivery, () => read(delivery), give);
    for (const delivery of taken) delivery.ack();
  };

  const work = async (): Promise<void> => {
    for (;;) {
      const next = works.shift();
      if (next) await next();
      else if (deliveries[0]) {
        await decoder.inStep(deliveries[0].message);
        await handle(takeBatch());
      } else return;
    }
  };
  const wake = (): void => {
    if (working) return;
    // In the next turn: what arrives together is handled together.
    working = new Promise<void>((resolve) => setImmediate(resolve))
      .then(work)
      .catch((thrown: unknown) => {
        if (!context.stopping() && !(thrown instanceof Fenced)) context.report('error', `${placed.name}: ${messageOf(thrown)}`);
      })
      .finally(() => {
        working = undefined;
        if (works.length > 0 || deliveries.length > 0) wake();
      });
  };
  const inLine = (next: () => Promise<void>): void => {
    works.push(next);
    wake();
  };

  /** What it could not handle once, past its watermark. */
  const again: Again = (event, note) => {
    if (closed || !wanted(event.kind, event.key) || !isOurs(event)) return undefined;
    return new Promise((resolve, reject) => {
      inLine(async () => {
        const before = placed.health.counts.dead;
        const batch = { events: [event], refused: [], remember: note };
        await options.batch(batch).then(() => resolve(placed.health.counts.dead === before), reject);
      });
    });
  };
  const leaveReplays = context.replays.offer(placed.name, again);
  const pipes = pipeOf(byClass(options.topics).length, (pipe) => {
    const tell = options.pipe;
    if (tell) inLine(() => tell(pipe));
  });
  const leave = decoder.join(options.topics.map(({ kind }) => kind));
  const subscriptions: Subscribed[] = [];
  for (const [index, [travel, topics]] of byClass(options.topics).entries()) {
    if (queue !== undefined && travel !== 'state' && bus.name !== 'embedded') placed.health.queues.push(`${queue}.${travel}`);
    subscriptions.push(
      await bus.subscribe(
        {
          topics,
          queue: queue === undefined ? 'viewer' : { name: `${queue}.${travel}` },
          prefetch,
          ...(part && travel !== 'state' && { part }),
        },
        {
          deliver(delivery) {
            if (closed) return;
            deliveries.push(delivery);
            wake();
          },
          pipe: (pipe) => pipes(index, pipe),
        },
      ),
    );
    reader?.joined(topics);
  }

  return {
    inLine,
    async close(abandon = false) {
      // What comes from here on stays unacknowledged, and is delivered again to whoever reads next.
      closed = true;
      if (abandon) {
        deliveries = [];
        works.length = 0;
      }
      while (working && !abandon) await working;
      leave();
      leaveReplays();
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}

/** Why this node must not handle it, where an earlier run came to grief over it. */
function flawOf({ suspicion, watchdog }: Context, node: string, id: string): Reject | undefined {
  return watchdog.hungOver(node, id) ? new Reject(`${node}: it hung the process`) : suspicion.verdict(node, id);
}

/** The draft of a dead letter. */
export function deadLetter(node: string, { reason, kind, key, id, raw }: Refused): Draft<'dead'> {
  const data = {
    reason: reason.message.slice(0, 2048),
    node,
    kind,
    event: raw.slice(0, 65_536),
    ...(key && { key: key.slice(0, 1024) }),
    ...(id && { id: id.slice(0, 512) }),
  };
  return { kind: 'dead', key: ['dead', node], data };
}

export const refusalOf = (reason: Reject, event: Event): Refused => ({
  reason,
  kind: event.kind,
  key: event.key,
  id: event.id,
  raw: encode(event),
});

function byClass(topics: readonly Topic[]): [Class, Topic[]][] {
  const classes = new Map<Class, Topic[]>();
  for (const topic of topics) {
    const travel = kinds[topic.kind].delivery;
    classes.set(travel, [...(classes.get(travel) ?? []), topic]);
  }
  return [...classes];
}

function wants(topics: readonly Topic[]): (kind: Kind, key: string) => boolean {
  const byKind = new Map<Kind, Matcher[]>();
  for (const { kind, pattern } of topics) byKind.set(kind, [...(byKind.get(kind) ?? []), matcher(pattern)]);
  return (kind, key) => byKind.get(kind)?.some((matches) => matches(key)) ?? false;
}

/** The health of all pipes together: the weakest decides. */
function pipeOf(count: number, changed: (pipe: Pipe) => void): (index: number, pipe: Pipe) => void {
  const each = new Array<Pipe>(count).fill({ connected: false, caughtUp: false });
  let told = '';
  return (index, pipe) => {
    each[index] = pipe;
    const all = { connected: each.every((one) => one.connected), caughtUp: each.every((one) => one.caughtUp) };
    if (JSON.stringify(all) === told) return;
    told = JSON.stringify(all);
    changed(all);
  };
}

/** How many derived events a viewer remembers. */
const glimpsed = 2000;

/**
 * A viewer keeps nothing, and still does not show twice what two watchers tell alike: a repeat follows at once. Of kinds that
 * come in numbers nobody makes two.
 */
function glimpses(): (event: Event) => boolean {
  const ids = new Set<string>();
  return ({ id, kind, causationid }) => {
    if (causationid === undefined || kinds[kind].delivery !== 'durable') return true;
    if (ids.has(id)) return false;
    ids.add(id);
    for (const oldest of ids) {
      if (ids.size <= glimpsed) break;
      ids.delete(oldest);
    }
    return true;
  };
}
