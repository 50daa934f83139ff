/**
 * Reading `state`: a stream is read without taking, so every reader sees all of it. First the last of each key as of now, then
 * each change. After a reconnection it starts over: a state said twice is the same state.
 *
 *     first ───────────── history ─────────────▶ end ──── live ────▶
 *           kept: the last of each wanted key     │ handed out, then each as it comes
 *
 * AMQP does not tell a stream's end. A probe that reads only the last chunk does: the broker sends a chunk in one go, so when
 * an answer follows it on the same channel, the highest offset seen is the end. It needs no permission to write.
 *
 * Limits: the broker's count of messages is never used (0 or seconds old, by version). Of a stream that stays mute for a second
 * it is assumed that it is empty; were it not, its history would come as changes, in order.
 */
import { matcher } from '../key.ts';
import type { Message, Subscription } from './bus.ts';
import type { Connection } from './rabbitmq.ts';
import type { Session, Strategy } from './reading.ts';
import { onChannel } from './topology.ts';
import { type Arrived, decodeMessage, exchangeOf, offsetOf, publisherOf, stateStream, untilOf } from './wire.ts';

/** How far the broker may be ahead of us: acknowledging to a stream only asks for more. */
const credit = 1000;
/** More than a chunk can hold. */
const wholeChunk = 65_535;
const muteAfter = 1000;
/** Bytes of history that are kept while it is read. Past it the keys that were said longest ago give way. */
const historyBytes = 64 * 1024 * 1024;

interface Entry {
  readonly message: Message;
  readonly publisher: ReturnType<typeof publisherOf>;
  readonly until: number;
  readonly done: () => void;
}

export function readState(subscription: Subscription): Strategy {
  const wanted = subscription.topics.map(({ kind, pattern }) => ({ exchange: exchangeOf(kind), match: matcher(pattern) }));
  const wants = (exchange: string, keys: readonly string[]) =>
    wanted.some((topic) => topic.exchange === exchange && keys.some((key) => topic.match(key)));

  return async (session) => {
    const { channel, connection, clock } = session;
    const end = await lastOffset(connection, session);
    const history = createHistory();
    let live = end < 0;
    let behind = 0;
    const waiting: Entry[] = [];

    const pump = () => {
      while (session.held() < Math.max(1, subscription.prefetch)) {
        const next = waiting.shift();
        if (!next) return;
        if (next.until <= clock.now()) {
          next.done();
          continue;
        }
        const { message, publisher, done } = next;
        session.hand({ message, redelivered: false, ...publisher }, () => {
          done();
          pump();
        });
      }
    };
    const handled = () => {
      if (--behind === 0) session.caughtUp();
    };
    const release = () => {
      live = true;
      const last = history.take();
      behind = last.length;
      if (behind === 0) session.caughtUp();
      waiting.push(...last.map((entry) => ({ ...entry, done: handled })));
      pump();
    };

    await channel.prefetch(Math.max(credit, subscription.prefetch));
    const consuming = await channel.consume(
      stateStream,
      (raw) => {
        if (!session.alive()) return;
        if (raw === null) return session.cancelled();
        const arrived: Arrived = raw;
        const message = decodeMessage(arrived);
        const fits = message && wants(raw.fields.exchange, message.keys) ? message : undefined;
        const publisher = publisherOf(arrived);
        const more = () => channel.ack(raw);
        if (live && fits) {
          waiting.push({ message: fits, publisher, until: untilOf(arrived), done: more });
          return pump();
        }
        more();
        if (fits) history.keep({ message: fits, publisher, until: untilOf(arrived), done: () => {} });
        if (!live && offsetOf(arrived) >= end) release();
      },
      { arguments: { 'x-stream-offset': 'first' } },
    );
    if (end < 0) session.caughtUp();
    return consuming;
  };
}

/** The offset of the stream's last message, or -1 when it has none. */
function lastOffset(connection: Connection, { clock }: Session): Promise<number> {
  return onChannel(connection, async (channel) => {
    let offset = -1;
    const seen = new Promise<void>((resolve, reject) => {
      const giveUp = clock.after(muteAfter, resolve);
      const consuming = async () => {
        await channel.prefetch(wholeChunk);
        await channel.consume(
          stateStream,
          (raw) => {
            if (raw === null) return;
            offset = Math.max(offset, offsetOf(raw));
            giveUp();
            resolve();
          },
          { arguments: { 'x-stream-offset': 'last' } },
        );
      };
      consuming().catch((thrown) => {
        giveUp();
        reject(thrown);
      });
    });
    await seen;
    // Its answer comes after the chunk that the broker had begun to send.
    await channel.prefetch(wholeChunk);
    return offset;
  });
}

/** The last of each key, oldest first. */
function createHistory() {
  const last = new Map<string, Entry>();
  let bytes = 0;
  const forget = (key: string) => {
    bytes -= last.get(key)?.message.body.length ?? 0;
    last.delete(key);
  };
  return {
    keep(entry: Entry) {
      // The body is a view into a larger piece of what was read from the socket, all of which it would hold.
      const copy = { ...entry, message: { ...entry.message, body: Buffer.from(entry.message.body) } };
      const { user = '', upstream = '' } = entry.publisher;
      for (const word of entry.message.keys) {
        // Of each publisher the last: who is not believed must not hide what another said.
        const key = `${word} ${user} ${upstream}`;
        forget(key);
        last.set(key, copy);
        bytes += copy.message.body.length;
      }
      for (const key of last.keys()) {
        if (bytes <= historyBytes) break;
        forget(key);
      }
    },
    /** Hands over what was kept, each message once. */
    take(): Entry[] {
      const entries = [...new Set(last.values())];
      last.clear();
      return entries;
    },
  };
}
