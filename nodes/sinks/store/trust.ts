/**
 * Whether the clock may be believed when it says that something is old. A clock that was set forwards by mistake would have
 * everything deleted at once, and when it is put right, that cannot be taken back.
 *
 *     clock      10:00 10:01 ─┐ tomorrow 10:02 … 11:02       or put right: 10:05
 *     believed    yes   yes   └─ no …            yes                       yes
 */
const hour = 3_600_000;

/**
 * Shown the time again and again, tells whether to believe it: after a step of more than an hour not before another hour
 * has passed by it, or it steps back. Each step is told once.
 */
export function createTrust(say: (text: string) => void): (now: number) => boolean {
  let last: number | undefined;
  let doubtedUntil = Number.NEGATIVE_INFINITY;
  return (now) => {
    const step = now - (last ?? now);
    last = now;
    if (step < 0) doubtedUntil = Number.NEGATIVE_INFINITY;
    if (step > hour) {
      doubtedUntil = now + hour;
      const hours = Math.round(step / hour);
      say(
        `the clock is ${hours} h past what was last known; nothing is deleted for its age in the next hour, set the clock if it is wrong`,
      );
    }
    return now >= doubtedUntil;
  };
}
