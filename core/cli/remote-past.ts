/**
 * What a tap would have seen before the memory of the page's server begins: asked of the store behind it. Where that server has none,
 * the past is what it remembers.
 */
import { SluiceError } from '../errors.ts';
import { type Event, topic } from '../event.ts';
import { timeOf } from '../history/when.ts';
import type { History } from '../history.ts';
import { patternOf } from '../key.ts';
import { compileWhere } from '../where.ts';
import type { Taken, Wanted } from './remote.ts';

const chunk = 500;

/** @param remembered what the server remembers, which comes after it: nothing is told twice */
export async function* storedBefore(
  history: Pick<History, 'read'>,
  { kind, pattern, since = '0s', where, rate: _, ...fields }: Wanted,
  remembered: readonly Event[],
  signal: AbortSignal,
): AsyncIterable<Taken> {
  const from = timeOf('--since', since);
  const known = new Set(remembered.map(({ id }) => id));
  // What is remembered came in about this order; what is told by its id may stand on either side.
  const until = remembered.reduce((least, { time }) => Math.min(least, time), timeOf('--since', 'now'));
  if (until <= from) return;
  const wants = where && compileWhere(where);
  let events: Event[] = [];
  let received: number[] = [];
  const take = (): Taken => ({ events, past: events.length, received, dropped: 0, skipped: 0, refused: [] });
  try {
    for await (const one of history.read(topic(kind, pattern ?? patternOf(fields)), from, until + 2000)) {
      if (signal.aborted) return;
      if (known.has(one.event.id) || !(wants?.(one.event.data) ?? true)) continue;
      events.push(one.event);
      received.push(one.received);
      if (events.length < chunk) continue;
      yield take();
      [events, received] = [[], []];
    }
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) || !thrown.message.includes('no history is kept')) throw thrown;
  }
  if (events.length > 0) yield take();
}
