/**
 * What may be asked of `subscribe`: which topics, of which content, how many a second, and since when.
 *
 *     {"subscribe": {"kind": "metric", "host": "web-1"}}
 *     {"id": "errors", "subscribe": [{"kind": "log", "where": {"lines.severity": ["error"]}, "since": "5m", "rate": 100}, {"kind": "alert"}]}
 */
import {
  compileGlance,
  compileWhere,
  duration,
  type Event,
  type Kind,
  kindNames,
  matcher,
  messageOf,
  narrowed,
  patternOf,
  SluiceError,
  type Topic,
  where,
  z,
} from 'sluice';
import type { Entry } from './memory.ts';

const word = z.string().min(1).max(255);
const wanted = z.strictObject({
  kind: z.enum(kindNames as readonly [Kind, ...Kind[]]),
  company: word.optional(),
  system: word.optional(),
  environment: word.optional(),
  host: word.optional(),
  resource: word.optional(),
  /** A topic pattern, instead of the fields. */
  pattern: word.optional(),
  /** What its data must hold: field paths to values (where.ts). */
  where: where.optional(),
  /** How many events a second at most; of the others it is told how many there were. States are not counted: their last word always comes. */
  rate: z.number().positive().max(1_000_000).optional(),
  /** An instant (ISO 8601), or how long ago (`5m`). Without it the snapshot holds all that is remembered. */
  since: word.optional(),
});
export const subscribeRequest = z.union([wanted, z.array(wanted).min(1).max(32)]);

/** One of the topics of a subscription. */
export interface Wanted extends Topic {
  /** Events a second; infinite without a bound. */
  readonly rate: number;
  /** `event` is the entry's own, where it is at hand. */
  matches(entry: Entry, event?: Event): boolean;
  /** Whether an entry is not too old for its snapshot; `now` is the present tick. */
  recent(entry: Entry, now: number): boolean;
}

/** @param part the part of the tree that may be seen. @throws SluiceError with what is wrong; Outside for what is none of it */
export function compileSubscription(request: z.output<typeof subscribeRequest>, part: string): readonly Wanted[] {
  return (Array.isArray(request) ? request : [request]).map((wanted) => compile(wanted, part));
}

function compile(
  { kind, pattern, since, where, rate = Number.POSITIVE_INFINITY, ...fields }: z.output<typeof wanted>,
  part: string,
): Wanted {
  if (pattern !== undefined && Object.keys(fields).length > 0)
    throw new SluiceError(`live: give a pattern or ${Object.keys(fields).join(', ')}, not both`);
  const written = pattern ?? patternOf(fields);
  const matches = compilePattern(written);
  const keys = narrowed(written, part);
  const holds = where && compileWhere(where);
  const mayHold = where && compileGlance(where);
  const fits = (entry: Entry, event: Event | undefined) =>
    !holds || !mayHold || (event ? holds(event.data) : mayHold(entry.json) && holds(dataOf(entry)));
  return {
    kind,
    pattern: keys,
    rate,
    matches: (entry, event) => entry.kind === kind && matches(entry.key) && fits(entry, event),
    recent: compileSince(since),
  };
}

/** What an entry says: read from its wire form, since a memory of whole events would be several times as large. */
export function dataOf(entry: Entry): unknown {
  return (JSON.parse(entry.json.toString()) as { data: unknown }).data;
}

function compilePattern(pattern: string) {
  try {
    return matcher(pattern);
  } catch (thrown) {
    throw new SluiceError(`live: ${messageOf(thrown).replace(/^sluice: /, '')}`, { cause: thrown });
  }
}

/** The last word on something is news however old it is: `since` is for what happened, not for the present. */
function compileSince(since: string | undefined): (entry: Entry, now: number) => boolean {
  if (since === undefined) return () => true;
  const ago = duration(since);
  if (ago !== undefined) return (entry, now) => entry.kind === 'state' || (now - entry.tick) * 1000 <= ago;
  const instant = z.iso.datetime({ offset: true }).safeParse(since);
  if (!instant.success) throw new SluiceError(`live: since "${since}" is none; write 5m, or an instant as 2026-01-31T12:00:00Z`);
  const from = Date.parse(instant.data);
  return (entry) => entry.kind === 'state' || entry.time >= from;
}
