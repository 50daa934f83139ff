/**
 * `sluice run`: this process's nodes, until a signal ends them. Prints where the page is, and over SSH how to reach it.
 */
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { announcePage, endOnSignal } from '../ending.ts';
import { configOf } from '../options.ts';
import { remark } from '../screen.ts';

interface RunFlags {
  readonly port?: string;
  readonly state?: string;
  readonly host?: string;
  readonly place?: string;
  readonly bus?: string;
  readonly only?: string;
  readonly json?: true;
}

export default function addRun(program: Command): void {
  program
    .command('run')
    .description('run this machine: its monitors, filters and page')
    .argument('[config]', 'a config file; without one this machine is watched by itself')
    .option('--port <port>', 'where the page listens on 127.0.0.1 (default: 7400)')
    .option('--state <folder>', 'where state and spool are kept')
    .option('--host <name>', "this host's name (default: the system's own)")
    .option('--place <place>', 'company.system.environment, as in acme.shop.prod')
    .option('--bus <addresses>', 'embedded, or RabbitMQ as in amqp://mq1/sluice,amqp://mq2/sluice')
    .option('--only <names>', 'run only these: agent, hub, or names of nodes, with commas')
    .option('--json', 'show alerts, incidents and servers as JSON, an event a line')
    .addHelpText('after', '\nExample: sluice run --port 7500 --only cpu,memory,live')
    .action(async (file: string | undefined, flags: RunFlags) => {
      const { dieWithKeeper, diedOfMistake, keep, needsKeeping } = await import('../../runtime/keeper.ts');
      const { duration, systemClock } = await import('../../clock.ts');
      const say = (text: string): void => remark(text.replace(/^(sluice: )?/, 'sluice: '));
      if (needsKeeping(process.env)) process.exit(await keep(systemClock, say));
      dieWithKeeper(process.env);
      // An agent makes little garbage: that V8's youngest generation grows for speed would cost it 10 MB for nothing.
      setFlagsFromString('--semi-space-growth-factor=1');
      const given = await configOf(file, flags);
      const config: Config = { ...given, settings: { ...given.settings, output: flags.json ? 'json' : 'text' } };
      if (config.run.some((word) => word !== 'agent')) setFlagsFromString('--semi-space-growth-factor=2');
      const { runProcess } = await import('../../runtime/process.ts');
      process.on('uncaughtException', (thrown) => {
        say(`a mistake in sluice or a node ended the process: ${thrown.stack ?? thrown.message}`);
        process.exit(diedOfMistake);
      });
      const hangLimit = duration(process.env.SLUICE_HANG_LIMIT ?? '');
      const starting = runProcess(config, {
        clock: systemClock,
        print: (_, text) => say(text),
        ...(hangLimit !== undefined && { hangLimit }),
      });
      // From here on: a signal that comes while it starts ends it as cleanly.
      endOnSignal(
        (reason) =>
          void starting.then(
            (started) => started.stop(reason),
            () => {},
          ),
        systemClock.monotonic,
      );
      const running = await starting;
      if (running.nodes.some(({ node }) => node.name === 'live')) announcePage(config.settings.live);
      else say(`${config.host} runs ${running.nodes.length} nodes on ${config.bus === 'embedded' ? 'its own bus' : config.bus.join(', ')}`);
      process.exit(await running.finished);
    });
}
