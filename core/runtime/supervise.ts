/**
 * Keeps one node at work: what it throws is reported, and it is tried again after a pause that grows while it keeps
 * failing. What a person configured wrongly is not tried again: it would fail the same way.
 */
import type { Clock } from '../clock.ts';
import { ConfigError, messageOf } from '../errors.ts';
import type { Level } from '../node.ts';
import type { Health } from './health.ts';

export interface Supervised {
  readonly name: string;
  readonly clock: Clock;
  readonly health: Health;
  readonly signal: AbortSignal;
  readonly report: (level: Level, text: string) => void;
}

const firstPauseMs = 500;
const lastPauseMs = 60_000;
/** After this long without a failure, the next one is a first one again. */
const forgivenAfterMs = 120_000;

/** Runs `work` until it returns or the signal aborts; a return without the signal counts as an end, not a failure. */
export async function supervise(supervised: Supervised, work: () => Promise<void>): Promise<void> {
  const { name, clock, health, signal, report } = supervised;
  for (let failures = 0; !signal.aborted; ) {
    const began = clock.monotonic();
    try {
      await work();
      return;
    } catch (thrown) {
      if (signal.aborted) return;
      const message = messageOf(thrown);
      health.failed(message);
      if (thrown instanceof ConfigError) {
        report('error', `${named(name, message)}`);
        return;
      }
      failures = clock.monotonic() - began > forgivenAfterMs ? 1 : failures + 1;
      const pause = Math.min(lastPauseMs, firstPauseMs * 2 ** (failures - 1));
      report('error', `${named(name, message)}; it starts again in ${pause < 1000 ? `${pause} ms` : `${Math.round(pause / 1000)} s`}`);
      await clock.sleep(pause, signal);
    }
  }
}

/** Errors say who; those that already do are left as they are. */
export function named(name: string, message: string): string {
  const text = message.replace(/^sluice: /, '');
  return text.startsWith(`${name}:`) ? text : `${name}: ${text}`;
}
