/**
 * Reads messages for all inlets of a process: several nodes that want the same message cost one reading of it. Each has it from a
 * queue of its own, so a message is known by its bytes, whichever bus it came through.
 *
 * message → its events, each checked or refused by itself. Events are frozen: what one node does with them no other can see.
 */
import { gunzipSync } from 'node:zlib';
import type { Message } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { messageOf, Reject } from '../errors.ts';
import { decodeAll, type Event, maxEventBytes } from '../event.ts';
import type { Kind } from '../kinds.ts';

/** Something refused: why, and as much of it as is known. */
export interface Refused {
  readonly reason: Reject;
  readonly kind: Kind;
  readonly key?: string;
  readonly id?: string;
  readonly raw: string;
}

export interface Decoder {
  /** Somebody will read messages of these kinds; the result ends that. */
  join(kinds: Iterable<Kind>): () => void;
  /** @param at the receiving clock, in milliseconds. */
  read(message: Message, at: number): readonly (Event | Refused)[];
  /**
   * For who is about to read this: a promise of the others' catching up, where much was read that they have yet to read too. Nothing
   * where there is no need to wait. It waits for nobody longer than a moment: who is stuck shall hold up no other.
   */
  inStep(message: Message): Promise<void> | undefined;
}

/** Decompressed, a message may be this large: the most that a writer puts into one batch, with room. */
const maxMessageBytes = 16 * 1024 * 1024;
/** Bytes of messages whose events are held for those that have yet to read them. Who lags further behind reads for itself. */
const heldBytes = 32 * 1024 * 1024;
/**
 * From here on who is ahead waits for the others: what is held is read again when it is dropped, and is dear to keep, since it
 * outlives the collector's young generation.
 */
const aheadBytes = 8 * 1024 * 1024;
const waitMs = 3000;
/** How long nobody waits after one did in vain: some may not want what others do, or are stuck. */
const hurryMs = 60_000;

/**
 * How much reading a message takes, in bytes of JSON: what is compressed says at its end how large it was. It may lie; it is never
 * believed beyond what is read at all.
 */
export function weightOf({ body, encoding }: Message): number {
  if (encoding !== 'gzip' || body.length < 4) return body.length;
  return Math.max(body.length, Math.min(body.readUInt32LE(body.length - 4), maxMessageBytes));
}

interface Held {
  readonly name: string;
  readonly message: Message;
  readonly events: readonly (Event | Refused)[];
  /** How many have yet to read it. */
  left: number;
}

export function decoder(clock: Clock): Decoder {
  const readers = new Map<Kind, number>();
  /** By what is cheap to compare. */
  const named = new Map<string, Held[]>();
  /** The oldest first. */
  const all = new Set<Held>();
  let bytes = 0;
  const waiting: (() => void)[] = [];
  /** On the monotonic clock: until then nobody waits. */
  let hurry = 0;

  const count = (kind: Kind, by: number): void => void readers.set(kind, (readers.get(kind) ?? 0) + by);
  const nameOf = ({ kind, batch, body, encoding, keys: [key] }: Message): string =>
    `${kind} ${batch} ${encoding ?? ''} ${body.length} ${key ?? ''}`;
  const drop = (one: Held): void => {
    all.delete(one);
    bytes -= weightOf(one.message);
    if (bytes <= aheadBytes) for (const resume of waiting.splice(0)) resume();
    const alike = (named.get(one.name) ?? []).filter((other) => other !== one);
    if (alike.length > 0) named.set(one.name, alike);
    else named.delete(one.name);
  };
  const hold = (one: Held): void => {
    named.set(one.name, [...(named.get(one.name) ?? []), one]);
    all.add(one);
    bytes += weightOf(one.message);
    for (const oldest of all) {
      if (bytes <= heldBytes) return;
      drop(oldest);
    }
  };

  const find = (message: Message): Held | undefined =>
    named.get(nameOf(message))?.find(({ message: { body } }) => body === message.body || body.equals(message.body));

  return {
    join(kinds) {
      const joined = [...new Set(kinds)];
      for (const kind of joined) count(kind, 1);
      return () => {
        for (const kind of joined.splice(0)) count(kind, -1);
      };
    },
    read(message, at) {
      const others = (readers.get(message.kind) ?? 1) - 1;
      if (others <= 0) return decode(message, at);
      const known = find(message);
      if (known !== undefined) {
        known.left -= 1;
        if (known.left === 0) drop(known);
        return known.events;
      }
      const events = decode(message, at);
      hold({ name: nameOf(message), message, events, left: others });
      return events;
    },
    inStep(message) {
      if (bytes <= aheadBytes || (readers.get(message.kind) ?? 1) <= 1 || find(message) !== undefined) return undefined;
      const now = clock.monotonic();
      if (now < hurry) return undefined;
      if (hurry > 0) {
        // What is held from then is nobody's any more.
        hurry = 0;
        for (const stale of all) drop(stale);
        return undefined;
      }
      return new Promise((resolve) => {
        const cancel = clock.after(waitMs, () => {
          hurry = clock.monotonic() + hurryMs;
          resolve();
        });
        waiting.push(() => {
          cancel();
          resolve();
        });
      });
    },
  };
}

function decode({ kind, keys: [key], batch, encoding, body: given }: Message, at: number): readonly (Event | Refused)[] {
  const about = key === undefined ? {} : { key };
  const most = batch ? maxMessageBytes : maxEventBytes;
  let body = given;
  try {
    if (encoding === 'gzip') body = gunzipSync(body, { maxOutputLength: maxMessageBytes });
    if (body.length > most) throw new Error(`${body.length} bytes, the limit is ${most}`);
  } catch (cause) {
    const reason = new Reject(`event: ${messageOf(cause)}`, { cause });
    return [{ reason, kind, raw: body.toString('utf8', 0, 1024), ...about }];
  }
  return decodeAll(body, batch, { kind, ...about, at }).map((read) =>
    'refused' in read ? { reason: read.refused, kind, raw: read.raw, ...about } : frozen(read),
  );
}

/** All the way down: it was checked for depth. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) for (const item of value) frozen(item);
  else for (const name in value) frozen(value[name]);
  return Object.freeze(value);
}
