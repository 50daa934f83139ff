/** Which past a command asks: a file of events, or a sluice that runs. */
import { configOf } from '../cli/options.ts';
import { remark } from '../cli/screen.ts';
import type { History } from '../history.ts';

export interface HistoryFlags {
  readonly from?: string;
  readonly port?: string;
  readonly config?: string;
  readonly url?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
}

/** @throws UsageError when the file is none, ConfigError when the config is wrong */
export async function openHistory({ from, port, config: file, ...reach }: HistoryFlags): Promise<History> {
  if (from !== undefined) {
    const { fileHistory } = await import('./file.ts');
    return fileHistory(from, (flaw) => remark(`sluice: ${flaw}`));
  }
  const [config, { remoteHistory }, { reachOf }] = await Promise.all([
    configOf(file, { port }),
    import('./remote.ts'),
    import('../cli/reach.ts'),
  ]);
  return remoteHistory(reachOf(config, { ...reach, port }));
}
