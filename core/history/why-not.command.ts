/** `sluice why-not`: how near an alert was that did not come, and what was missing. */
import type { Command } from 'commander';
import { withReach } from '../cli/options.ts';
import { json, print } from '../cli/screen.ts';
import type { HistoryFlags } from './open.ts';

interface WhyNotFlags extends HistoryFlags {
  readonly at: string;
  readonly json?: boolean;
}

export default function addWhyNot(program: Command): void {
  withReach(program.command('why-not'))
    .description('why no alert came: which rules looked, how near each was, and what was missing')
    .argument('<host/resource>', 'as in web-3/filesystem, or web-3/memory-used for one rule')
    .requiredOption('--at <time>', 'around when: 02:12 (UTC), 2026-01-31T12:00:00Z, or 5m ago as 5m')
    .option('--from <file>', 'a file of events, as sluice tap --save writes it, instead of a running sluice')
    .option('--port <port>', 'the port of a running sluice on this machine (default: 7400, or SLUICE_PORT)')
    .option('--config <file>', 'the config whose filters are asked (default: SLUICE_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice why-not web-3/filesystem --at 02:12')
    .action(async (named: string, flags: WhyNotFlags) => {
      const [{ openHistory }, { timeOf }, { trialOfConfig }, { targetOf }, { whyNot }, { configOf }] = await Promise.all([
        import('./open.ts'),
        import('./when.ts'),
        import('./trial.ts'),
        import('./target.ts'),
        import('./why-not.ts'),
        import('../cli/options.ts'),
      ]);
      const at = timeOf('--at', flags.at);
      const target = targetOf(named);
      const { filters } = await trialOfConfig(await configOf(flags.config, { port: flags.port }));
      const told = await whyNot(await openHistory(flags), filters, target, at);
      await print(flags.json ? `${json(told, 2)}\n` : `${told.sentences.join('\n')}\n`);
    });
}
