/**
 * Time, and the only file that reads it. Nodes never do: the runtime hands them `at`. Tests hand the runtime a virtual
 * clock, so that a week of silence passes in a millisecond.
 */

export interface Clock {
  /** Wall time in milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds that only go forward, from an arbitrary start. For measuring and for deadlines. */
  monotonic(): number;
  /** Runs `fn` once, `ms` from now; the result cancels it. An idle timer does not hold the process open. */
  after(ms: number, fn: () => void): Cancel;
  /** Runs `fn` at each multiple of `ms` of wall time, so that all processes tick together; never twice at once. */
  every(ms: number, fn: (at: number) => void): Cancel;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export type Cancel = () => void;

function fromTimers(base: Pick<Clock, 'now' | 'monotonic' | 'after'>): Clock {
  return {
    ...base,
    every(ms, fn) {
      let cancel: Cancel = () => {};
      const arm = () => {
        const now = base.now();
        const next = (Math.floor(now / ms) + 1) * ms;
        cancel = base.after(next - now, () => {
          // A timer may wake a little early: the tick it was for is the nearest multiple.
          const at = Math.round(base.now() / ms) * ms;
          arm();
          fn(at);
        });
      };
      arm();
      return () => cancel();
    },
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const done = () => {
          cancel();
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const cancel = base.after(ms, done);
        signal?.addEventListener('abort', done);
      });
    },
  };
}

/** The machine's own time. */
export const systemClock: Clock = fromTimers({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(ms, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
});

/**
 * The receiving clock of a process: wall time as it was at the start, moved on by the monotonic clock alone. A wall clock
 * that is set, or a machine that slept, makes no server seem late.
 */
export function steady(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic();
  return () => Math.round(offset + clock.monotonic());
}

export interface VirtualClock extends Clock {
  /** Moves time forward, running what falls due on the way in order, and lets promises settle between. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as a person or NTP does. */
  jump(ms: number): void;
}

/** A clock that stands still until a test moves it. */
export function virtualClock(start = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsed = 0;
  let offset = start;
  let order = 0;
  const timers = new Map<number, { due: number; fn: () => void }>();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const clock = fromTimers({
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after(ms, fn) {
      const id = order++;
      timers.set(id, { due: elapsed + Math.max(0, ms), fn });
      return () => timers.delete(id);
    },
  });
  return {
    ...clock,
    async advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        await settle();
        let next: [number, { due: number; fn: () => void }] | undefined;
        for (const entry of timers) if (entry[1].due <= end && (!next || entry[1].due < next[1].due)) next = entry;
        if (!next) break;
        timers.delete(next[0]);
        elapsed = Math.max(elapsed, next[1].due);
        next[1].fn();
      }
      elapsed = end;
      await settle();
    },
    jump(ms) {
      offset += ms;
    },
  };
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };

/** Milliseconds of a duration such as `500ms`, `30s`, `1m30s`, `7d`; undefined when it is none. */
export function duration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smhdwy]))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)) total += Number(amount) * (units[unit ?? ''] ?? 0);
  return total;
}

/** A duration for people, in its two largest units: `3m12s`, `2d4h`, `450ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const parts: string[] = [];
  let rest = Math.round(ms / 1000) * 1000;
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = units[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * size;
  }
  return parts.slice(0, 2).join('');
}
