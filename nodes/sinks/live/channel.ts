/**
 * Channels: what flows to those who look. A request on a socket names a sort of channel; all who ask the same of it, and may see the
 * same part of the tree, share one, so that what it sends is made once however many look.
 *
 *     {"id": "a1", "<sort>": <request>}   → frames {"id": "a1", …}: the first is a snapshot, then what is new
 *     {"unsubscribe": "a1"}
 *
 * Beside its request a message may say `"after"`: the `last` of the last frame that came before a break, for a sort that can go on.
 *
 * A channel holds nothing for any viewer. One that reads too slowly is passed over; once it has drained, `catchUp` tells it where
 * things stand and, honestly, what it missed.
 */
import type { Event, Kind, Topic, z } from 'sluice';
import type { Looker } from './looker.ts';
import type { Entry } from './memory.ts';

/** A frame as JSON text without its braces and its `id`: `"events":[…],"dropped":0`. Not empty. */
export type Body = Buffer;

/** A long body, made bit by bit as its viewer reads. Braces and `id` are left out here too. */
export interface Long {
  /** About how many bytes it has. */
  readonly bytes: number;
  parts(): Iterable<Buffer>;
}

export interface Channel {
  /** What is looked at: its writers send at once while someone does. Empty for what may come a second late. */
  readonly topics: readonly Topic[];
  /**
   * The first frame of one who joins. What came before and was not sent yet has been sent to the others. It may be given to others
   * who join within the second, with what `catchUp` says of the time since. `after` comes from a stranger, at most 64 characters.
   */
  snapshot(after?: string): Body | Promise<Body>;
  /** The same for a first frame that may be megabytes: then this is asked for in its place. */
  long?(after?: string): Long;
  /** An event that arrived, and its encoded form. Called for every event, of which the looker may not see all. */
  take?(event: Event, entry: Entry): void;
  /** The kinds that `take` is given; all of them without this. */
  readonly kinds?: ReadonlySet<Kind>;
  /** A second has passed. */
  tick?(): void;
  /** Whether `next` has something to send. */
  readonly waiting: boolean;
  /** What is new since the last call, for all who kept up. */
  next(): Body;
  /** Where the stream stands after the last `next`: kept for each viewer, given back to `catchUp`. Small. */
  mark(): number;
  /** For one who got nothing since that mark: how things stand now, and what was missed. */
  catchUp(mark: number): Body;
  /** What is said each 5 s when there is nothing else; else an empty frame is. */
  readonly idle?: Body;
  /** Events that `catchUp` left out for slow viewers so far. */
  readonly dropped?: number;
  /** Nobody looks any more. */
  close?(): void;
}

export interface ChannelSort<Schema extends z.ZodType = z.ZodType> {
  /** The word of the request. */
  readonly name: string;
  /** What may be asked: a stranger's words, so every text and list in it is bounded. */
  readonly request: Schema;
  /** @throws SluiceError with what is wrong with the request and how it should read */
  open(request: z.output<Schema>, looker: Looker): Channel;
}
