/**
 * `sluice backup`: a consistent copy of the history, also while sluice runs: the process that holds it is asked through its
 * socket, which only its owner may open. Where none runs, the files are opened here.
 */
import { join } from 'node:path';
import type { Command } from 'commander';

interface BackupFlags {
  readonly config?: string;
  readonly state?: string;
}

/** A large store's open hour takes seconds to close; the links take none. */
const patienceMs = 600_000;

export default function addBackup(program: Command): void {
  program
    .command('backup')
    .description('copy the history into a new folder, while sluice runs or not')
    .argument('<folder>', 'where to; it must not be there yet')
    .option('--state <folder>', 'the state whose history it is')
    .option('--config <file>', 'the config that says where (default: SLUICE_CONFIG)')
    .addHelpText('after', '\nExample: sluice backup /mnt/safe/history-2026-01-31')
    .action(async (to: string, flags: BackupFlags) => {
      const [{ print }, { configOf }, { writeBundle, refuseExisting }, { systemClock }] = await Promise.all([
        import('../../../core/cli/screen.ts'),
        import('../../../core/cli/options.ts'),
        import('./bundle.ts'),
        import('../../../core/clock.ts'),
      ]);
      refuseExisting(to);
      const { settings } = await configOf(flags.config, { state: flags.state });
      const { rmSync } = await import('node:fs');
      const made = systemClock.now();
      const stage = await staged(settings.state);
      try {
        const { files } = await writeBundle(stage, to, made);
        const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
        await print(`${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, in ${to}\n`);
      } finally {
        rmSync(stage, { recursive: true, force: true });
      }
    });
}

/** Has a backup made inside the store, by the process that holds it. Resolves with its folder. */
async function staged(state: string): Promise<string> {
  const [{ sendControl, NothingRuns }, { existsSync }, { SluiceError }] = await Promise.all([
    import('../../../core/cli/control-client.ts'),
    import('node:fs'),
    import('sluice'),
  ]);
  try {
    return await sendControl(state, { backup: {} }, patienceMs);
  } catch (thrown) {
    if (!(thrown instanceof NothingRuns)) throw thrown;
  }
  const folder = join(state, 'history');
  if (!existsSync(join(folder, 'recent.duckdb')))
    throw new SluiceError(`backup: nothing runs on ${state}, and it holds no history; name another --state`);
  const [{ openArchive }, { keepAll }, { systemClock }] = await Promise.all([
    import('./archive.ts'),
    import('./tiers.ts'),
    import('../../../core/clock.ts'),
  ]);
  const say = (text: string): void => void process.stderr.write(`sluice: store: ${text}\n`);
  const archive = await openArchive({ folder, keep: keepAll, now: systemClock.now, say });
  try {
    return await archive.backup();
  } finally {
    await archive.close();
  }
}
