/** A moment of the past, as a person writes it. */
import { duration, systemClock } from '../clock.ts';
import { UsageError } from '../errors.ts';

/**
 * An instant, `now`, or how long ago, in milliseconds since 1970.
 * @param name what the person calls it: `--at`
 * @throws UsageError when the text is neither
 */
export function timeOf(name: string, text: string, now = systemClock.now()): number {
  if (text === 'now') return now;
  const ago = duration(text);
  if (ago !== undefined) return now - ago;
  // A time without a zone is UTC, as all that sluice prints; without a day, the latest such time.
  if (/^\d{2}:\d{2}(:\d{2})?$/.test(text)) {
    const today = Date.parse(`${new Date(now).toISOString().slice(0, 10)}T${text}Z`);
    if (!Number.isNaN(today)) return today <= now ? today : today - 86_400_000;
  }
  const zoned = /([zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !text.includes(':') ? text : `${text.replace(' ', 'T')}Z`;
  const at = Date.parse(zoned);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at)) return at;
  throw new UsageError(`${name} "${text.slice(0, 64)}" is no time; write 30d, 02:10 (UTC) or 2026-01-31T12:00:00Z`);
}
