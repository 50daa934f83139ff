/** A reader that remembers, and what to wait for it with. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Bus, Delivery, Message, Subscribed, Subscription } from '../../core/bus/bus.ts';
import type { Kind } from '../../core/kinds.ts';
import type { Pipe } from '../../core/node.ts';

export interface Collected {
  readonly deliveries: Delivery[];
  readonly pipes: Pipe[];
  /** The bodies, as text. */
  bodies(): string[];
  /** Waits until so many came. */
  count(least: number): Promise<void>;
  close(): Promise<void>;
}

/** Polls, with a bound. */
export async function until(what: string, holds: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`after ${ms} ms not yet: ${what}`);
    await turn();
  }
}

/** Subscribes. `each` acknowledges at once, `never` leaves that to the test. */
export async function collect(bus: Bus, subscription: Subscription, ack: 'each' | 'never' = 'each'): Promise<Collected> {
  const deliveries: Delivery[] = [];
  const pipes: Pipe[] = [];
  const subscribed: Subscribed = await bus.subscribe(subscription, {
    deliver(delivery) {
      deliveries.push(delivery);
      if (ack === 'each') delivery.ack();
    },
    pipe: (pipe) => pipes.push(pipe),
  });
  return {
    deliveries,
    pipes,
    bodies: () => deliveries.map(({ message }) => message.body.toString()),
    count: (least) => until(`${least} deliveries (have ${deliveries.length})`, () => deliveries.length >= least),
    close: () => subscribed.close(),
  };
}

export function message(kind: Kind, keys: string | readonly string[], body: string | Buffer, more: Partial<Message> = {}): Message {
  return { kind, keys: typeof keys === 'string' ? [keys] : keys, body: Buffer.from(body), batch: false, ...more };
}
