/** `sluice restore`: makes the history that a backup has, while sluice runs or not. What was there is moved aside. */
import { join } from 'node:path';
import type { Command } from 'commander';

interface RestoreFlags {
  readonly config?: string;
  readonly state?: string;
  readonly replace?: boolean;
}

/** What is being asked of the old store ends first, and a write that is under way. */
const patienceMs = 60_000;

export default function addRestore(program: Command): void {
  program
    .command('restore')
    .description('bring back the history from a backup, while sluice runs or not')
    .argument('<folder>', 'what sluice backup made')
    .option('--replace', 'move the history that is there aside')
    .option('--state <folder>', 'the state that is to have the history')
    .option('--config <file>', 'the config that says where (default: SLUICE_CONFIG)')
    .addHelpText('after', '\nExample: sluice restore /mnt/safe/history-2026-01-31 --state /var/lib/sluice')
    .action(async (from: string, flags: RestoreFlags) => {
      const [{ print }, { configOf }, { restoreStore }, { systemClock }, { sendControl }] = await Promise.all([
        import('../../../core/cli/screen.ts'),
        import('../../../core/cli/options.ts'),
        import('./restore.ts'),
        import('../../../core/clock.ts'),
        import('../../../core/cli/control-client.ts'),
      ]);
      const { settings } = await configOf(flags.config, { state: flags.state });
      const folder = join(settings.state, 'history');
      const { manifest, aside } = await restoreStore(from, folder, {
        replace: flags.replace ?? false,
        now: systemClock.now(),
        handOver: () => sendControl(settings.state, { restore: {} }, patienceMs),
      });
      await print(`${folder} is as it was at ${manifest.made}\n`);
      if (aside !== undefined) await print(`what was there is in ${aside}\n`);
    });
}
