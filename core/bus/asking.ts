/**
 * A question to a broker and its answer, beside the pipes: how a server that may not yet do anything asks to be let in.
 *
 *     ask ──▶ exchange `sluice.enrol` ──▶ queue of the same name ──▶ whoever answers ──▶ back, to the asker alone
 *
 * The answer comes by RabbitMQ's direct reply-to: the asker needs no queue of its own, hence no right but to write to one
 * exchange, and nobody else can read it. Who asks is what the broker has checked (`user_id`), not what the question says.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { messageOf, SluiceError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import { type Address, formatAddress } from './address.ts';
import { isRefusal, openLink } from './link.ts';
import { type Channel, type Connection, connect } from './rabbitmq.ts';

/** The exchange, the queue behind it, and the key between them. */
export const enrolment = 'sluice.enrol';
/** The longest question or answer, in bytes. */
const maxBytes = 16_384;
const replies = 'amq.rabbitmq.reply-to';

/** The broker answered, and does not know the user or its password. */
export class Refused extends SluiceError {}

export interface Asking {
  /** @throws SluiceError when nobody answers within `ms` */
  ask(question: Buffer, ms: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Opens one connection, once: whoever asks is a person who waits. @throws Refused, or SluiceError when the broker is away */
export async function openAsking(to: Address, { ca, ...login }: Identity, clock: Clock): Promise<Asking> {
  const name = formatAddress(to);
  const vhost = to.vhost;
  const model: Connection = await connect(
    { ...to, vhost, ...login, heartbeat: 5 },
    { timeout: 10_000, noDelay: true, clientProperties: { connection_name: 'sluice join' }, ...(ca !== undefined && { ca }) },
  ).catch((cause: unknown) => {
    throw isRefusal(cause)
      ? new Refused(`${name} refuses us`, { cause })
      : new SluiceError(`${name} does not answer (${messageOf(cause)}); check the address, that RabbitMQ runs there, and the way to it`, {
          cause,
        });
  });
  const waiting = new Map<string, { resolve(answer: Buffer): void; reject(reason: unknown): void }>();
  const fail = (reason: unknown): void => {
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
  };
  model.on('error', fail);
  model.on('close', () => fail(new SluiceError(`${name} closed the connection; try again`)));
  const channel = await model.createChannel();
  channel.on('error', () => fail(new SluiceError(`${name} knows no enrolment; run "sluice hub init" there`)));
  channel.on('return', () => fail(new SluiceError(`${name} has no queue for enrolment; run "sluice hub init" there`)));
  await channel.consume(
    replies,
    (message) => {
      const id: unknown = message?.properties.correlationId;
      if (typeof id !== 'string' || !message) return;
      waiting.get(id)?.resolve(message.content);
      waiting.delete(id);
    },
    { noAck: true },
  );
  return {
    async ask(question, ms) {
      const correlationId = randomUUID();
      const answer = new Promise<Buffer>((resolve, reject) => waiting.set(correlationId, { resolve, reject }));
      const late = clock.sleep(ms).then(() => {
        throw new SluiceError(
          `nobody answers at ${name}; see to it that "sluice hub enrol" runs on the hub (systemctl status sluice-enrol)`,
        );
      });
      // Of the two, the one that comes second is nobody's affair.
      late.catch(() => {});
      channel.publish(enrolment, enrolment, question, {
        correlationId,
        replyTo: replies,
        userId: login.username,
        mandatory: true,
        expiration: String(ms),
      });
      return Promise.race([answer, late]);
    },
    close: () => model.close().catch(() => {}),
  };
}

export interface AnsweringOptions {
  readonly addresses: readonly Address[];
  readonly identity: Identity;
  readonly clock: Clock;
  report(level: 'info' | 'warn' | 'error', message: string): void;
  /** Never throws. `user` is who asks, by the broker's own word. */
  answer(question: Buffer, user: string): Promise<Buffer>;
}

/** Answers, one after the other, until it is closed; connects again by itself. `opened` resolves when it first listens. */
export function openAnswering({ addresses, identity, clock, report, answer }: AnsweringOptions): {
  readonly opened: Promise<void>;
  close(): Promise<void>;
} {
  let listens: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    listens = resolve;
  });
  let said: string | undefined;
  const away = (thrown: Error): void => {
    if (said !== thrown.message)
      report('warn', `${addresses.map(formatAddress).join(', ')}: ${thrown.message}; trying again until it answers`);
    said = thrown.message;
  };
  const link = openLink({
    connect,
    addresses,
    credentials: identity,
    clock,
    async setup(model) {
      const channel = await model.createChannel();
      // Without its queue there is nothing to do here: the connection is made anew, and by then it may be there.
      channel.on('error', (error) => away(error));
      channel.on('close', () => link.drop('the channel of enrolment was closed'));
      await listen(
        channel,
        answer,
        (text) => report('warn', text),
        () => link.drop('the queue of enrolment is gone'),
      );
    },
    up() {
      if (said !== undefined) report('info', 'the broker is back; servers can join again');
      said = undefined;
      listens();
    },
    down: away,
    blocked() {},
    away,
  });
  return { opened, close: () => link.close() };
}

async function listen(channel: Channel, answer: AnsweringOptions['answer'], warn: (text: string) => void, gone: () => void): Promise<void> {
  // One at a time: who may use a token is decided by what was decided before.
  await channel.prefetch(1);
  await channel.consume(enrolment, async (message) => {
    if (!message) return gone();
    const { userId, replyTo, correlationId } = message.properties as unknown as Record<string, unknown>;
    try {
      const asked = typeof userId === 'string' && typeof replyTo === 'string' && typeof correlationId === 'string';
      if (asked && message.content.length <= maxBytes) {
        channel.publish('', replyTo, await answer(message.content, userId), { correlationId });
      } else warn('a question came that does not say who asks, or is too long; it is dropped');
      channel.ack(message);
    } catch (thrown) {
      // The connection went in between: whoever asked asks again.
      warn(`a question could not be answered: ${messageOf(thrown)}`);
    }
  });
}
