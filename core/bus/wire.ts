/**
 * A message as AMQP carries it, and back. What arrives may come from anyone with a password: nothing in it is trusted.
 *
 * Headers of our own go with `state` alone, since a stream keeps neither CC nor expiry: `sluice-keys` (all keys, as JSON, where
 * there are several) and `sluice-until` (milliseconds since 1970).
 */
import { maxKeyBytes } from '../key.ts';
import { isKind, type Kind, kinds } from '../kinds.ts';
import type { Delivery, Message } from './bus.ts';
import { maxKeys } from './check.ts';

export const exchangeOf = (kind: Kind): string => `sluice.${kind}`;

/** The kind whose exchange it is, if it is one of ours. */
export function kindOf(exchange: string): Kind | undefined {
  const kind = exchange.startsWith('sluice.') ? exchange.slice('sluice.'.length) : '';
  return isKind(kind) ? kind : undefined;
}

/** Over which viewers say what they look at. */
export const lookExchange = 'sluice.look';

/** The stream that keeps `state`. */
export const stateStream = 'sluice.state';

const single = 'application/cloudevents+json';
const batched = 'application/cloudevents-batch+json';

/** What goes with the bytes when they are published. */
export interface Properties {
  readonly contentType: string;
  readonly contentEncoding?: string;
  readonly persistent: boolean;
  /** The broker says so when no queue wants it. */
  readonly mandatory?: true;
  readonly expiration?: string;
  readonly userId: string;
  readonly CC?: string[];
  readonly headers?: Record<string, string | number>;
}

/**
 * `user` is what the broker checks and vouches for; `now` the wall clock. A heartbeat is transient: one from before a broker's
 * restart proves nothing. All else is persistent (docs/decisions/0003).
 */
export function encodeProperties(message: Message, user: string, now: number): Properties {
  const { delivery } = kinds[message.kind];
  const rest = message.keys.slice(1);
  return {
    contentType: message.batch ? batched : single,
    ...(message.encoding && { contentEncoding: message.encoding }),
    persistent: delivery !== 'heartbeat',
    ...(delivery === 'durable' && { mandatory: true }),
    ...(message.expires !== undefined && { expiration: String(Math.max(0, Math.round(message.expires))) }),
    userId: user,
    ...(rest.length > 0 && { CC: rest }),
    ...(delivery === 'state' && {
      headers: {
        ...(rest.length > 0 && { 'sluice-keys': JSON.stringify(message.keys) }),
        ...(message.expires !== undefined && { 'sluice-until': now + Math.round(message.expires) }),
      },
    }),
  };
}

/** The parts of a delivery that are looked at, as far as the protocol promises their types. */
export interface Arrived {
  readonly content: Buffer;
  readonly fields: { readonly exchange: string; readonly routingKey: string };
  readonly properties: {
    readonly contentType?: unknown;
    readonly contentEncoding?: unknown;
    readonly expiration?: unknown;
    readonly userId?: unknown;
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
  };
}

/** The message, or undefined when it did not come through one of our exchanges. */
export function decodeMessage({ content, fields, properties }: Arrived): Message | undefined {
  const kind = kindOf(fields.exchange);
  if (!kind) return undefined;
  const { contentType, contentEncoding, expiration, headers = {} } = properties;
  const expires = typeof expiration === 'string' && /^\d{1,15}$/.test(expiration) ? Number(expiration) : undefined;
  return {
    kind,
    keys: [...new Set([fields.routingKey, ...keyList(headers.CC ?? parseList(headers['sluice-keys']))])],
    body: content,
    batch: contentType === batched,
    ...(contentEncoding === 'gzip' && { encoding: contentEncoding }),
    ...(expires !== undefined && { expires }),
  };
}

/**
 * Who published it: a user that the broker has checked. Of several upstreams the first in the list was the last on the way, and
 * was written down by the broker that we read from; unless a user of it made the whole list up.
 */
export function publisherOf({ properties: { userId, headers } }: Arrived): Pick<Delivery, 'user' | 'upstream'> {
  const received = headers?.['x-received-from'];
  const first: unknown = Array.isArray(received) ? received[0] : undefined;
  const uri = typeof first === 'object' && first !== null && 'uri' in first ? first.uri : undefined;
  return {
    ...(typeof userId === 'string' && { user: userId }),
    ...(received !== undefined && { upstream: typeof uri === 'string' ? uri : '' }),
  };
}

/** The wall time until which a state is worth having. */
export function untilOf({ properties }: Arrived): number {
  const until = properties.headers?.['sluice-until'];
  return typeof until === 'number' ? until : Number.POSITIVE_INFINITY;
}

/** Where in its stream a message stands. */
export function offsetOf({ properties }: Arrived): number {
  const offset = properties.headers?.['x-stream-offset'];
  return typeof offset === 'number' ? offset : -1;
}

const keyList = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.slice(0, maxKeys).filter((key): key is string => typeof key === 'string' && Buffer.byteLength(key) <= maxKeyBytes)
    : [];

function parseList(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Not written by us: the routing key is all that is known.
    return undefined;
  }
}
