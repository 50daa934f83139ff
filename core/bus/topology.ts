/**
 * What sluice declares at a broker: an exchange per kind, one stream for `state`, and a queue per reader. Asking whether a thing
 * exists needs no permission and declaring it does: so an agent asks first, and declares only what is missing.
 *
 * Bounds are arguments here and generous, so that a broker without a policy is safe too; a policy may lower them, since of
 * two limits RabbitMQ takes the smaller. A queue that exists with other arguments is used as it is (docs/decisions/0003).
 */
import { type Delivery, kindNames } from '../kinds.ts';
import { partitionOf, slotKey, slots } from '../slot.ts';
import type { Part, QueueDepth, Subscription } from './bus.ts';
import type { Channel, Connection } from './rabbitmq.ts';
import { exchangeOf, lookExchange, stateStream } from './wire.ts';

const MiB = 1024 * 1024;

/** The broker's code for why it closed a channel, if that is what the error is about. */
export function replyCode(thrown: unknown): number | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

const refused = 403;
const missing = 404;
const different = 406;

/** Runs `work` on a channel of its own, since the broker closes the channel on which a declaration fails. */
export async function onChannel<T>(connection: Connection, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  // What went wrong comes as the rejection of `work`; without a listener it would end the process as well.
  channel.on('error', () => {});
  const result = await work(channel);
  await closeChannel(channel);
  return result;
}

/** amqplib waits for the broker's answer alone, and for ever when the connection dies before it comes. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', resolve);
    channel.close().then(resolve, () => resolve());
  });
}

/** Sees to it that the exchanges are there. @throws when they are not, and this user may not declare them. */
export async function declareExchanges(connection: Connection): Promise<void> {
  await unless(missing, connection, assertExchanges, async (channel) => {
    await Promise.all(kindNames.map((kind) => channel.checkExchange(exchangeOf(kind))));
  });
}

/** Sees to it that there is a stream of states. @throws when there is none, or when it is down: all else works without it. */
export async function declareState(connection: Connection): Promise<void> {
  await unless(missing, connection, assertStream, async (channel) => {
    await channel.checkQueue(stateStream);
  });
  // Also where it was there: whoever declared it may have died before this. Who may not bind finds it bound.
  await unless(
    refused,
    connection,
    async () => {},
    async (channel) => {
      await channel.bindQueue(stateStream, exchangeOf('state'), '#');
    },
  );
}

async function unless(
  code: number,
  connection: Connection,
  otherwise: (channel: Channel) => Promise<void>,
  work: (channel: Channel) => Promise<void>,
): Promise<void> {
  try {
    await onChannel(connection, work);
  } catch (thrown) {
    if (replyCode(thrown) !== code) throw thrown;
    await onChannel(connection, otherwise);
  }
}

const assertExchanges = async (channel: Channel): Promise<void> => {
  await Promise.all(kindNames.map((kind) => channel.assertExchange(exchangeOf(kind), 'topic', { durable: true })));
  // Not asked for with the others: what has no looks is only less prompt.
  await channel.assertExchange(lookExchange, 'fanout', { durable: true });
};

/**
 * Each state is said again every minute: what is older than an hour speaks of nothing that lives. A stream forgets by whole
 * segments, so they are small.
 */
export const stateArguments = {
  'x-queue-type': 'stream',
  'x-max-age': '1h',
  'x-max-length-bytes': 256 * MiB,
  'x-stream-max-segment-size-bytes': 16 * MiB,
} as const;

const assertStream = async (channel: Channel): Promise<void> => {
  await channel.assertQueue(stateStream, { durable: true, arguments: stateArguments });
};

/** A queue as it was found or made. */
export interface Declared {
  readonly name: string;
  /** How many messages wait in it. */
  readonly waiting: number;
}

/** Makes a viewer's own queue. It ends with its connection, so that nothing about it can ever be in the way. */
export async function declareViewer(channel: Channel): Promise<Declared> {
  const { queue } = await channel.assertQueue('', {
    exclusive: true,
    autoDelete: true,
    durable: false,
    arguments: { 'x-queue-type': 'classic', 'x-max-length': 1000, 'x-max-length-bytes': 8 * MiB, 'x-overflow': 'drop-head' },
  });
  return { name: queue, waiting: 0 };
}

/** Makes a queue that outlives its reader, or takes the one that is there. Calls `adopted` when that one differs. */
export function declareNamed(connection: Connection, name: string, lasting: Lasting, adopted: () => void): Promise<Declared> {
  return declareLasting(connection, name, queueArguments(lasting, versionOf(connection)), adopted);
}

async function declareLasting(
  connection: Connection,
  name: string,
  wanted: Record<string, string | number | boolean>,
  adopted: () => void,
): Promise<Declared> {
  try {
    const { messageCount } = await onChannel(connection, (channel) => channel.assertQueue(name, { durable: true, arguments: wanted }));
    return { name, waiting: messageCount };
  } catch (thrown) {
    const code = replyCode(thrown);
    if (code !== different && code !== refused) throw thrown;
    const { messageCount } = await onChannel(connection, (channel) => channel.checkQueue(name));
    if (code === different) adopted();
    return { name, waiting: messageCount };
  }
}

