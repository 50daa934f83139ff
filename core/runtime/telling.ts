/**
 * Tells how nodes fare: a node's health as its state, with the next turn of the loop, however many of its counts changed in this one.
 */
import type { Clock } from '../clock.ts';
import type { Json } from '../json.ts';
import { stateTtl } from './announce.ts';
import type { Author } from './author.ts';
import type { Committer } from './commit.ts';
import type { Placed } from './context.ts';

export interface TellingOptions {
  readonly clock: Clock;
  readonly committer: () => Committer;
  /** Of the process itself, on behalf of its nodes. */
  readonly author: () => Author;
}

export function healthTeller({ clock, committer, author }: TellingOptions): (nodes: readonly Placed[]) => void {
  const changed = new Set<Placed>();
  const tell = (): void => {
    const nodes = [...changed];
    changed.clear();
    const events = nodes.map(({ name, health }) => {
      const data = { of: 'node', value: health.state() as Json };
      return author().original({ kind: 'state', key: ['node', name], data, ttl: stateTtl }, clock.now());
    });
    void committer()
      .commit({ events })
      .catch(() => {});
  };
  return (nodes) => {
    if (changed.size === 0) setImmediate(tell);
    for (const node of nodes) changed.add(node);
  };
}
