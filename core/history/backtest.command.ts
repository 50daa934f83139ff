/**
 * `sluice backtest`: what filters would have told of the past, beside what was told. Nothing of it reaches anyone but the
 * person who asks.
 */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { withReach } from '../cli/options.ts';
import { json, paintFor, print, remark } from '../cli/screen.ts';
import type { HistoryFlags } from './open.ts';

interface BacktestFlags extends HistoryFlags {
  readonly since?: string;
  readonly against?: string;
  readonly json?: boolean;
}

export default function addBacktest(program: Command): void {
  withReach(program.command('backtest'))
    .description('try a config or a filter on the past: what it would have told, beside what was told')
    .argument('<config or filter>', 'a config.yaml, a file such as ./hot.ts, or the name of a built-in filter')
    .option('--since <time>', 'from when on: 30d, or 2026-01-31T12:00:00Z (default: 7d; of a file: all of it)')
    .option('--against <other>', 'beside what another config or filter would have told')
    .option('--from <file>', 'a file of events, as sluice tap --save writes it, instead of a running sluice')
    .option('--port <port>', 'the port of a running sluice on this machine (default: 7400, or SLUICE_PORT)')
    .option('--config <file>', 'the config that says how a named filter is set (default: SLUICE_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice backtest new.yaml --since 30d --against old.yaml')
    .action(async (named: string, flags: BacktestFlags) => {
      const [{ openHistory }, { timeOf }, { trialOf }, { backtest }, { showBacktest }, { formatDuration, systemClock }] = await Promise.all(
        [
          import('./open.ts'),
          import('./when.ts'),
          import('./trial.ts'),
          import('./backtest.ts'),
          import('./show-backtest.ts'),
          import('../clock.ts'),
        ],
      );
      const since = flags.since ?? (flags.from === undefined ? '7d' : undefined);
      const to = flags.from === undefined ? systemClock.now() : Number.POSITIVE_INFINITY;
      const from = since === undefined ? Number.NEGATIVE_INFINITY : timeOf('--since', since);
      const trial = await trialOf(named, flags.config);
      const against = flags.against === undefined ? undefined : await trialOf(flags.against, flags.config);
      const history = await openHistory(flags);
      const began = systemClock.monotonic();
      const result = await backtest(history, trial, { from, to }, against);
      const took = systemClock.monotonic() - began;
      if (flags.json) return print(`${json(result, 2)}\n`);
      const names = { tried: basename(named), against: flags.against && basename(flags.against) };
      await print(showBacktest(result, names, paintFor(process.stdout)));
      const covered = result.coverage.reduce((sum, span) => sum + span.to - span.from, 0);
      remark(`sluice: ${result.events} events of ${formatDuration(covered)} in ${formatDuration(took)}`);
    });
}
