/**
 * The clocks of simulated hosts: the fleet's own time, off by what a scenario says. Hosts that share a phase share a timer, since
 * thousands of timers would cost more than what they wake; phases spread over the second what machines do side by side.
 */
import type { Cancel, Clock } from '../clock.ts';

export interface HostClock extends Clock {
  /** Milliseconds that it is ahead of the fleet's. */
  skew: number;
}

export interface Time {
  /** A clock whose ticks come so many milliseconds after the multiples of their interval. */
  hostClock(phase: number): HostClock;
}

export function timeOf(base: Clock): Time {
  const wheels = new Map<string, Set<(at: number) => void>>();
  const cancels = new Map<string, Cancel>();

  /** At each multiple of `ms`, and `phase` after it. */
  const start = (name: string, ms: number, phase: number): void => {
    const arm = (): void => {
      const next = (Math.floor((base.now() - phase) / ms) + 1) * ms + phase;
      cancels.set(
        name,
        base.after(next - base.now(), () => {
          arm();
          for (const fn of [...(wheels.get(name) ?? [])]) fn(next);
        }),
      );
    };
    arm();
  };
  return {
    hostClock(phase) {
      const clock: HostClock = {
        ...base,
        skew: 0,
        now: () => base.now() + clock.skew,
        every(ms, fn) {
          const name = `${ms} ${phase}`;
          const wheel = wheels.get(name) ?? new Set();
          wheels.set(name, wheel);
          const call = (at: number): void => fn(at + clock.skew);
          wheel.add(call);
          if (wheel.size === 1) start(name, ms, phase);
          return () => {
            if (!wheel.delete(call) || wheel.size > 0) return;
            cancels.get(name)?.();
            cancels.delete(name);
          };
        },
      };
      return clock;
    },
  };
}
