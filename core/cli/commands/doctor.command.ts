/** `sluice doctor`: whether this machine has what sluice needs, and what to do where it has not. */
import type { Command } from 'commander';
import { ConfigError } from '../../errors.ts';
import type { Finding } from '../doctor.ts';
import { configOf } from '../options.ts';
import { inert, json, type Paint, paintFor, print } from '../screen.ts';

interface DoctorFlags {
  readonly port?: string;
  readonly state?: string;
  readonly bus?: string;
  readonly json?: boolean;
}

export default function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check what sluice needs here: Node, config, state, port, bus, clock, journal')
    .argument('[config]', 'a config file')
    .option('--port <port>', 'the port of the page')
    .option('--state <folder>', 'where state and spool are kept')
    .option('--bus <addresses>', 'embedded, or RabbitMQ as in amqp://mq1/sluice')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice doctor /etc/sluice/config.yaml')
    .action(async (file: string | undefined, { json: asJson, ...flags }: DoctorFlags) => {
      const findings = await findingsOf(file, flags);
      if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1;
      if (asJson) return print(`${json(findings, 2)}\n`);
      const paint = paintFor(process.stdout);
      for (const { what, level, text, advice } of findings) {
        await print(`${colourOf(level, paint)(level.padEnd(4))}  ${what.padEnd(8)}${inert(text)}${advice ? `; ${inert(advice)}` : ''}\n`);
      }
    });
}

async function findingsOf(file: string | undefined, flags: Omit<DoctorFlags, 'json'>): Promise<Finding[]> {
  const { examine } = await import('../doctor.ts');
  try {
    const config = await configOf(file, flags);
    const text = config.file === undefined ? 'none: this machine, embedded' : `${config.file} is valid`;
    return [{ what: 'config', level: 'ok', text }, ...(await examine(config))];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    // Without a config there is nothing to look at: where the state is, is part of it.
    return thrown.message.split('\n').map((line) => ({ what: 'config', level: 'fail', text: line.replace(/^sluice: config: /, '') }));
  }
}

function colourOf(level: Finding['level'], paint: Paint): (text: string) => string {
  return { ok: paint.green, warn: paint.yellow, fail: paint.red }[level];
}
