/** Figures as lines for people: what, figure, budget, yardstick, conditions. */
import type { Figure } from './figure.ts';

export function heading(name: string, doc: string): string {
  return `\n${name}: ${doc}\n${'what'.padEnd(44)}${'figure'.padStart(12)} ${'unit'.padEnd(14)}${'budget'.padEnd(22)}yardstick of the same run; conditions`;
}

export function rowOf({ what, value, unit, budget, yardstick, of }: Figure): string {
  const beside = yardstick ? `${yardstick.what}: ${short(yardstick.value)} ${yardstick.unit ?? unit}` : '';
  return `${what.padEnd(44)}${short(value).padStart(12)} ${unit.padEnd(14)}${verdict(value, budget).padEnd(22)}${[beside, of].filter(Boolean).join('; ')}`;
}

function verdict(value: number, budget: Figure['budget']): string {
  if (!budget) return '';
  const kept = 'least' in budget ? value >= budget.least : value <= budget.most;
  const limit = 'least' in budget ? `≥ ${short(budget.least)}` : `≤ ${short(budget.most)}`;
  return `${limit} ${kept ? 'kept' : 'MISSED'}`;
}

/** Three figures that count; whole from 100 on. */
function short(value: number): string {
  return value.toLocaleString('en', Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
}
