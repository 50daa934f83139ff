/**
 * Where a share that was looked at every five minutes is going: how fast it rises, when it is full, and how sure that is.
 *
 *     full ─────────────────────────────╱─┄┄   the median of slopes between points three hours apart: no single jump,
 *                              earliest╱ latest  gap or peak moves it; its quartiles are the uncertainty
 *     ········································
 *     six hours ───────────▶ now
 *
 * looks → course; undefined while six hours are not known well enough. A jump that is over is no course: what the last two
 * hours do must go on as fast, else their slower rate counts.
 */

export const slotMs = 300_000;
/** Looks in six hours, and in two. */
export const slots = 72;
const recentSlots = 24;
/** The share of looks that must be there. */
const leastKnown = 0.75;

/** A five-minute slot of time, and the share then. */
export type Look = readonly [slot: number, share: number];

export interface Course {
  readonly share: number;
  /** Per hour. */
  readonly rate: number;
  /** Milliseconds until it is full, if it goes on so; infinite when it does not rise. */
  readonly full: number;
  readonly earliest: number;
  readonly latest: number;
}

/** `looks` are in order of time; the last is now. */
export function courseOf(looks: readonly Look[]): Course | undefined {
  const [now, share] = looks.at(-1) ?? [0, 0];
  const known = looks.filter(([slot]) => slot > now - slots);
  const reach = now - (known[0]?.[0] ?? now) + 1;
  if (reach < slots - 1 || known.length < slots * leastKnown) return undefined;
  const whole = slopes(known, slots / 2);
  const recent = slopes(
    known.filter(([slot]) => slot > now - recentSlots),
    recentSlots / 2,
  );
  const slowed = Math.min(1, Math.max(0, at(recent, 0.5)) / Math.max(at(whole, 0.5), Number.MIN_VALUE));
  const until = (perSlot: number): number =>
    share >= 0.99 ? 0 : perSlot > 0 ? ((1 - share) / perSlot) * slotMs : Number.POSITIVE_INFINITY;
  return {
    share,
    rate: (at(whole, 0.5) * slowed * 3_600_000) / slotMs,
    full: until(at(whole, 0.5) * slowed),
    earliest: until(at(whole, 0.75)),
    latest: until(at(whole, 0.25) * slowed),
  };
}

/** Ascending slopes per slot between looks that lie about `apart` slots from each other. */
function slopes(looks: readonly Look[], apart: number): number[] {
  const found: number[] = [];
  let other = 0;
  for (const [slot, share] of looks) {
    while ((looks[other]?.[0] ?? 0) + apart < slot) other += 1;
    const [from, before] = looks[other] ?? [slot, share];
    if (slot - from >= apart - 1) found.push((share - before) / (slot - from));
  }
  return found.sort((a, b) => a - b);
}

const at = (ascending: readonly number[], share: number): number => ascending[Math.floor((ascending.length - 1) * share)] ?? 0;
