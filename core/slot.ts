/**
 * Slots: how what belongs together stays together when a filter is spread over partitions. Telemetry carries, beside the keys that
 * say what it is about, a routing key `~<n>` of its writer's place and host, and `~p<n>` of its `partitionkey` where it has one.
 * A filter's partitions share the slots out among themselves, so that no writer needs to know how many there are.
 *
 *     printf %s /acme/shop/prod/web-1 | sha256sum     the first byte, modulo 64
 *
 * A slot key is one word, and a key has at least four: no topic of anyone's wants it by mistake.
 */
import { hash } from 'node:crypto';
import type { Event } from './event.ts';

/** The most partitions that a node may have. */
export const slots = 64;

/** What keeps events together: their writer's host, or the key that they say. */
export type ShardBy = 'source' | 'partitionkey';

const slotOf = (text: string): number => (hash('sha256', text, 'buffer')[0] ?? 0) % slots;

const mostKnown = 10_000;

/** Cheap for a text that was seen lately. They are a stranger's to choose: past a bound, all are forgotten. */
function remembering(slot: (text: string) => number): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size >= mostKnown) known.clear();
    const found = slot(text);
    known.set(text, found);
    return found;
  };
}

const keySlot = remembering(slotOf);
/** The slot of a source: of its place and host, without the node. What is no path of ours is taken whole. */
const sourceSlot = remembering((source) => slotOf(source.split('/').slice(0, 5).join('/')));

/** The slot of an event: of what keeps it with others. One that says no key of its own stays with its writer's. */
export function slotFor({ source, partitionkey }: Pick<Event, 'source' | 'partitionkey'>, by: ShardBy): number {
  return by === 'source' || partitionkey === undefined ? sourceSlot(source) : keySlot(partitionkey);
}

export const slotKey = (slot: number, by: ShardBy): string => (by === 'source' ? `~${slot}` : `~p${slot}`);

/** The slot keys of an event's message: the last is that of its partition key, where it says one. */
export function slotKeys(event: Pick<Event, 'source' | 'partitionkey'>): string[] {
  const source = slotKey(slotFor(event, 'source'), 'source');
  return event.partitionkey === undefined ? [source] : [source, slotKey(slotFor(event, 'partitionkey'), 'partitionkey')];
}

/** The partition of a slot, of so many. */
export const partitionOf = (slot: number, count: number): number => slot % count;
