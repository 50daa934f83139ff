/** `sluice propose`: rules evolved from what happened, with how often they would fire, for a person to accept. */
import type { Command } from 'commander';
import { withReach } from '../cli/options.ts';
import { json, paintFor, print, remark } from '../cli/screen.ts';
import { UsageError } from '../errors.ts';
import type { Severity } from '../kinds.ts';
import type { HistoryFlags } from './open.ts';

interface ProposeFlags extends HistoryFlags {
  readonly since?: string;
  readonly metric?: string;
  readonly alerts: number;
  readonly below?: boolean;
  readonly severity: Severity;
  readonly mark: readonly string[];
  readonly write?: string;
  readonly json?: boolean;
}

export default function addPropose(program: Command): void {
  withReach(program.command('propose'))
    .description('a rule made from what happened, with the number of alerts to expect, for you to accept')
    .argument('<host/resource or metric>', 'as in web-1/filesystem, or system.memory.utilization on all hosts')
    .option('--since <time>', 'from when on: 30d, or 2026-01-31T12:00:00Z (default: 30d; of a file: all of it)')
    .option('--alerts <per week>', 'at most so many alerts a week', positive, 1)
    .option('--below', 'values that are too low (default: too high)')
    .option('--metric <name>', 'of a host/resource, this metric alone')
    .option('--severity <severity>', 'info, warning or critical', severity, 'warning')
    .option('--mark <time>', 'a moment that it should have told of; may be given again', (text, before: string[]) => [...before, text], [])
    .option('--write <file>', 'add what is found to this config, which keeps its comments')
    .option('--from <file>', 'a file of events, as sluice tap --save writes it, instead of a running sluice')
    .option('--port <port>', 'the port of a running sluice on this machine (default: 7400, or SLUICE_PORT)')
    .option('--config <file>', 'the config whose rules it is compared with (default: SLUICE_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice propose web-1/filesystem --since 30d --alerts 1')
    .action(async (named: string, flags: ProposeFlags) => {
      const [{ openHistory }, { timeOf }, { trialOf }, { propose }, { rulesOf, showProposed }, { systemClock }] = await Promise.all([
        import('./open.ts'),
        import('./when.ts'),
        import('./trial.ts'),
        import('./propose.ts'),
        import('./show-propose.ts'),
        import('../clock.ts'),
      ]);
      const since = flags.since ?? (flags.from === undefined ? '30d' : undefined);
      const asked = {
        ...(await targetOf(named, flags.metric)),
        from: since === undefined ? Number.NEGATIVE_INFINITY : timeOf('--since', since),
        to: flags.from === undefined ? systemClock.now() : Number.POSITIVE_INFINITY,
        alerts: flags.alerts,
        side: flags.below ? ('below' as const) : ('above' as const),
        severity: flags.severity,
        marks: flags.mark.map((text) => timeOf('--mark', text)),
      };
      const today = await trialOf('threshold', flags.config);
      const [judge] = today.filters;
      if (!judge) return;
      const found = await propose(await openHistory(flags), judge, today, asked);
      await print(flags.json ? `${json({ ...found, entry: rulesOf(found) }, 2)}\n` : showProposed(found, paintFor(process.stdout)));
      const entry = rulesOf(found);
      if (flags.write === undefined) return;
      if (!entry) return remark(`sluice: nothing was proposed, and ${flags.write} stays as it is`);
      const { writeEntry } = await import('./write.ts');
      await writeEntry(flags.write, entry);
      remark(`sluice: ${flags.write} has it now; it holds from the next start of the process that reads it`);
    });
}

/** @throws UsageError when it is neither */
async function targetOf(named: string, metric: string | undefined) {
  if (!named.includes('/')) return { metric: metric ?? named };
  const { targetOf } = await import('./target.ts');
  const { host, resource } = targetOf(named);
  return { host, ...(resource !== '' && { resource }), metric };
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 10_000) return value;
  throw new UsageError(`--alerts "${text}" is no rate; write a number above 0, as in 0.5`);
}

function severity(text: string): Severity {
  if (text === 'info' || text === 'warning' || text === 'critical') return text;
  throw new UsageError(`--severity "${text}" is none; write info, warning or critical`);
}
