/** How anomaly names a series and writes its values. */
import type { Data } from 'sluice';

export type StatSeries = Data<'stat'>['series'][number];

/** The metric, and what tells the series from others of it. */
export function wordsOf({ name, attributes = {} }: StatSeries): string[] {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return [name, ...sorted.map(([, value]) => String(value))];
}

export function format(value: number, unit: string | undefined): string {
  if (unit === '1') return `${Number((value * 100).toPrecision(3))} %`;
  return `${Number(value.toPrecision(3))}${unit ? ` ${unit.replace(/[{}]/g, '')}` : ''}`;
}
