/**
 * How often something happened, and how sure that is: a count over a time, with the rates that it fits at 90 % (5 % are left on
 * each side), for events that come independently. Byar's approximation to the exact Poisson interval (Breslow and Day 1987).
 */
export const weekMs = 7 * 86_400_000;

export interface Frequency {
  readonly count: number;
  readonly weeks: number;
  readonly perWeek: number;
  /** Per week. */
  readonly least: number;
  readonly most: number;
}

const z = 1.645;

export function frequency(count: number, weeks: number): Frequency {
  const cube = (of: number, sign: 1 | -1): number => of * (1 - 1 / (9 * of) + (sign * z) / (3 * Math.sqrt(of))) ** 3;
  const [least, most] = [count === 0 ? 0 : cube(count, -1), cube(count + 1, 1)];
  return { count, weeks, perWeek: count / weeks, least: least / weeks, most: most / weeks };
}
