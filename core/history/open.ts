/** Which past a command asks: a file of events, or the sluice that runs on this machine. */
import { configOf } from '../cli/options.ts';
import { remark } from '../cli/screen.ts';
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
