/**
 * A subscription's life at a broker: opened on each connection anew, opened again when the broker closes its channel or takes
 * away its queue, and told to its reader. How messages come is a strategy's affair: {@link takeFromQueue} or `readState`.
 *
 * Acknowledgements of an earlier channel are ignored: the broker delivers those messages again.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { backOff, worthSaying } from './backoff.ts';
import type { Delivery, Reader } from './bus.ts';
import type { Channel, Connection } from './rabbitmq.ts';
import { closeChannel, replyCode } from './topology.ts';

/** One channel's worth of reading, as a strategy sees it. */
export interface Session {
  readonly connection: Connection;
  readonly channel: Channel;
  readonly clock: Clock;
  /** One broker of several may go: queues are kept on more than one. */
  readonly replicated: boolean;
  /** False once the channel is gone: what then still arrives means nothing. */
  alive(): boolean;
  /** Gives one to the reader. `done` is called at most once, when it is handled and the session lives. */
  hand(delivery: Omit<Delivery, 'ack'>, done: () => void): void;
  /** How many the reader holds. */
  held(): number;
  /** All that waited when the session began is handled. */
  caughtUp(): void;
  /** The broker took the queue away: begin again. */
  cancelled(): void;
  /** Says it once in this subscription's life. */
  warn(message: string): void;
}

/** Begins to consume, and resolves when nothing published from then on is missed. */
export type Strategy = (session: Session) => Promise<{ consumerTag: string }>;

export interface Reading {
  /** Opens it on this connection, and keeps it open. */
  attach(connection: Connection): void;
  /** The connection is gone. */
  detach(): void;
  /** Resolves when it was opened for the first time. */
  readonly opened: Promise<void>;
  /** Takes no more, and still acknowledges what was delivered. */
  stop(): Promise<void>;
  /** How many deliveries are unacknowledged. */
  held(): number;
  /** Ends it: what is unacknowledged goes back. */
  close(): Promise<void>;
}

export interface ReadingOptions {
  /** For people: what is read. */
  readonly label: string;
  readonly reader: Reader;
  readonly strategy: Strategy;
  readonly clock: Clock;
  readonly replicated: boolean;
  report(level: 'warn' | 'error', message: string): void;
  /** A delivery was acknowledged. */
  settled(): void;
}

export function createReading({ label, reader, strategy, clock, replicated, report, settled }: ReadingOptions): Reading {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const said = new Set<string>();
  const ended = new AbortController();
  // Each attempt has its number; an older one's callbacks find that they no longer count.
  let epoch = 0;
  let held = 0;
  let stopping = false;
  let current: { channel: Channel; consumerTag?: string } | undefined;
  let told: string | undefined;

  const say = (level: 'warn' | 'error', message: string) => {
    if (said.has(message)) return;
    said.add(message);
    report(level, `bus: ${label}: ${message}`);
  };
  const guard = (call: () => void) => {
    try {
      call();
    } catch (thrown) {
      say('error', `its reader threw: ${messageOf(thrown)}; what it was given stays unacknowledged`);
    }
  };
  const tell = (connected: boolean, caughtUp: boolean) => {
    const now = `${connected} ${caughtUp}`;
    if (told === now) return;
    told = now;
    guard(() => reader.pipe({ connected, caughtUp }));
  };
  const forget = () => {
    epoch++;
    held = 0;
    current = undefined;
  };

  const begin = async (connection: Connection, mine: number): Promise<void> => {
    const channel = await connection.createChannel();
    // Stays unknown where the whole connection ends: then `detach` follows at once, and others say so.
    let reason: string | undefined;
    const opening = { done: false, lost: false };
    const again = () => {
      if (mine !== epoch) return;
      if (!opening.done) {
        // Whoever opens it finds out by itself, and waits longer each time.
        opening.lost = true;
        return;
      }
      forget();
      tell(false, false);
      settled();
      if (stopping) return;
      if (reason !== undefined) say('warn', `interrupted (${reason}); opening it again`);
      void attach(connection, 1);
    };
    channel.on('error', (error) => {
      reason = error.message;
    });
    channel.on('close', again);
    if (mine !== epoch) return closeChannel(channel);
    current = { channel };
    const session: Session = {
      connection,
      channel,
      clock,
      replicated,
      alive: () => mine === epoch,
      hand(delivery, done) {
        let waiting = true;
        held++;
        const ack = () => {
          if (!waiting || mine !== epoch) return;
          waiting = false;
          held--;
          attempt(done);
          settled();
        };
        guard(() => reader.deliver({ ...delivery, ack }));
      },
      held: () => held,
      caughtUp: () => mine === epoch && tell(true, true),
      cancelled() {
        reason = 'the broker took its queue away';
        again();
        void closeChannel(channel);
      },
      warn: (message) => say('warn', message),
    };
    tell(true, false);
    const { consumerTag } = await strategy(session);
    // Overtaken by another attempt on the same connection: left open, it would go on taking what nobody acknowledges.
    if (mine !== epoch) return closeChannel(channel);
    if (opening.lost) throw new Error(reason ?? 'its channel was closed');
    opening.done = true;
    current = { channel, consumerTag };
    open();
  };

  const attach = async (connection: Connection, tries: number): Promise<void> => {
    let mine = ++epoch;
    for (let count = tries; ; count++) {
      if (count > 0) await clock.sleep(backOff(count, 30_000), ended.signal);
      if (mine !== epoch || stopping) return;
      try {
        return await begin(connection, mine);
      } catch (thrown) {
        if (mine !== epoch) return;
        const level = replyCode(thrown) === undefined ? 'warn' : 'error';
        if (count >= worthSaying) say(level, `cannot be opened: ${messageOf(thrown)}; trying again`);
        const failed = current?.channel;
        forget();
        mine = epoch;
        tell(false, false);
        if (failed) await closeChannel(failed);
      }
    }
  };

  tell(false, false);
  return {
    opened,
    attach: (connection) => void attach(connection, 0),
    detach() {
      forget();
      tell(false, false);
      settled();
    },
    held: () => held,
    async stop() {
      stopping = true;
      ended.abort();
      const { channel, consumerTag } = current ?? {};
      if (channel && consumerTag !== undefined) await channel.cancel(consumerTag).catch(() => {});
    },
    async close() {
      stopping = true;
      ended.abort();
      const channel = current?.channel;
      forget();
      open();
      if (channel) await closeChannel(channel);
    },
  };
}

/** A channel that is closing refuses to send, and will say so itself. */
function attempt(send: () => void): void {
  try {
    send();
  } catch {
    // What this would have acknowledged is delivered again.
  }
}
