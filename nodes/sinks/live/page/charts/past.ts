/**
 * What was kept, for spans that live no longer remembers alone. Few questions are under way at once; those that
 * nobody waits for any more are left out.
 */
import type { Coverage } from 'sluice';
import type { PastAnswer, PastAsked } from '../../series/protocol.ts';

const together = 4;
let under = 0;
const waiting: (() => void)[] = [];

/** @throws Error with sluice's words where it refuses or fails */
export async function askPast(asked: PastAsked, signal: AbortSignal): Promise<PastAnswer> {
  if (under >= together) await new Promise<void>((resolve) => waiting.push(resolve));
  under++;
  try {
    signal.throwIfAborted();
    const answer = await fetch('api/series', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked),
      cache: 'no-store',
      signal,
    });
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 500));
    return (await answer.json()) as PastAnswer;
  } finally {
    under--;
    waiting.shift()?.();
  }
}

/** Since when anything is known, in milliseconds since 1970; undefined where nothing is kept. */
export async function oldestKept(to: number): Promise<number | undefined> {
  const answer = await fetch(`api/history/coverage?from=0&to=${Math.ceil(to)}`, { cache: 'no-store' });
  if (!answer.ok) return undefined;
  return ((await answer.json()) as Coverage[])[0]?.from;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800];

/** Seconds from value to value, so that a span has about as many as there are places to draw them. */
export const stepFor = (seconds: number, values: number): number => steps.find((step) => seconds / step <= values) ?? 2_592_000;
