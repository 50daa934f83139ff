/**
 * A node's health, as the page and `sluice nodes` show it: counted where it happens, announced as state on every change of
 * its condition, and with fresh counts a few times a minute.
 */
import type { Clock } from '../clock.ts';
import type { Topic } from '../event.ts';
import type { Sort } from '../node.ts';
import type { NodeState } from '../states.ts';

export interface Health {
  readonly counts: { in: number; out: number; dead: number; dropped: number; holes: number; repeats: number };
  /** The queues that it reads at a broker. */
  readonly queues: string[];
  /** Milliseconds from when the latest event was written to when it was handled. */
  lag: number | undefined;
  running(): void;
  /** It threw, or could not start. What it says stays visible after it runs again, until it has run for a while. */
  failed(error: string): void;
  stopped(): void;
  /** Of a node that several processes share: how many partitions it has, and which of them are here. */
  holds(of: number, held: readonly number[]): void;
  state(): NodeState;
}

export interface Identity {
  readonly name: string;
  readonly use: string;
  readonly sort: Sort;
  readonly doc: string;
  readonly host: string;
  readonly process: string;
  readonly in: readonly Topic[];
  readonly out: readonly string[];
  readonly every?: number;
}

export function health(identity: Identity, clock: Clock, changed: () => void): Health {
  let status: NodeState['status'] = 'starting';
  let since = clock.now();
  let errors = 0;
  let error: string | undefined;
  let partitions: NodeState['partitions'];
  const become = (next: NodeState['status']): void => {
    if (status === next) return;
    status = next;
    since = clock.now();
    changed();
  };
  const health: Health = {
    counts: { in: 0, out: 0, dead: 0, dropped: 0, holes: 0, repeats: 0 },
    queues: [],
    lag: undefined,
    running() {
      become('running');
    },
    failed(message) {
      errors += 1;
      error = message.slice(0, 500);
      if (status === 'failing') changed();
      become('failing');
    },
    stopped: () => become('stopped'),
    holds(of, held) {
      if (partitions?.held.join() === held.join()) return;
      partitions = { of, held: [...held] };
      changed();
    },
    state: () => ({
      ...identity,
      in: [...identity.in],
      out: [...identity.out],
      status,
      since: new Date(since).toISOString(),
      events: { ...health.counts },
      errors,
      ...(error !== undefined && { error }),
      ...(partitions && { partitions }),
      ...(health.queues.length > 0 && { queues: [...health.queues] }),
      ...(health.lag !== undefined && { lag: health.lag }),
    }),
  };
  return health;
}
