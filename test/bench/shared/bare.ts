/** The yardstick for RabbitMQ: what its client does with nothing around it, publisher and consumer in this one process. */
import { connect } from 'amqplib';
import type { Message } from '../../../core/bus/bus.ts';
import { systemClock } from '../../../core/clock.ts';

/** As many as the runtime has unconfirmed, and as it lets a queue hand out. */
const unconfirmed = 256;
const prefetch = 512;

/**
 * Publishes the messages in turn, with confirms, persistent, under all of their keys, to a durable classic queue, and acknowledges what
 * comes; from the first publish to the last acknowledgement. Resolves with messages per second.
 */
export async function bareRate(url: string, messages: readonly Message[], count: number): Promise<number> {
  const connection = await connect(url);
  try {
    const [publisher, consumer] = [await connection.createConfirmChannel(), await connection.createChannel()];
    await publisher.assertExchange('bare', 'topic', { durable: true });
    await consumer.assertQueue('bare', { durable: true, arguments: { 'x-queue-type': 'classic' } });
    await consumer.bindQueue('bare', 'bare', '#');
    await consumer.prefetch(prefetch);
    let came = 0;
    let done: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    await consumer.consume('bare', (message) => {
      if (!message) return;
      consumer.ack(message);
      if (++came === count) done();
    });
    const began = systemClock.monotonic();
    let waiting = 0;
    let room: () => void = () => {};
    for (let sent = 0; sent < count; sent++) {
      const message = messages[sent % messages.length];
      if (!message) break;
      const [first = '', ...rest] = message.keys;
      waiting += 1;
      publisher.publish('bare', first, message.body, { persistent: true, ...(rest.length > 0 && { CC: rest }) }, () => {
        waiting -= 1;
        room();
      });
      if (waiting >= unconfirmed)
        await new Promise<void>((resolve) => {
          room = resolve;
        });
    }
    await all;
    const seconds = (systemClock.monotonic() - began) / 1000;
    await consumer.deleteQueue('bare');
    return count / seconds;
  } finally {
    await connection.close();
  }
}
