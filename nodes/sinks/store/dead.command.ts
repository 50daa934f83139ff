/**
 * `sluice dead`: what could not be handled, event by event: listed, shown whole, and given again to the one node that refused it,
 * once what stood in the way is mended. The history is asked; the process that runs the node does the rest, and audits it.
 */
import type { Command } from 'commander';
import type { Answer, QueryLimits } from 'sluice';
import { type RemoteFlags, withRemote } from '../../../core/cli/options.ts';

interface DeadFlags extends RemoteFlags {
  readonly state?: string;
  readonly json?: boolean;
}
interface ListFlags extends DeadFlags {
  readonly node?: string;
  readonly kind?: string;
  readonly host?: string;
  readonly reason?: string;
  readonly since: string;
  readonly limit: number;
}

const limits = { time: 30_000, rows: 1 };
/** A node that waits for its database takes its time. */
const patienceMs = 60_000;

export default function addDead(program: Command): void {
  const dead = program.command('dead').description('what could not be handled: list it, show it, give it again');
  withRemote(dead.command('list'))
    .description('list dead letters, the latest first')
    .option('--node <name>', 'refused by this node')
    .option('--kind <kind>', 'of this kind')
    .option('--host <host>', 'refused on this host')
    .option('--reason <text>', 'with this in the reason')
    .option('--since <duration>', 'how far back', '7d')
    .option('--limit <rows>', 'the most rows', (text) => Number(text), 100)
    .option('--state <folder>', 'the state whose history is opened when no sluice runs')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice dead list --node threshold --since 1d')
    .action(list);
  withRemote(dead.command('show'))
    .description('show one whole, with the event that could not be handled')
    .argument('<id>')
    .option('--state <folder>', 'the state whose history is opened when no sluice runs')
    .option('--json', 'print JSON')
    .action(show);
  withRemote(dead.command('replay'))
    .description('give its event again to the one node that refused it, and to no other')
    .argument('<id>')
    .option('--state <folder>', 'the state of the process that runs the node')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice dead replay <id> --state /var/lib/sluice')
    .action(replay);
}

const screen = () => import('../../../core/cli/screen.ts');

async function list(flags: ListFlags): Promise<void> {
  const [{ print, json, table, paintFor, remark }, { listSql, lettersOf }, { duration, UsageError }] = await Promise.all([
    screen(),
    import('./dead.ts'),
    import('sluice'),
  ]);
  const seconds = (duration(flags.since) ?? 0) / 1000;
  if (!(seconds > 0)) throw new UsageError('--since is a duration; write 12h or 7d');
  if (!(Number.isInteger(flags.limit) && flags.limit > 0)) throw new UsageError('--limit is a whole number from 1');
  const answer = await ask(listSql({ ...flags, seconds }), { ...limits, rows: flags.limit }, flags);
  const letters = lettersOf(answer);
  if (flags.json) return print(`${json(letters, 2)}\n`);
  if (letters.length === 0) return print(`no dead letter in the last ${flags.since}\n`);
  const rows = letters.map(({ time, node, host, kind, key, reason, id }) => [time, node, host, kind, key ?? '', short(reason), id]);
  await print(table(['TIME (UTC)', 'NODE', 'ON', 'KIND', 'KEY', 'REASON', 'ID'], rows, paintFor(process.stdout)));
  if (answer.cut) remark(`sluice: dead: cut at ${letters.length}; raise --limit to see more`);
}

async function letterOf(id: string, flags: DeadFlags) {
  const { showSql, oneLetter } = await import('./dead.ts');
  return oneLetter(await ask(showSql(id), limits, flags), id);
}

async function show(id: string, flags: DeadFlags): Promise<void> {
  const { print, json, inert } = await screen();
  const letter = await letterOf(id, flags);
  if (flags.json) return print(`${json(letter, 2)}\n`);
  const { original, ...rest } = letter;
  const lines = Object.entries(rest).map(([name, value]) => `${name.padEnd(8)} ${inert(String(value ?? ''))}`);
  await print(`${lines.join('\n')}\n\n${readable(original, json, inert)}\n`);
}

/** The event on lines of its own where it is one; else as much of the bytes as was kept. */
function readable(original: string, json: (value: unknown, indent: number) => string, inert: (text: string) => string): string {
  try {
    return json(JSON.parse(original), 2);
  } catch {
    return inert(original);
  }
}

async function replay(id: string, flags: DeadFlags): Promise<void> {
  const [{ print, json }, { SluiceError }, { configOf }, { sendControl }] = await Promise.all([
    screen(),
    import('sluice'),
    import('../../../core/cli/options.ts'),
    import('../../../core/cli/control-client.ts'),
  ]);
  const letter = await letterOf(id, flags);
  if (letter.reason.startsWith('sluice: trust:') || letter.reason.startsWith('trust:'))
    throw new SluiceError(`dead: ${letter.kind} was not believed (${short(letter.reason)}); who may say it must say it again`);
  if (flags.url !== undefined) throw new SluiceError('dead: replay is done on the machine whose node it is; leave --url out there');
  const { state } = await configOf(flags.config, { state: flags.state });
  const request = { node: letter.node, letter: letter.id, kind: letter.kind, event: letter.original };
  const result = await sendControl(state, { replay: request }, patienceMs);
  if (result !== 'handled') throw new SluiceError(`dead: ${letter.node} refused it again; sluice dead list --node ${letter.node} says why`);
  await print(flags.json ? `${json({ id: letter.id, node: letter.node, result })}\n` : `${letter.node} has handled it\n`);
}

async function ask(sql: string, limits: QueryLimits, { config: file, port, bus, state, url, ca, tokenFile }: DeadFlags): Promise<Answer> {
  const [{ configOf }, { reachOf }, { askHistory }, { systemClock }] = await Promise.all([
    import('../../../core/cli/options.ts'),
    import('../../../core/cli/reach.ts'),
    import('./ask.ts'),
    import('../../../core/clock.ts'),
  ]);
  const { settings } = await configOf(file, { port, bus, state });
  return askHistory(sql, limits, { way: reachOf({ settings }, { port, url, ca, tokenFile }), state: settings.state, now: systemClock.now });
}

const short = (reason: string): string => {
  const line = reason.replace(/^sluice: /, '').split('\n')[0] ?? '';
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
};
