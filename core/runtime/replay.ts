/**
 * Gives one node once more what it could not handle: the event goes straight into the line of that node, past the watermark that
 * says it was handled, and nobody else hears of it. What comes of it is the same as the first time would have made, ids included.
 */
import { messageOf, SluiceError } from '../errors.ts';
import { type Event, fromWire } from '../event.ts';
import { unfit } from '../json.ts';
import { isKind } from '../kinds.ts';
import type { Store, Transaction } from '../state/store.ts';

/**
 * Handles it again, and notes that in the same transaction; false when it was dead-lettered again. Undefined where the event is
 * none of this reader's.
 */
export type Again = (event: Event, note: (transaction: Transaction) => void) => Promise<boolean> | undefined;

export interface Replays {
  /** A node's reader, until the result is called. */
  offer(node: string, again: Again): () => void;
  /** Each letter once. @throws SluiceError when none here may or can */
  replay(node: string, letter: string, event: Event): Promise<boolean>;
}

/** What makes somebody act is given anew by whoever may, not out of the past. */
const refused = new Set(['command', 'policy']);

/** Whose marks say which letters were replayed. */
const reader = 'dead.replay';

export function replays(store: Store, now: () => number): Replays {
  const readers = new Map<string, Set<Again>>();
  return {
    offer(node, again) {
      const known = readers.get(node) ?? new Set();
      readers.set(node, known.add(again));
      return () => void known.delete(again);
    },
    async replay(node, letter, event) {
      if (refused.has(event.kind)) throw new SluiceError(`dead: a ${event.kind} is not replayed; give it anew`);
      const known = [...(readers.get(node) ?? [])];
      if (known.length === 0) throw new SluiceError(`dead: ${node} does not run in this process; name the --state of the one that runs it`);
      if (store.wasSeen(reader, letter))
        throw new SluiceError(`dead: ${letter} was replayed before; sluice query "SELECT * FROM audit" says when`);
      for (const again of known) {
        const handled = again(event, (transaction) => transaction.seen(reader, letter, now()));
        if (handled) return handled;
      }
      throw new SluiceError(`dead: ${node} does not read ${event.kind} of ${event.key} in this process, or no longer`);
    },
  };
}

/** The event in a dead letter. @throws SluiceError where it holds none that is whole */
export function readLetter(kind: string, text: string, at: number): Event {
  try {
    if (!isKind(kind)) throw new Error(`${kind} is no kind`);
    const parsed: unknown = JSON.parse(text);
    const flaw = unfit(parsed);
    if (flaw) throw new Error(flaw);
    return fromWire(parsed, { kind, at });
  } catch (cause) {
    throw new SluiceError(`dead: what the letter holds is no whole event (${messageOf(cause)}); it cannot be replayed`, { cause });
  }
}
