/**
 * What both buses refuse in the same words, before either would stumble over it in its own way.
 */
import { Reject } from '../errors.ts';
import { checkPattern, maxKeyBytes } from '../key.ts';
import { type Delivery, kinds } from '../kinds.ts';
import type { Message, Subscription } from './bus.ts';

/** The longest list of keys of one message. It travels in a header, whose table every broker must hold in memory. */
export const maxKeys = 1024;

/** @throws Reject when no broker could route the message. */
export function checkMessage(message: Message): void {
  const { keys } = message;
  if (keys.length === 0) throw new Reject(`bus: a ${message.kind} message has no key; give it at least one`);
  if (keys.length > maxKeys) throw new Reject(`bus: ${keys.length} keys in one message, the limit is ${maxKeys}; split the batch`);
  for (const key of keys) {
    // Of UTF-16's units none becomes more than three bytes, so that short keys need no counting.
    if (key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes)
      throw new Reject(`bus: a key has ${Buffer.byteLength(key)} bytes, the limit is ${maxKeyBytes}: ${key.slice(0, 80)}…`);
  }
}

/** How the kinds of a subscription travel. @throws Reject when they travel differently, or a pattern is none. */
export function checkSubscription(subscription: Subscription): Delivery {
  const [first, ...rest] = subscription.topics;
  if (!first) throw new Reject('bus: a subscription has no topic; name what it reads');
  const { delivery } = kinds[first.kind];
  for (const topic of rest) {
    if (kinds[topic.kind].delivery !== delivery)
      throw new Reject(`bus: ${first.kind} and ${topic.kind} travel differently; read them through two subscriptions`);
  }
  for (const topic of subscription.topics) checkPattern(topic.pattern);
  return delivery;
}
