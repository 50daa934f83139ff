/**
 * A stored event as a line of JSON: what `GET /api/history` sends, and what `sluice tap --save` writes.
 *
 *     {"received": 1767225600000, "event": {"specversion": "1.0", …}}
 *
 * A bare event, as `sluice tap --json` prints it, is read too: it was received when it says it happened, and never before
 * the line above it.
 */
import { messageOf, Reject } from '../errors.ts';
import { type Event, fromWire, toWire } from '../event.ts';
import type { Received } from '../history.ts';
import { isKind, type Kind } from '../kinds.ts';

export const toLine = ({ received, event }: Received): string => `${JSON.stringify({ received, event: toWire(event) })}\n`;

/** Reads a line. `before` is when the line above it was received. @throws Reject with what is wrong with it. */
export function readLine(line: string, before: number): Received {
  const parsed = parse(line);
  const wire = isObject(parsed.event) ? parsed.event : parsed;
  const kind = kindOf(wire.type);
  // A stored event was judged by its time when it came: here any time will do.
  const event: Event = fromWire(wire, { kind, at: Number.MAX_SAFE_INTEGER });
  if (wire === parsed) return { event, received: Math.max(before, event.time) };
  const { received } = parsed;
  if (typeof received !== 'number' || !(Math.abs(received) <= 8.64e15))
    throw new Reject('history: "received" is no time; it is milliseconds since 1970');
  return { event, received };
}

function parse(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line);
    if (isObject(parsed)) return parsed;
  } catch (cause) {
    throw new Reject(`history: not JSON: ${messageOf(cause).slice(0, 200)}`, { cause });
  }
  throw new Reject('history: not an event; a line is {"received": …, "event": {…}}, or an event');
}

/** The kind that an event's type names: cheap, and enough to leave it out unread. */
function kindOf(type: unknown): Kind {
  const [, kind = ''] = /^sluice\.([a-z]+)\.v\d+$/.exec(String(type)) ?? [];
  if (!isKind(kind)) throw new Reject(`history: type "${String(type).slice(0, 64)}" is unknown; it reads sluice.<kind>.v1`);
  return kind;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
