/** `sluice why`: from an alert back to what it rests on. */
import type { Command } from 'commander';
import { withReach } from '../cli/options.ts';
import { json, print } from '../cli/screen.ts';
import type { History } from '../history.ts';
import type { HistoryFlags } from './open.ts';

interface WhyFlags extends HistoryFlags {
  readonly json?: boolean;
}

export default function addWhy(program: Command): void {
  withReach(program.command('why'))
    .description('why an alert came: its filter, its rule, and the values and lines that it rests on')
    .argument('<id or host/resource>', "an event's id, or what the latest alert is about, as in web-3/filesystem")
    .option('--from <file>', 'a file of events, as sluice tap --save writes it, instead of a running sluice')
    .option('--port <port>', 'the port of a running sluice on this machine (default: 7400, or SLUICE_PORT)')
    .option('--config <file>', 'the config that says where (default: SLUICE_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice why web-3/filesystem')
    .action(async (named: string, flags: WhyFlags) => {
      const [{ openHistory }, { lookBackMs, why }] = await Promise.all([import('./open.ts'), import('./why.ts')]);
      const history = await openHistory(flags);
      const told = await why(history, await eventOf(history, named, flags.from === undefined ? lookBackMs : Number.POSITIVE_INFINITY));
      await print(flags.json ? `${json(told, 2)}\n` : `${told.sentences.join('\n')}\n`);
    });
}

/** The event of that id, else the latest alert that fired there, else the latest of any sort there. */
async function eventOf(history: History, named: string, reach: number) {
  const byId = await history.byId(named);
  if (byId) return byId.event;
  const [{ latestAlert, targetOf }, { systemClock }, { SluiceError }] = await Promise.all([
    import('./target.ts'),
    import('../clock.ts'),
    import('../errors.ts'),
  ]);
  const now = systemClock.now();
  const alert = await latestAlert(history, targetOf(named), now - reach, now + 1);
  if (alert) return alert;
  throw new SluiceError(`no event is kept with the id ${named}, and no alert there is about it; see sluice why-not ${named} --at <time>`);
}
