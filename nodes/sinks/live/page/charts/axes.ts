/**
 * How far axes reach and where they are divided, so that numbers on them are round and seldom move.
 */
import { formatClock, formatValue, type Shown } from '../parts/format.ts';

/** Shares are read against the whole; small ones against a rounder part of it, or they would be a flat line. */
export function shareTop(most: number, stacked: boolean): number {
  if (stacked || most > 0.5) return 1;
  return most > 0.2 ? 0.5 : most > 0.08 ? 0.2 : most > 0.02 ? 0.1 : 0.02;
}

/** The next of 1, 1.5, 2, 3, 5, 8 times a power: an axis that moves in few steps is a calm one. */
export function roundUp(value: number, shown: Shown): number {
  const base = shown.as === 'bytes' ? 1024 ** Math.floor(Math.log(value) / Math.log(1024)) : 1;
  const power = base * 10 ** Math.floor(Math.log10(value / base));
  const step = [1, 1.5, 2, 3, 5, 8, 10].find((each) => each * power >= value) ?? 10;
  return step * power;
}

/** Seconds as clocks divide them, and as engineers do below. */
const clockSteps = [
  ...[1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1].flatMap((power) => [1, 2, 5].map((step) => step * power)),
  ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 21_600, 43_200],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * 86_400),
];

const binarySteps = [0, 1, 2, 3, 4].flatMap((prefix) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** prefix));

/** What values are divided by; undefined: by tens. */
export const divisionsOf = ({ as }: Shown): number[] | undefined =>
  as === 'bytes' ? binarySteps : as === 'seconds' ? clockSteps : undefined;

export function formatTick(value: number, shown: Shown): string {
  if (value === 0) return '0';
  return formatValue(value, { ...shown, per: '' })
    .replace(/(\d)\.0+(?=\s|$)/, '$1')
    .replace(/(\.\d*?)0+(?=\s|$)/, '$1');
}

/** A moment among its neighbours, in seconds since 1970: `14:03:07`, `14:03`, and at the turn of a day `21 Nov`. */
export function formatMoment(at: number, neighbours: readonly number[]): string {
  const step = (neighbours[1] ?? 60) - (neighbours[0] ?? 0);
  const clock = formatClock(at * 1000);
  if (step < 60) return clock;
  return step < 86_400 && clock.slice(0, 5) !== '00:00' ? clock.slice(0, 5) : days.format(at * 1000);
}

const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
