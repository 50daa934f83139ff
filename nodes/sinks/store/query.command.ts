/**
 * `sluice query`: asks what was kept, in SQL or by the name of a question. The running sluice is asked; where none answers
 * and no process holds the history, its files are opened here.
 */
import type { Command } from 'commander';
import type { Answer, QueryLimits } from 'sluice';
import { type RemoteFlags, withRemote } from '../../../core/cli/options.ts';
import { questions } from './questions.ts';

interface QueryFlags extends RemoteFlags {
  readonly host?: string;
  readonly since: string;
  readonly limit: number;
  readonly timeout: string;
  readonly state?: string;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly parquet?: string;
}

const names = Object.entries(questions).map(([name, { doc }]) => `  ${name.padEnd(16)} ${doc}`);
const help = `
Questions:
${names.join('\n')}

Views for SQL (times are UTC):
  points  time, received, company, system, environment, host, resource, name, value, unit, type, attributes, event, key
  stats   time, received, company … resource, name, unit, attributes, since, seconds, count, sum, min, max, mean, last, sketch, event, key
          (a row per series and window of a rollup, by minute, ten minutes and hour: what is left of points that are too old)
  events  number, time, received, kind, key, company … resource, id, source, bootid, sequence, rest, data
  logs    time, received, company … resource, severity, body, fields, event
  alerts  time, received, company … resource, rule, status, severity, summary, value, threshold, unit, since, event
  audit   time, received, company … resource, who, did, "to", detail, event
  servers time, received, company … host, status, boot, labels, event

Examples: sluice query disk-fill --host web-1 --since 30d
          sluice query "SELECT host, max(value) FROM points WHERE name = 'system.memory.utilization' GROUP BY host"`;

export default function addQuery(program: Command): void {
  withRemote(program.command('query'))
    .description('ask the history: SQL that reads, or a question by its name')
    .argument('<question>', 'a SELECT, or the name of a question')
    .option('--host <host>', "a question's: this host only")
    .option('--since <duration>', "a question's: how far back", '1d')
    .option('--limit <rows>', 'the most rows', (text) => Number(text), 1000)
    .option('--timeout <duration>', 'the longest that it may take', '30s')
    .option('--state <folder>', 'the state whose history is opened when no sluice runs')
    .option('--csv', 'print CSV')
    .option('--json', 'print JSON')
    .option('--parquet <file>', 'write a new Parquet file instead')
    .addHelpText('after', help)
    .action(async (question: string, flags: QueryFlags) => {
      const [{ print, remark }, { showAnswer }, { duration, UsageError }] = await Promise.all([
        import('../../../core/cli/screen.ts'),
        import('./show.ts'),
        import('sluice'),
      ]);
      const [seconds, time] = [(duration(flags.since) ?? 0) / 1000, duration(flags.timeout) ?? 0];
      if (!(seconds > 0 && time > 0)) throw new UsageError('--since and --timeout are durations; write 30s, 12h or 7d');
      if (!(Number.isInteger(flags.limit) && flags.limit > 0)) throw new UsageError('--limit is a whole number from 1');
      if ([flags.csv, flags.json, flags.parquet].filter((way) => way !== undefined).length > 1)
        throw new UsageError('--csv, --json and --parquet are ways to have the answer; choose one');
      const answer = await ask(await sqlFor(question, flags.host, seconds), { time, rows: flags.limit }, flags);
      if (flags.parquet !== undefined) {
        const { writeParquet } = await import('./parquet.ts');
        await writeParquet(answer, flags.parquet);
        await print(`${answer.rows.length} rows in ${flags.parquet}\n`);
      } else await print(showAnswer(answer, flags.csv ? 'csv' : flags.json ? 'json' : 'table'));
      if (answer.rows.length === 0 && Object.hasOwn(questions, question))
        remark(
          `sluice: query: nothing is kept of that in the last ${flags.since}${flags.host === undefined ? '' : ` of the host ${flags.host}`}; --since looks further back`,
        );
      if (answer.cut) remark(`sluice: query: cut at ${answer.rows.length} rows; raise --limit to see more`);
    });
}

/** One word is the name of a question; SQL has more. */
async function sqlFor(question: string, host: string | undefined, seconds: number): Promise<string> {
  const [{ sqlOf }, { UsageError }, { nearest }] = await Promise.all([
    import('./questions.ts'),
    import('sluice'),
    import('../../../core/config.ts'),
  ]);
  const known = Object.hasOwn(questions, question) ? questions[question] : undefined;
  if (known) return sqlOf(known, { host, seconds });
  if (host !== undefined) throw new UsageError('--host goes with a question; in SQL write WHERE host = …');
  if (/\s/.test(question.trim())) return question;
  const near = nearest(question, Object.keys(questions));
  throw new UsageError(`"${question}" is no question; ${near ? `did you mean "${near}"?` : 'sluice query --help lists them'}`);
}

async function ask(sql: string, limits: QueryLimits, { config: file, port, bus, state, url, ca, tokenFile }: QueryFlags): Promise<Answer> {
  const [{ configOf }, { reachOf }, { askHistory }, { systemClock }] = await Promise.all([
    import('../../../core/cli/options.ts'),
    import('../../../core/cli/reach.ts'),
    import('./ask.ts'),
    import('../../../core/clock.ts'),
  ]);
  const { settings } = await configOf(file, { port, bus, state });
  return askHistory(sql, limits, { way: reachOf({ settings }, { port, url, ca, tokenFile }), state: settings.state, now: systemClock.now });
}
