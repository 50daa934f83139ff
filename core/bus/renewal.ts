/**
 * When a publishing channel is to be opened anew because of what it refuses.
 *
 * A channel that meets a quorum queue for the first time just as the queue's leader has died goes on asking that leader. RabbitMQ
 * 3.10.8 then refuses all that comes over this channel until that broker is back, while every other channel gets through to the
 * next leader (seen; 16 s and more). Refusals of a full queue look alike, so it is tried a few times on each connection and no more.
 *
 *     opened ── refused ── 1 s ──▶ opened anew ── refused ── 2 s ──▶ … five times
 */
import type { Cancel, Clock } from '../clock.ts';

export interface Renewal {
  /** A fresh connection: what was learned of the last one is worth nothing. */
  connected(): void;
  /** A channel is open. `renew` closes it, and has it opened again. */
  opened(renew: () => void): void;
  /** The broker refused a message. */
  refused(): void;
  /** The channel is gone. */
  closed(): void;
}

/** A channel that took its first messages well does not fall ill later: it follows the leader. In milliseconds. */
const youngMs = 10_000;
const firstMs = 1000;
const most = 5;

export function createRenewal(clock: Clock): Renewal {
  let renewals = 0;
  let openedAt = 0;
  let renew: (() => void) | undefined;
  let cancel: Cancel | undefined;
  const forget = (): void => {
    cancel?.();
    cancel = undefined;
    renew = undefined;
  };
  return {
    connected() {
      renewals = 0;
    },
    opened(anew) {
      forget();
      renew = anew;
      openedAt = clock.monotonic();
    },
    refused() {
      if (!renew || cancel || renewals >= most || clock.monotonic() - openedAt > youngMs) return;
      const anew = renew;
      cancel = clock.after(firstMs * 2 ** renewals, () => {
        forget();
        anew();
      });
      renewals += 1;
    },
    closed: forget,
  };
}
