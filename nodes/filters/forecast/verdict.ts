/**
 * When a forecast is told: what is remembered of a filesystem, and which conditions its course must meet, all at once.
 *
 * a share and a time → what is remembered; that and its course → the conditions of each limit that it misses.
 */
import { duration, formatDuration, type Point, z } from 'sluice';
import type { config } from './config.ts';
import { type Course, type Look, slotMs, slots } from './course.ts';

const hour = 3_600_000;
/** Looks in a row that change a verdict. */
export const steadily = 3;
const peakMemory = 14 * 24 * hour;
const mostPeaks = 8;
/** Falls by less are noise: a saw-tooth as small as that is no reason for a forecast either. */
const notable = 0.05;
export const beyondPeak = 0.02;
export const dayKnown = 25 * hour;
/** What was emptied above this was emptied by a worried person, not by a timer. */
const habitual = 0.9;

export const rules: Readonly<Record<string, { rule: string; of: string; action: string }>> = {
  'system.filesystem.utilization': {
    rule: 'filesystem-space-forecast',
    of: 'full',
    action: 'find what grows before it is full: du -xh --max-depth=2 there, now and in an hour; then free space or grow it',
  },
  'system.filesystem.inodes.utilization': {
    rule: 'filesystem-inodes-forecast',
    of: 'out of inodes',
    action: 'find what makes small files (sessions, caches, mail queues): du --inodes -x --max-depth=2 there, now and in an hour',
  },
};

export const severity = z.enum(['warning', 'critical']);
const look = z.tuple([z.number(), z.number()]).readonly();
export const series = z.object({
  about: z.string(),
  metric: z.string(),
  mountpoint: z.string(),
  begun: z.number(),
  looks: z.array(look),
  /** When it was emptied, and from which share. */
  peaks: z.array(look),
  /** The highest share since then, from which a fall is measured. */
  top: z.number(),
  firing: severity.optional(),
  /** Looks in a row that said otherwise than `firing`; since which time and event. */
  doubts: z.number(),
  since: z.number(),
  from: z.string(),
});
export type Series = z.output<typeof series>;

export const fresh = { looks: [], peaks: [], top: 0, doubts: 0, since: 0, from: '' };

export interface Limit {
  readonly severity: z.output<typeof severity>;
  /** At least this share is in use. */
  readonly share: number;
  /** Milliseconds within which it will be full. */
  readonly within: number;
}

/** The worse first. */
export const limitsOf = ({ critical, warning }: z.output<typeof config>): readonly Limit[] => [
  { severity: 'critical', ...critical, within: duration(critical.within) ?? 0 },
  { severity: 'warning', ...warning, within: duration(warning.within) ?? 0 },
];

/** What the course amounts to. What fires already has a wider limit, so that it does not flap. */
export function verdictOf(limits: readonly Limit[], course: Course, known: Series, time: number): Series['firing'] {
  const { share, full } = course;
  return limits.find((each) => {
    const stands = known.firing === 'critical' || known.firing === each.severity;
    return stands ? share > each.share - 0.05 && full <= 2 * each.within : missing(each, course, known, time).length === 0;
  })?.severity;
}

export type Condition = 'level' | 'rate' | 'certainty' | 'peak' | 'day';

/** The conditions of a limit that does not fire yet which are not met. */
export function missing(
  { severity: of, share: level, within }: Limit,
  course: Course,
  { begun, peaks }: Series,
  time: number,
): Condition[] {
  const { share, full, latest } = course;
  const mayRotate = of === 'warning';
  const met: Readonly<Record<Condition, boolean>> = {
    level: share >= level,
    rate: full <= within,
    certainty: full > within || Number.isFinite(latest),
    peak: !mayRotate || share >= peakOf(peaks) + beyondPeak,
    day: !mayRotate || time >= begun + dayKnown,
  };
  return (Object.keys(met) as Condition[]).filter((each) => !met[each]);
}

/** The highest share from which it was emptied. */
export const peakOf = (peaks: Series['peaks']): number => Math.max(0, ...peaks.map(([, height]) => height));

/** What cannot be written cannot fill up; images are full from the day that they are made. */
export function isWanted({ attributes = {} }: Point): boolean {
  const type = attributes['system.filesystem.type'];
  const state = attributes['system.filesystem.state'] ?? 'used';
  return state === 'used' && attributes['system.filesystem.mode'] !== 'ro' && !['squashfs', 'iso9660', 'erofs'].includes(String(type));
}

export function lookAt(before: Series, share: number, time: number): Series {
  const slot = Math.floor(time / slotMs);
  const looks: Look[] = [...before.looks.filter(([then]) => then > slot - slots), [slot, share]];
  const peaks: Look[] = before.peaks.filter(([then]) => then > time - peakMemory);
  const fell = before.top - share >= notable;
  if (fell && before.top < habitual) peaks.push([time, before.top]);
  return { ...before, looks, peaks: peaks.slice(-mostPeaks), top: fell ? share : Math.max(before.top, share) };
}

/** `is 82 % full and grows 1.4 % an hour: full in about 13h (11h to 16h)`. */
export function sentence({ share, rate, full, earliest, latest }: Course, of: string): string {
  const level = `is ${percent(share)} % ${of === 'full' ? 'full' : 'used in inodes'}`;
  if (full === 0) return `${level}: there is no time left`;
  if (!Number.isFinite(full)) return `${level} and grows no more`;
  const until = Number.isFinite(latest)
    ? `${formatDuration(earliest)} to ${formatDuration(latest)}`
    : `${formatDuration(earliest)} at the earliest`;
  return `${level} and grows ${percent(rate)} % an hour: ${of} in about ${formatDuration(full)} (${until})`;
}

/** Two figures, and never 100 before it is. */
export const percent = (share: number): string =>
  share > 0.99 && share < 1
    ? String(Math.floor(share * 1000) / 10)
    : String(Number((share * 100).toPrecision(share < 0.1 ? 2 : 3)).toFixed(share < 0.1 ? 1 : 0));
