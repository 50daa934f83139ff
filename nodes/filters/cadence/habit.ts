/**
 * How a stream usually speaks: its gaps, in a few numbers.
 *
 *     gaps of this week │ of the week before      the longest of either is what is usual, so a habit is forgotten in two weeks
 */
import { z } from 'sluice';

export const stream = z.object({
  kind: z.string(),
  about: z.string(),
  begun: z.number(),
  /** When it was last heard, to within half a minute, and the event. */
  heard: z.number(),
  last: z.string(),
  /** How many gaps are known, their mean, and the longest: of the week since `turned`, and of the one before. Milliseconds. */
  gaps: z.number(),
  mean: z.number(),
  longest: z.number(),
  before: z.number(),
  turned: z.number(),
});
export type Stream = z.output<typeof stream>;

/** What was told, and not taken back yet. */
export const told = z.object({ kind: z.string(), about: z.string(), since: z.number(), from: z.string() });

/** Gaps that make a habit. */
export const habit = 12;
const week = 7 * 86_400_000;
/** The mean is of about so many of the latest. */
const meanOf = 100;

export const first = (kind: string, about: string, at: number): Omit<Stream, 'last'> => ({
  kind,
  about,
  begun: at,
  heard: at,
  gaps: 0,
  mean: 0,
  longest: 0,
  before: 0,
  turned: at,
});

export function withGap(known: Omit<Stream, 'last'>, gap: number, at: number): Omit<Stream, 'last'> {
  const gaps = known.gaps + 1;
  const mean = known.mean + (gap - known.mean) / Math.min(gaps, meanOf);
  if (at - known.turned < week) return { ...known, gaps, mean, longest: Math.max(known.longest, gap) };
  return { ...known, gaps, mean, longest: gap, before: known.longest, turned: at };
}

/** How long it may be quiet: gaps that are alike promise more than gaps that are not. */
export function limitOf({ mean, longest, before }: Pick<Stream, 'mean' | 'longest' | 'before'>, least: number): number {
  const usual = Math.max(longest, before);
  return Math.max(least, usual * (usual < 2 * mean ? 2 : 3));
}
