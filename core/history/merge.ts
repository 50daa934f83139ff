/**
 * Several streams of stored events as one, in the order received. Of events received in the same millisecond, those of the
 * stream named first come first: which of them was handled first, nobody recorded.
 */
import type { Received } from '../history.ts';

export async function* mergeReceived(streams: readonly AsyncIterable<Received>[]): AsyncGenerator<Received> {
  const [only] = streams;
  if (streams.length === 1 && only) {
    yield* only;
    return;
  }
  const heads: { readonly rest: AsyncIterator<Received>; next: Received }[] = [];
  try {
    for (const stream of streams) {
      const rest = stream[Symbol.asyncIterator]();
      const first = await rest.next();
      if (!first.done) heads.push({ rest, next: first.value });
    }
    for (;;) {
      let earliest = heads[0];
      for (const head of heads) if (earliest && head.next.received < earliest.next.received) earliest = head;
      if (!earliest) return;
      yield earliest.next;
      const following = await earliest.rest.next();
      if (following.done) heads.splice(heads.indexOf(earliest), 1);
      else earliest.next = following.value;
    }
  } finally {
    for (const { rest } of heads) await rest.return?.();
  }
}
