/** What of the charts stands in the address: which is open, and how each is looked at. */
import { bound, text } from '../address.ts';
import { type Look, readLooks, writeLooks } from './looks.ts';

/** The chart that is shown large, by its id; '' is none. */
export const opened = bound('chart', text);
export const looks = bound<ReadonlyMap<string, Look>>('look', {
  read: (written) => readLooks(written ?? ''),
  write: (value) => writeLooks(value) || undefined,
});

export function setLook(id: string, change: Look | undefined): void {
  const next = new Map(looks.value);
  if (change === undefined) next.delete(id);
  else next.set(id, { ...next.get(id), ...change });
  looks.set(next);
}
