/** Which past a command asks, and of what time: a file of events, or the sluice that runs on this machine. */
import { configOf } from '../cli/options.ts';
import { remark } from '../cli/screen.ts';
import { duration, systemClock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { History } from '../history.ts';

export interface HistoryFlags {
  readonly from?: string;
  readonly port?: string;
  readonly config?: string;
}

/** @throws UsageError when the file is none, ConfigError when the config is wrong */
export async function openHistory({ from, port, config: file }: HistoryFlags): Promise<History> {
  if (from !== undefined) {
    const { fileHistory } = await import('./file.ts');
    return fileHistory(from, (flaw) => remark(`sluice: ${flaw}`));
  }
  const [config, { remoteHistory }] = await Promise.all([configOf(file, { port }), import('./remote.ts')]);
  // What listens on all addresses is also on this one.
  return remoteHistory(`http://${config.settings.live.listen.replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:')}`);
}

/** An instant, `now`, or how long ago. @throws UsageError when the text is neither */
export function timeOf(flag: string, text: string): number {
  if (text === 'now') return systemClock.now();
  const ago = duration(text);
  if (ago !== undefined) return systemClock.now() - ago;
  // A time without a zone is UTC, as all that sluice prints; without a day, the latest such time.
  const now = systemClock.now();
  if (/^\d{2}:\d{2}(:\d{2})?$/.test(text)) {
    const today = Date.parse(`${new Date(now).toISOString().slice(0, 10)}T${text}Z`);
    if (!Number.isNaN(today)) return today <= now ? today : today - 86_400_000;
  }
  const zoned = /([zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !text.includes(':') ? text : `${text.replace(' ', 'T')}Z`;
  const at = Date.parse(zoned);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at)) return at;
  throw new UsageError(`${flag} "${text}" is no time; write 30d, 02:10 (UTC) or 2026-01-31T12:00:00Z`);
}
