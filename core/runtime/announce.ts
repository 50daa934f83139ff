/**
 * Keeps `state` present: what a node said last of each key is said again every minute, and once when the process starts,
 * so that whoever joins late reads it. Nodes only ever say what changed.
 */
import type { Cancel, Clock } from '../clock.ts';
import type { Event } from '../event.ts';
import type { Json } from '../json.ts';
import type { Data } from '../kinds.ts';
import type { Store, Transaction } from '../state/store.ts';
import type { Author } from './author.ts';
import type { Committer } from './commit.ts';

/** How often a state is said again, and after how long without that it means nothing any more. In milliseconds. */
export const announceEvery = 60_000;
export const stateTtl = 3 * announceEvery;

export interface Announcer {
  /** Notes what a node says, within the transaction that keeps it. */
  note(transaction: Transaction, node: string, events: readonly Event[]): void;
  /** Goes on saying what a partition of a node says, which is kept elsewhere; null ends it. */
  adopt(node: string, states: Iterable<readonly [key: string, data: Data<'state'>]>): void;
  /** Says no more of these keys: another process does. */
  disown(keys: Iterable<string>): void;
  start(): void;
  stop(): void;
}

export interface AnnouncerOptions {
  readonly store: Store;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly authorOf: (node: string) => Author | undefined;
}

/** How many states are said again in one transaction. */
const chunk = 500;

export function announcer({ store, committer, clock, authorOf }: AnnouncerOptions): Announcer {
  const present = new Map<string, { node: string; data: Json; at: number }>();
  for (const { node, key, data } of store.announced()) present.set(key, { node, data, at: 0 });
  let cancel: Cancel = () => {};

  const announce = async (): Promise<void> => {
    const now = clock.now();
    const due = [...present].filter(([, { at }]) => now - at >= announceEvery / 2);
    for (let from = 0; from < due.length; from += chunk) {
      const events = due.slice(from, from + chunk).flatMap(([key, { node, data }]) => {
        // A state of a node that no longer runs here is no longer ours to repeat.
        const author = authorOf(node);
        return author ? [author.original({ kind: 'state', key, data: data as Data<'state'>, ttl: stateTtl }, now)] : [];
      });
      await committer.commit({ events }).catch(() => {});
    }
  };

  return {
    note(transaction, node, events) {
      for (const event of events) {
        if (event.kind !== 'state') continue;
        const gone = event.data.value === null;
        if (gone) present.delete(event.key);
        else present.set(event.key, { node, data: event.data, at: event.time });
        transaction.announce(node, event.key, gone ? undefined : event.data);
      }
    },
    adopt(node, states) {
      for (const [key, data] of states) {
        if (data.value === null) present.delete(key);
        else present.set(key, { node, data, at: 0 });
      }
    },
    disown(keys) {
      for (const key of keys) present.delete(key);
    },
    start() {
      void announce();
      cancel = clock.every(announceEvery, () => void announce());
    },
    stop: () => cancel(),
  };
}
