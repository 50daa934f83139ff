/**
 * `sluice doctor`: whether this machine has what sluice needs, and what to do where it has not. With `--bus`: what became of the
 * events of all machines on their way.
 */
import type { Command } from 'commander';
import type { Flags } from '../../config.ts';
import { ConfigError } from '../../errors.ts';
import type { BusReport } from '../bus-report.ts';
import type { Finding } from '../doctor.ts';
import { configOf } from '../options.ts';
import { inert, json, type Paint, paintFor, print } from '../screen.ts';

interface DoctorFlags {
  readonly port?: string;
  readonly state?: string;
  readonly bus?: string | true;
  readonly json?: boolean;
}

export default function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check what sluice needs here: Node, config, state, port, bus, clock, journal')
    .argument('[config]', 'a config file')
    .option('--port <port>', 'the port of the page')
    .option('--state <folder>', 'where state and spool are kept')
    .option('--bus [addresses]', "look at the bus instead, the config's or this one: what was sent, confirmed, spooled, dropped, lost")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples: sluice doctor /etc/sluice/config.yaml\n          sluice doctor --bus amqp://mq1/sluice')
    .action(async (file: string | undefined, { json: asJson, bus, ...flags }: DoctorFlags) => {
      const paint = paintFor(process.stdout);
      if (bus !== undefined) {
        // What follows --bus alone may as well be the config.
        const isFile = file === undefined && bus !== true && bus !== 'embedded' && !bus.includes('://');
        const report = await reportOf(isFile ? bus : file, { ...flags, ...(bus !== true && !isFile && { bus }) });
        if (report.findings.some(({ level }) => level === 'fail')) process.exitCode = 1;
        if (asJson) return print(`${json(report, 2)}\n`);
        const { showBus } = await import('../show-bus.ts');
        if ('processes' in report) await print(`${report.bus}\n\n${showBus(report, paint)}\n`);
        return printFindings(report.findings, paint);
      }
      const findings = await findingsOf(file, flags);
      if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1;
      if (asJson) return print(`${json(findings, 2)}\n`);
      await printFindings(findings, paint);
    });
}

async function printFindings(findings: readonly Finding[], paint: Paint): Promise<void> {
  for (const { what, level, text, advice } of findings) {
    await print(`${colourOf(level, paint)(level.padEnd(4))}  ${what.padEnd(9)}${inert(text)}${advice ? `; ${inert(advice)}` : ''}\n`);
  }
}

async function reportOf(file: string | undefined, flags: Flags): Promise<BusReport | { readonly findings: readonly Finding[] }> {
  const [{ openRemoteOf }, { busReport, unreachable }] = await Promise.all([import('../remote.ts'), import('../bus-report.ts')]);
  const config = await configOf(file, flags);
  try {
    const remote = await openRemoteOf(config, { port: flags.port });
    try {
      return await busReport(remote, config);
    } finally {
      await remote.close();
    }
  } catch (thrown) {
    return { findings: [unreachable(thrown)] };
  }
}

async function findingsOf(file: string | undefined, flags: Flags): Promise<Finding[]> {
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
