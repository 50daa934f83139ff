/**
 * A past made of what a test says: for those who ask a `History`. It keeps to the port, in the order that it was given.
 */
import { Reject } from '../errors.ts';
import type { Coverage, History, Received } from '../history.ts';
import { matcher } from '../key.ts';

/** `coverage`: what is known of the past, where that is not raw from the first event to the last. */
export function memoryHistory(kept: readonly Received[], coverage: readonly Coverage[] = rawThroughout(kept)): History {
  return {
    async *read({ kind, pattern }, from, to) {
      const matches = matcher(pattern);
      for (const one of kept) if (one.event.kind === kind && one.received >= from && one.received < to && matches(one.event.key)) yield one;
    },
    byId: async (id) => kept.find(({ event }) => event.id === id),
    query: () => Promise.reject(new Reject('history: a past in memory answers no SQL; test the query against a store')),
    coverage: async (from, to) =>
      coverage
        .filter((span) => span.from < to && span.to > from)
        .map((span) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) })),
  };
}

function rawThroughout(kept: readonly Received[]): Coverage[] {
  const [first, last] = [kept[0], kept.at(-1)];
  return first && last ? [{ from: first.received, to: last.received + 1, resolution: 'raw' }] : [];
}
