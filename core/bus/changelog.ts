/**
 * What several processes share at a broker: the queues of a node's partitions, and changelogs. A changelog is a stream, which all
 * read in one order without taking. Being in it is known by reading it: appending promises nothing but to go on trying.
 */
import type { Clock } from '../clock.ts';
import { SluiceError } from '../errors.ts';
import { backOff } from './backoff.ts';
import type { Changelog, Sharing, Subscribed } from './bus.ts';
import { checkSubscription } from './check.ts';
import type { ConfirmChannel, Connection } from './rabbitmq.ts';
import type { Strategy } from './reading.ts';
import { changelogExchange, declareChangelog, declareParts } from './topology.ts';
import { type Arrived, offsetOf } from './wire.ts';

/** How far the broker may be ahead of a reader: acknowledging to a stream only asks for more. */
const credit = 500;

interface Pending {
  readonly name: string;
  readonly record: Buffer;
}

/** Appends records to changelogs, all that are not confirmed again on each new channel. */
export interface Appender {
  append(name: string, record: Buffer): void;
  /** Forgets what is not appended yet. */
  forget(name: string): void;
  /** Goes on over this connection. */
  attach(model: Connection): void;
  detach(): void;
}

export function createAppender({ clock, user }: { readonly clock: Clock; readonly user: string }): Appender {
  const pending = new Set<Pending>();
  let model: Connection | undefined;
  let channel: ConfirmChannel | undefined;
  let opening = false;

  const send = (to: ConfirmChannel, one: Pending): void => {
    let returned = false;
    const options = { persistent: true, mandatory: true, userId: user, messageId: String(++sent) };
    unrouted.set(options.messageId, () => {
      returned = true;
    });
    const confirmed = (error: unknown): void => {
      unrouted.delete(options.messageId);
      if (to !== channel || !pending.has(one)) return;
      if (!error && !returned) return void pending.delete(one);
      // Its stream is full, or was deleted and will be made again by its reader.
      clock.after(backOff(5), () => {
        if (to === channel && pending.has(one)) send(to, one);
      });
    };
    try {
      to.publish(changelogExchange, one.name, one.record, options, confirmed);
    } catch {
      // The channel is closing, and says so by itself.
    }
  };
  let sent = 0;
  const unrouted = new Map<unknown, () => void>();

  const open = async (): Promise<void> => {
    if (opening || channel || !model || pending.size === 0) return;
    opening = true;
    for (let tries = 0; model && !channel; tries++) {
      const over: Connection = model;
      try {
        const made = await over.createConfirmChannel();
        made.on('error', () => {});
        made.on('return', ({ properties }) => unrouted.get(properties.messageId)?.());
        made.on('close', () => {
          if (channel !== made) return;
          channel = undefined;
          void clock.sleep(backOff(1)).then(open);
        });
        await made.assertExchange(changelogExchange, 'direct', { durable: true });
        if (over !== model) continue;
        channel = made;
        for (const one of pending) send(made, one);
      } catch {
        await clock.sleep(backOff(tries));
      }
    }
    opening = false;
  };

  return {
    append(name, record) {
      const one = { name, record };
      pending.add(one);
      if (channel) send(channel, one);
      else void open();
    },
    forget(name) {
      for (const one of pending) if (one.name === name) pending.delete(one);
    },
    attach(connection) {
      model = connection;
      channel = undefined;
      void open();
    },
    detach() {
      model = undefined;
      channel = undefined;
      unrouted.clear();
    },
  };
}

/** Reads a stream from a place on; on a new connection after what was read last. */
function readChangelog(
  name: string,
  bytes: number,
  from: 'first' | 'last' | 'next' | number,
  taken: (place: number, record: Buffer) => void,
): Strategy {
  let last = -1;
  return async (session) => {
    const { channel, connection } = session;
    await declareChangelog(connection, name, bytes);
    await channel.prefetch(credit);
    const begin = last < 0 ? from : last + 1;
    const consuming = await channel.consume(
      name,
      (raw) => {
        if (!session.alive()) return;
        if (raw === null) return session.cancelled();
        const arrived: Arrived = raw;
        const place = offsetOf(arrived);
        channel.ack(raw);
        if (place <= last || (typeof begin === 'number' && place < begin)) return;
        last = place;
        taken(place, raw.content);
      },
      { arguments: { 'x-stream-offset': begin } },
    );
    session.caughtUp();
    return consuming;
  };
}

export interface SharingOptions {
  readonly appender: Appender;
  /** Begins a reading, and resolves when it was opened for the first time. */
  readonly open: (label: string, strategy: Strategy) => Promise<Subscribed>;
}

export function createSharing({ appender, open }: SharingOptions): Sharing {
  return {
    async prepare(subscription) {
      const travels = checkSubscription(subscription);
      if (travels === 'state' || subscription.queue === 'viewer')
        throw new SluiceError('bus: only queues that are taken from have parts; read state through one node');
      const indexes = Array.from({ length: subscription.part.count }, (_, index) => index);
      const label = `the partitions of ${subscription.queue.name}`;
      const declaring = await open(label, async (session) => {
        const adopted = () => session.warn('a queue exists with other arguments and is used as it is; delete it to have it made anew');
        await declareParts(session.connection, subscription, indexes, { travels, replicated: session.replicated }, adopted);
        return { consumerTag: '' };
      });
      await declaring.close();
    },
    changelog(name, bytes): Changelog {
      const readers = new Set<Subscribed>();
      let closed = false;
      return {
        append(record) {
          if (!closed) appender.append(name, record);
        },
        async read(from, taken) {
          const alive = (place: number, record: Buffer) => {
            if (!closed && !ended) taken(place, record);
          };
          let ended = false;
          const reading = await open(name, readChangelog(name, bytes, from, alive));
          const reader: Subscribed = {
            close() {
              ended = true;
              readers.delete(reader);
              return reading.close();
            },
          };
          if (closed) await reader.close();
          else readers.add(reader);
          return reader;
        },
        async close() {
          closed = true;
          appender.forget(name);
          await Promise.all([...readers].map((reader) => reader.close()));
        },
      };
    },
  };
}
