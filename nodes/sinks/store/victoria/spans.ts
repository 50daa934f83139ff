/** When there are metrics of sluice in VictoriaMetrics: asked coarsely first, then by ever finer steps between the ends. */
import type { Coverage } from 'sluice';
import type { Client } from './client.ts';
import { sequenceName } from './series.ts';

/** Spans that are further apart than this have a hole between them, where the question is short enough to see it. */
const finestMs = 300_000;
const steps = 400;
const longestMs = 20 * 365 * 86_400_000;

interface Span {
  readonly from: number;
  readonly to: number;
}

export async function spansOf(client: Client, from: number, to: number): Promise<Span[]> {
  const { now } = await client.state();
  let [low, high] = [Math.max(0, from, now - longestMs), Math.min(to, now + finestMs)];
  for (;;) {
    if (high <= low) return [];
    const step = Math.max(finestMs, Math.ceil((high - low) / steps / 1000) * 1000);
    const query = `sum(count_over_time({__name__="${sequenceName}"}[${step}ms]))`;
    // A value at an instant counts the samples of the step before it.
    const filled = (await client.range(query, low + step, high + step, step)).filter(([, count]) => count > 0).map(([at]) => at);
    const [first, last] = [filled[0], filled.at(-1)];
    if (first === undefined || last === undefined) return [];
    const [nextLow, nextHigh] = [Math.max(low, first - step), Math.min(high, last)];
    if (step === finestMs || nextHigh - nextLow > (high - low) / 2) return joined(filled, step, nextLow, nextHigh);
    [low, high] = [nextLow, nextHigh];
  }
}

function joined(filled: readonly number[], step: number, low: number, high: number): Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const at of filled) {
    const span = { from: Math.max(low, at - step), to: Math.min(high, at) };
    const before = spans.at(-1);
    if (before && span.from - before.to <= 0) before.to = span.to;
    else if (span.to > span.from) spans.push(span);
  }
  return spans;
}

/**
 * What is known with both: raw wherever one of them has it; where the store's own files know nothing, not even by the minute,
 * it is metrics alone.
 */
export function besides(kept: readonly Coverage[], there: readonly Span[]): Coverage[] {
  const raw = kept.filter(({ resolution }) => resolution === 'raw');
  const coarse = kept.filter(({ resolution }) => resolution !== 'raw');
  const more = without(there, raw);
  const alone = without(more, coarse);
  return [
    ...raw,
    ...without(coarse, there),
    ...alone.map((span): Coverage => ({ ...span, resolution: 'raw', only: ['metric'] })),
    ...without(more, alone).map((span): Coverage => ({ ...span, resolution: 'raw' })),
  ].sort((one, other) => one.from - other.from);
}

/** What of some spans lies in none of others. */
function without<S extends Span>(spans: readonly S[], others: readonly Span[]): S[] {
  let left = [...spans];
  for (const other of others) {
    left = left.flatMap((span) =>
      [
        { ...span, to: Math.min(span.to, other.from) },
        { ...span, from: Math.max(span.from, other.to) },
      ].filter(({ from, to }) => from < to),
    );
  }
  return left;
}
