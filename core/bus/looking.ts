/**
 * Looks over a broker: that somebody looks at some topics right now, told to all who write. No event, since nobody acts on it, keeps
 * it or must believe it: all that it changes is when something is sent (docs/decisions/0014). So it is never confirmed, and may be lost.
 *
 * look → the fanout exchange `sluice.look` → a short queue of each listener's own, on the connection that publishes: a process
 * that only writes needs no second one.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { type Topic, topic } from '../event.ts';
import { agentQueues, readPart } from '../part.ts';
import type { Channel, Connection } from './rabbitmq.ts';
import { onChannel } from './topology.ts';
import { lookExchange } from './wire.ts';

export interface Looking {
  look(topics: readonly Topic[]): void;
  listen(heard: (topics: readonly Topic[]) => void): void;
  /** A fresh connection to use. */
  attach(connection: Connection): void;
  detach(): void;
}

/** Milliseconds after which a look that nobody heard means nothing any more. */
const shelfMs = 10_000;
const mostTopics = 256;
const mostBytes = 65_536;
/** Milliseconds until the next try where the broker has no such exchange, or does not let this user listen. */
const retryMs = 60_000;

const message = z.object({ topics: z.array(z.object({ kind: z.string().max(64), pattern: z.string().max(255) })).max(mostTopics) });

export const writeLook = (topics: readonly Topic[]): Buffer =>
  Buffer.from(JSON.stringify({ topics: topics.slice(0, mostTopics).map(({ kind, pattern }) => ({ kind, pattern })) }));

/** What a look is at; nothing where it cannot be read: it comes from whoever may write to the exchange. */
export function readLook(body: Buffer): Topic[] {
  try {
    if (body.length > mostBytes) return [];
    return message.parse(JSON.parse(body.toString())).topics.map(({ kind, pattern }) => topic(kind, pattern));
  } catch {
    return [];
  }
}

export function createLooking(user: string, clock: Clock): Looking {
  const own = readPart(user)?.sort === 'agent' ? agentQueues(user) : 'sluice.';
  const listeners: ((topics: readonly Topic[]) => void)[] = [];
  let connection: Connection | undefined;
  let hearing = false;
  /** Where looks are said, on this connection; `refused` once the broker has closed it: then it would again. */
  let saying: Promise<Channel | undefined> | 'refused' | undefined;

  const open = async (on: Connection): Promise<Channel> => {
    const channel = await on.createChannel();
    // What was wrong with it comes to whoever waits for an answer; its end alone concerns nobody else.
    channel.on('error', () => {});
    return channel;
  };
  /** Asking needs no permission; declaring does, and is done once for all by whoever may. */
  const exchange = async (on: Connection): Promise<void> => {
    try {
      await onChannel(on, (channel) => channel.checkExchange(lookExchange));
    } catch {
      await onChannel(on, (channel) => channel.assertExchange(lookExchange, 'fanout', { durable: true }));
    }
  };
  const hear = async (on: Connection): Promise<void> => {
    if (hearing) return;
    hearing = true;
    try {
      await exchange(on);
      const channel = await open(on);
      const { queue } = await channel.assertQueue(`${own}look.${randomBytes(6).toString('hex')}`, {
        exclusive: true,
        autoDelete: true,
        durable: false,
        arguments: { 'x-max-length': 64, 'x-overflow': 'drop-head' },
      });
      await channel.bindQueue(queue, lookExchange, '');
      await channel.consume(
        queue,
        (raw) => {
          const topics = raw ? readLook(raw.content) : [];
          if (topics.length > 0 && connection === on) for (const heard of listeners) heard(topics);
        },
        { noAck: true },
      );
      channel.on('close', () => again(on));
    } catch {
      again(on);
    }
  };
  const again = (on: Connection): void => {
    if (connection !== on) return;
    hearing = false;
    clock.after(retryMs, () => connection === on && void hear(on));
  };
  const say = async (on: Connection): Promise<Channel | undefined> => {
    try {
      await exchange(on);
      const channel = await open(on);
      channel.on('close', () => {
        if (connection === on) saying = 'refused';
      });
      return channel;
    } catch {
      if (connection === on) saying = 'refused';
      return undefined;
    }
  };

  return {
    async look(topics) {
      if (!connection || saying === 'refused' || topics.length === 0) return;
      saying ??= say(connection);
      try {
        (await saying)?.publish(lookExchange, '', writeLook(topics), { expiration: String(shelfMs), userId: user });
      } catch {
        // The channel is closing: it will be said again, by whoever still looks.
      }
    },
    listen(heard) {
      listeners.push(heard);
      if (connection) void hear(connection);
    },
    attach(fresh) {
      connection = fresh;
      hearing = false;
      saying = undefined;
      if (listeners.length > 0) void hear(fresh);
    },
    detach() {
      connection = undefined;
    },
  };
}