/** How full a queue is; undefined when there is none. */
export async function depthOf(connection: Connection, name: string): Promise<QueueDepth | undefined> {
  try {
    const { messageCount, consumerCount } = await onChannel(connection, (channel) => channel.checkQueue(name));
    return { name, waiting: messageCount, readers: consumerCount };
  } catch (thrown) {
    if (replyCode(thrown) === missing) return undefined;
    throw thrown;
  }
}

/** What a queue that outlives its reader is for. */
export interface Lasting {
  readonly travels: Delivery;
  /** It is kept on several brokers. A classic queue is on one: without that one nobody reads it, and it may not be made anew. */
  readonly replicated: boolean;
}

function queueArguments({ travels, replicated }: Lasting, major: number): Record<string, string | number> {
  const bounds = { 'x-max-length-bytes': (travels === 'heartbeat' ? 64 : 1024) * MiB };
  if (travels !== 'durable' && !replicated) return { 'x-queue-type': 'classic', ...bounds };
  return {
    'x-queue-type': 'quorum',
    ...bounds,
    ...(travels === 'durable' && { 'x-overflow': 'reject-publish' }),
    // From 4.0 on a quorum queue drops what was delivered twenty times. A sink that restarts often must not lose by it.
    ...(major >= 4 && { 'x-delivery-limit': -1 }),
  };
}

function versionOf(connection: Connection): number {
  return Number.parseInt(connection.connection.serverProperties.version, 10);
}

/** The name of a part's queue. The count is in it: with another count the slots go elsewhere, and all begins anew. */
export const partName = (name: string, { index, count }: Pick<Part, 'index' | 'count'>): string => `${name}.${index}of${count}`;

/**
 * Makes the queues of these parts. A message goes by the slots that it says, and to all parts where it says none: a direct
 * exchange hands what no slot of its own fits to its alternate. So each queue has one copy, and no plugin is needed.
 *
 *     sluice.metric ─patterns─▶ <name>.key ─~p<n>─▶ queues      only where partition keys count
 *                                  └ else ▶ <name>.source ─~<n>─▶ queues
 *                                              └ else ▶ <name>.rest ──▶ every queue
 */
export async function declareParts(
  connection: Connection,
  { topics, queue, part: { count, by } }: Subscription & { readonly part: Part },
  indexes: readonly number[],
  lasting: Lasting,
  adopted: () => void,
): Promise<Declared[]> {
  if (queue === 'viewer') throw new Error('a viewer has no parts');
  const base = `${queue.name}.of${count}`;
  const steps = by === 'source' ? (['source'] as const) : (['partitionkey', 'source'] as const);
  const exchanges = [...steps.map((step) => ({ step, name: `${base}.${step}` })), { step: undefined, name: `${base}.rest` }];
  const [entry] = exchanges;
  await onChannel(connection, async (channel) => {
    for (const [index, { name, step }] of [...exchanges.entries()].reverse()) {
      const alternate = exchanges[index + 1]?.name;
      const also = alternate === undefined ? {} : { alternateExchange: alternate };
      await channel.assertExchange(name, step === undefined ? 'fanout' : 'direct', { durable: true, ...also });
    }
  });
  const made: Declared[] = [];
  for (const index of indexes) {
    const wanted = { ...queueArguments(lasting, versionOf(connection)), 'x-single-active-consumer': true };
    const declared = await declareLasting(connection, partName(queue.name, { index, count }), wanted, adopted);
    made.push(declared);
    const own = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => partitionOf(slot, count) === index);
    await onChannel(connection, async (channel) => {
      for (const { name, step } of exchanges) {
        const keys = step === undefined ? [''] : own.map((slot) => slotKey(slot, step));
        await Promise.all(keys.map((key) => channel.bindQueue(declared.name, name, key)));
      }
    });
  }
  // Last: a message that came before the queues were bound would be lost on its way.
  await onChannel(connection, async (channel) => {
    await Promise.all(topics.map(({ kind, pattern }) => channel.bindExchange(entry?.name ?? base, exchangeOf(kind), pattern)));
  });
  return made;
}

/** The exchange by which records reach their changelogs: the default one is not everyone's to write to. */
export const changelogExchange = 'sluice.changelog';

/** Makes a changelog, a stream that keeps its latest bytes, or takes the one that is there. */
export async function declareChangelog(connection: Connection, name: string, bytes: number): Promise<void> {
  const segment = Math.max(MiB, Math.min(16 * MiB, Math.floor(bytes / 8)));
  const wanted = {
    'x-queue-type': 'stream',
    // The stream lets go of whole segments, so that it must hold one more than what is to stay.
    'x-max-length-bytes': bytes + 2 * segment,
    'x-stream-max-segment-size-bytes': segment,
  };
  await declareLasting(connection, name, wanted, () => {});
  await onChannel(connection, async (channel) => {
    await channel.assertExchange(changelogExchange, 'direct', { durable: true });
    await channel.bindQueue(name, changelogExchange, name);
  });
}
