/**
 * `sluice emit`: one event into a pipe, from a person or a script. Its data is checked before it is sent, with the schema
 * that every reader uses.
 */
import type { Command } from 'commander';
import { messageOf, SluiceError, UsageError } from '../../errors.ts';
import type { Kind } from '../../kinds.ts';
import { type FieldFlags, kindOf, type RemoteFlags, withRemote } from '../options.ts';
import { inert, json, print } from '../screen.ts';

interface EmitFlags extends RemoteFlags, FieldFlags {
  readonly state?: string;
  readonly name?: string;
  readonly value?: string;
  readonly unit?: string;
  readonly data?: string;
  readonly json?: boolean;
}

const maxInputBytes = 1_048_576;

export default function addEmit(program: Command): void {
  withRemote(program.command('emit'))
    .description('publish one event: a metric by name and value, any kind by its data')
    .argument('<kind>')
    .option('--resource <words>', 'what it is about on its host, as in queue.orders')
    .option('--host <host>', "which host it is about (default: the process's own)")
    .option('--name <name>', 'of a metric: its name')
    .option('--value <number>', 'of a metric: its value')
    .option('--unit <unit>', 'of a metric: its unit, as in By, s or 1')
    .option('--data <json>', "the event's data; without it and without --name, it is read from standard input")
    .option('--state <folder>', 'the state of the running sluice that publishes it')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice emit metric --resource queue.orders --name queue.length --value 12')
    .action((kind: string, flags: EmitFlags) => emit(kind, flags));
}

async function emit(name: string, flags: EmitFlags): Promise<void> {
  const kind = await kindOf(name);
  const data = await checked(kind, await dataOf(kind, flags));
  const { withOpen } = await import('../remote.ts');
  const key = await keyFrom(flags);
  const id = await withOpen(flags, (remote) => remote.emit({ kind, key, data }));
  await print(flags.json ? `${json({ id })}\n` : `sent ${inert(id)}\n`);
}

async function dataOf(kind: Kind, { name, value, unit, data }: EmitFlags): Promise<unknown> {
  if (name !== undefined || value !== undefined || unit !== undefined) {
    if (kind !== 'metric' || data !== undefined) throw new UsageError('--name, --value and --unit make a metric, without --data');
    if (name === undefined || value === undefined) throw new UsageError('a metric needs both --name and --value');
    if (value.trim() === '' || !Number.isFinite(Number(value))) throw new UsageError(`--value "${value}" is no number`);
    return { points: [{ name, value: Number(value), ...(unit !== undefined && { unit }) }] };
  }
  try {
    return JSON.parse(data ?? (await standardInput()));
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    throw new UsageError(`${data === undefined ? 'standard input' : '--data'} is not JSON: ${messageOf(thrown)}`);
  }
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError('what should it say? give --data, --name and --value, or JSON on standard input');
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.length > maxInputBytes) throw new UsageError('standard input is over 1 MiB, the largest event; split it');
  }
  return text;
}

async function checked<K extends Kind>(kind: K, data: unknown) {
  const [{ kinds }, { problemsOf }, { unfit }] = await Promise.all([
    import('../../kinds.ts'),
    import('../../config/problems.ts'),
    import('../../json.ts'),
  ]);
  const flaw = unfit(data);
  if (flaw) throw new UsageError(`data: ${flaw}`);
  const { schema } = kinds[kind];
  const result = schema.safeParse(data);
  if (result.success) return data as never;
  const [problem] = problemsOf(result.error, schema, data);
  throw new UsageError(`data of ${kind}: ${problem?.text ?? 'does not fit its schema'}`);
}

/** The resource words of something on the process's own host; or of another host at the config's place, a whole key. */
async function keyFrom({ resource, host, config, ...flags }: EmitFlags): Promise<string | string[]> {
  const { key, unescapeWord } = await import('../../key.ts');
  const words = resource === undefined ? [] : resource.split('.').map(unescapeWord);
  if (host === undefined) return words;
  const { configOf } = await import('../options.ts');
  const { place } = await configOf(config, flags.bus === undefined ? {} : { bus: flags.bus });
  return key({ ...place, host, resource: words });
}
