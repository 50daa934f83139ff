/** Times and values as a person reads them. Times are UTC, as all that sluice prints. */

/** `2026-11-03 02:10:40` */
export const instant = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

/** `02:10:40`, where the day is known. */
export const clockTime = (at: number): string => instant(at).slice(11);

/** A commit as people name it: `9c02f31ab0d4`, or `9c02f31ab0d4, changed since`. */
export function shortCommit(commit: string): string {
  const [hash = ''] = commit.split('-dirty');
  return `${/^[0-9a-f]{40,}$/.test(hash) ? hash.slice(0, 12) : hash}${commit.endsWith('-dirty') ? ', changed since' : ''}`;
}

/** A value with its unit (UCUM), to four figures: shares as percent. */
export function amount(value: number, unit: string | undefined): string {
  const short = (number: number) => String(Number(number.toPrecision(4)));
  if (unit === '1') return `${short(value * 100)} %`;
  return unit ? `${short(value)} ${unit.replace(/[{}]/g, '')}` : short(value);
}

/** `1 event`, `3 events`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
