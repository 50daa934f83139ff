/**
 * Reading a queue by taking: what is acknowledged is gone. The broker keeps the prefetch and hands what comes back to whoever
 * reads next.
 */
import type { Delivery as Travel } from '../kinds.ts';
import type { Subscription } from './bus.ts';
import type { Session, Strategy } from './reading.ts';
import { type Declared, declareNamed, declareParts, declareViewer } from './topology.ts';
import { type Arrived, decodeMessage, exchangeOf, publisherOf } from './wire.ts';

/** How often a queue that was not empty is looked at, in milliseconds. */
const lookEvery = 1000;
/** How often it is bound anew, in milliseconds: an exchange that somebody deleted and that was made again binds nothing. */
const renewEvery = 60_000;

export function takeFromQueue(subscription: Subscription, travels: Travel): Strategy {
  return async (session) => {
    const { channel } = session;
    const { name, waiting } = await declare(session, subscription, travels);
    await channel.prefetch(Math.max(1, subscription.prefetch));
    const handled = countDown(session, name, waiting);
    if (subscription.queue !== 'viewer' && !subscription.part) renew(session, () => bind(session, subscription, name));
    return channel.consume(name, (raw) => {
      if (!session.alive()) return;
      if (raw === null) return session.cancelled();
      const done = () => {
        channel.ack(raw);
        handled();
      };
      const arrived: Arrived = raw;
      const message = decodeMessage(arrived);
      if (!message) {
        session.warn(`a message that came through no exchange of sluice is dropped (exchange "${raw.fields.exchange.slice(0, 80)}")`);
        return done();
      }
      session.hand({ message, redelivered: raw.fields.redelivered, ...publisherOf(arrived) }, done);
    });
  };
}

async function declare(session: Session, subscription: Subscription, travels: Travel): Promise<Declared> {
  const { connection, channel, replicated } = session;
  const { queue, part } = subscription;
  const adopted = () => session.warn('the queue exists with other arguments and is used as it is; delete it to have it made anew');
  if (part) {
    const [declared] = await declareParts(connection, { ...subscription, part }, [part.index], { travels, replicated }, adopted);
    if (declared) return declared;
  }
  const declared =
    queue === 'viewer' ? await declareViewer(channel) : await declareNamed(connection, queue.name, { travels, replicated }, adopted);
  await bind(session, subscription, declared.name);
  return declared;
}

const bind = ({ channel }: Session, { topics }: Subscription, name: string): Promise<unknown> =>
  Promise.all(topics.map(({ kind, pattern }) => channel.bindQueue(name, exchangeOf(kind), pattern)));

/** What fails here closes the channel, and with it this session: the next one declares and binds in its turn. */
function renew(session: Session, work: () => Promise<unknown>): void {
  session.clock.after(renewEvery * (0.8 + Math.random() * 0.4), async () => {
    if (!session.alive()) return;
    await work().catch(() => {});
    renew(session, work);
  });
}

/**
 * Finds out when all that waited is handled. Counting alone would not do: another reader may share the queue, and what
 * expired or was dropped never comes. So the queue is looked at as well: once it is empty, what is held is the rest.
 */
function countDown(session: Session, name: string, waiting: number): () => void {
  let behind = waiting;
  const look = () => {
    session.clock.after(lookEvery, async () => {
      if (behind <= 0 || !session.alive()) return;
      // It fails only with the channel, whose end is noticed elsewhere.
      const found = await session.channel.checkQueue(name).catch(() => undefined);
      if (!found || behind <= 0 || !session.alive()) return;
      if (found.messageCount === 0) behind = Math.min(behind, session.held());
      if (behind === 0) session.caughtUp();
      else look();
    });
  };
  if (behind === 0) session.caughtUp();
  else look();
  return () => {
    if (--behind === 0) session.caughtUp();
  };
}
