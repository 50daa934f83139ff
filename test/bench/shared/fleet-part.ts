/**
 * The servers of a bench: `fleet-part.ts <what, as JSON>` runs a simulated fleet on a broker and tells its parent how far it is. It
 * is told to tell more readings at once, to show what it sends, and to end; then it says all that it wrote, stream by stream.
 * Started by benches alone.
 */
import type { Message } from '../../../core/bus/bus.ts';
import type { Written } from '../../../core/demo/ledger.ts';
import { compiled } from './compiled.ts';

export interface FleetPart {
  readonly url: string;
  readonly state: string;
  readonly servers: number;
  readonly points: number;
  /** Milliseconds. */
  readonly linger: number;
}

export type Told =
  | { readonly progress: Progress }
  /** What it sent lately: metrics, with their bodies in base64. */
  | { readonly sample: readonly Sent[] }
  | { readonly streams: readonly Written[] };

export type Asked = { readonly readings: number } | { readonly sample: number } | { readonly end: true };

export interface Progress {
  /** Of metrics, that the spools have taken. */
  readonly events: number;
  readonly points: number;
  /** Events that are not confirmed yet. */
  readonly waiting: number;
  /** Of metrics, that were sent; with what AMQP adds to them. */
  readonly messages: number;
  readonly bytes: number;
  /** CPU of the process so far, all threads, in milliseconds. */
  readonly cpuMs: number;
}

export interface Sent {
  readonly keys: readonly string[];
  readonly body: string;
  readonly encoding?: 'gzip';
}

const tellMs = 100;
const drainMs = 120_000;
const mostKept = 400;

const { systemClock } = await compiled<typeof import('../../../core/clock.ts')>('core/clock');
const { rabbitBus } = await compiled<typeof import('../../../core/bus/rabbitmq.ts')>('core/bus/rabbitmq');
const { startFleet } = await compiled<typeof import('../../../core/demo/fleet.ts')>('core/demo/fleet');

const { url, state, servers, points, linger } = JSON.parse(process.argv[2] ?? '{}') as FleetPart;
const rabbit = rabbitBus({ urls: [url], clock: systemClock, report: (level, text) => level !== 'info' && console.error(text) });
await new Promise<void>((resolve) => rabbit.watch((connected) => connected && resolve()));
let [messages, bytes] = [0, 0];
const kept: Message[] = [];
const bus: typeof rabbit = {
  ...rabbit,
  get connected() {
    return rabbit.connected;
  },
  publish(message) {
    if (message.kind === 'metric') {
      messages += 1;
      // A frame has 8 bytes beside what it carries; keys travel in the header.
      bytes += message.body.length + message.keys.reduce((sum, key) => sum + key.length + 5, 0) + 3 * 8;
      kept[(messages - 1) % mostKept] = message;
    }
    return rabbit.publish(message);
  },
};
const say = (told: Told): void => void process.send?.(told);
const fleet = startFleet({ bus, state, servers, points, linger, report: (_level, text) => console.error(text) });
systemClock.every(tellMs, () => {
  const { user, system } = process.cpuUsage();
  const { waiting } = fleet.counts;
  say({ progress: { ...fleet.ledger.totals('metric'), waiting, messages, bytes, cpuMs: (user + system) / 1000 } });
});
process.on('message', async (asked: Asked) => {
  if ('readings' in asked) for (const { life } of fleet.hosts.values()) life.trouble.repeats = asked.readings;
  if ('sample' in asked) {
    const some = kept.slice(0, asked.sample);
    say({ sample: some.map(({ keys, body, encoding }) => ({ keys, body: body.toString('base64'), ...(encoding && { encoding }) })) });
  }
  if ('end' in asked) {
    await fleet.stop('measured', drainMs);
    process.send?.({ streams: [...fleet.ledger.streams.values()] } satisfies Told, async () => {
      await rabbit.close();
      process.exit(0);
    });
  }
});
// Whoever measures is gone: so is this.
process.once('disconnect', () => process.exit(1));
