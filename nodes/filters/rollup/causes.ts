/**
 * Which events a window is made of, in so few words that a stat can carry them: for each writer and run the first and the last number.
 *
 * an event's source, boot and sequence → a range; ranges of shorter windows → those of the longer. A range names all from the first to
 * the last, so it may hold a straggler's neighbours too. Past eight writers of one window, and for events that came without a
 * sequence, nothing is named.
 */
import { type Event, z } from 'sluice';

const most = 8;
const longest = 480;

/** Source, boot, kind and key as a cause names them; then the first sequence and the last. */
export const range = z.tuple([z.string(), z.number(), z.number()]).readonly();
export type Range = z.output<typeof range>;

/** What a range of this event's stream is called; undefined when it has none that could be read. */
export function streamOf({ source, bootid, sequence, key }: Pick<Event, 'source' | 'bootid' | 'sequence' | 'key'>): string | undefined {
  if (bootid === undefined || sequence === undefined) return undefined;
  const name = `${source}/${bootid}/metric/${key}`;
  return name.length <= longest && /^(?:\/[^/\s]+){6}\/metric\/\S+$/.test(name) ? name : undefined;
}

/** The same ranges when nothing new is in the others. */
export function widened(ranges: readonly Range[], others: readonly Range[]): readonly Range[] {
  let result = ranges;
  for (const [stream, from, to] of others) {
    const index = result.findIndex(([name]) => name === stream);
    const known = result[index];
    if (known === undefined) {
      if (result.length < most) result = [...result, [stream, from, to]];
    } else if (from < known[1] || to > known[2]) {
      result = result.with(index, [stream, Math.min(from, known[1]), Math.max(to, known[2])]);
    }
  }
  return result;
}

/** As an event's `causes` have them, in an order that is not that of arrival. */
export const causesOf = (ranges: readonly Range[]): string[] => ranges.map(([stream, from, to]) => `${stream}/${from}-${to}`).sort();
