/**
 * Takes from the disk what the bus has confirmed. Confirmations come one by one and are written down together: with the next
 * commit, or by themselves after a while. What a kill leaves there is sent again, and readers know it.
 */
import type { Clock } from '../clock.ts';
import type { Store, Transaction } from '../state/store.ts';
import type { Line } from './line.ts';

export interface Sweep {
  /** As part of a transaction. Call `done` once it is committed. */
  unspool(transaction: Transaction): void;
  done(): void;
  /** In a while, unless a commit does it before. */
  soon(): void;
  now(): void;
  stop(): void;
}

/** What was confirmed may stay on disk this long, and after a failure until then. In milliseconds. */
const lazyMs = 2000;
const retryMs = 3000;

/** @param swept called after each time. */
export function createSweep(lines: readonly Line[], store: Store, clock: Clock, swept: () => void): Sweep {
  let waiting = false;
  let stopped = false;
  const sweep: Sweep = {
    unspool(transaction) {
      for (const { lane, kind, confirmed } of lines) if (confirmed.length > 0) transaction.unspool(lane, kind, confirmed);
    },
    done() {
      for (const line of lines) if (line.confirmed.length > 0) line.confirmed = [];
    },
    soon: () => wait(lazyMs),
    now() {
      if (lines.some(({ confirmed }) => confirmed.length > 0)) {
        try {
          store.write(sweep.unspool);
          sweep.done();
        } catch {
          // No room to write down a removal.
          wait(retryMs);
        }
      }
      swept();
    },
    stop() {
      sweep.now();
      stopped = true;
    },
  };
  const wait = (ms: number): void => {
    if (waiting || stopped) return;
    waiting = true;
    clock.after(ms, () => {
      waiting = false;
      if (!stopped) sweep.now();
    });
  };
  return sweep;
}
