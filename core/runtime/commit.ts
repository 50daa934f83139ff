/**
 * Group commit: whatever is ready in one turn of the loop goes into one transaction. A disk that is full or failing stops
 * the pipes where they stand: nothing is acknowledged, nothing is lost, it is said once, and it goes on by itself.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Event } from '../event.ts';
import type { Store, Transaction } from '../state/store.ts';
import type { Outbox } from './outbox.ts';

/** What one batch of inputs led to. All of it is kept, or none. */
export interface Work {
  readonly events: readonly Event[];
  apply?(transaction: Transaction): void;
}

export interface Committer {
  /** Resolves once the work is kept, however long that takes; rejects only when the process stops first. */
  commit(work: Work): Promise<void>;
  stop(): void;
}

export interface CommitterOptions {
  readonly store: Store;
  readonly outbox: () => Pick<Outbox, 'append' | 'sweep' | 'committed' | 'failed'> & Partial<Pick<Outbox, 'relieve'>>;
  readonly clock: Clock;
  readonly report: (level: 'error' | 'info', text: string) => void;
}

const firstRetryMs = 250;
const lastRetryMs = 5000;

export function committer({ store, outbox, clock, report }: CommitterOptions): Committer {
  let queue: { work: Work; resolve: () => void; reject: (reason: Error) => void }[] = [];
  let scheduled = false;
  let failures = 0;
  let stopped = false;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    if (failures === 0) setImmediate(run);
    else clock.after(Math.min(lastRetryMs, firstRetryMs * 2 ** failures), run);
  };
  const run = (): void => {
    scheduled = false;
    if (stopped || queue.length === 0) return;
    const group = queue;
    const out = outbox();
    try {
      store.write((transaction) => {
        for (const { work } of group) work.apply?.(transaction);
        out.append(
          transaction,
          group.flatMap(({ work }) => work.events),
        );
        out.sweep(transaction);
      });
    } catch (thrown) {
      out.failed();
      // Room was made: the next turn tries again.
      if (out.relieve?.()) failures = 0;
      else failures += 1;
      if (failures === 2)
        report('error', `state: cannot be written: ${messageOf(thrown)}; everything waits until it can, make room on its disk`);
      schedule();
      return;
    }
    queue = [];
    out.committed();
    if (failures >= 2) report('info', 'state: can be written again; going on');
    failures = 0;
    for (const { resolve } of group) resolve();
  };

  return {
    commit(work) {
      if (stopped) return Promise.reject(new Error('sluice: stopping'));
      return new Promise((resolve, reject) => {
        queue.push({ work, resolve, reject });
        schedule();
      });
    },
    stop() {
      run();
      stopped = true;
      for (const { reject } of queue) reject(new Error('sluice: stopping'));
      queue = [];
    },
  };
}
