/** How deep a broker's queues are, as AMQP itself tells: messages that are ready, not those that a reader holds. */
import { connect } from 'amqplib';

export interface Queues {
  /** By name. A queue that is not there yet has none. */
  depths(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

export async function watchQueues(url: string, names: readonly string[]): Promise<Queues> {
  const connection = await connect(url);
  connection.on('error', () => {});
  const depthOf = async (name: string): Promise<number> => {
    // To ask for a queue that is missing costs the channel.
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    try {
      const { messageCount } = await channel.checkQueue(name);
      await channel.close();
      return messageCount;
    } catch {
      return 0;
    }
  };
  return {
    async depths() {
      return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await depthOf(name)] as const)));
    },
    close: () => connection.close(),
  };
}
