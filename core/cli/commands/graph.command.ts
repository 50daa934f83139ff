/**
 * `sluice graph`: who feeds whom. Drawn from what each node says that it reads and writes, so it is what runs now, and not
 * what someone once drew. Writers are joined to those readers that can have a key in common with them.
 */
import type { Command } from 'commander';
import { type Keyed, processKinds, processName, waysOf } from '../../pipes.ts';
import type { NodeState } from '../../states.ts';
import { type RemoteFlags, withRemote } from '../options.ts';
import { json, paintFor, print, table } from '../screen.ts';

/** A pipe, or a part of it: its kind, the names of those who write it, and of those who read what they write. */
interface PipeOf {
  readonly kind: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

export default function addGraph(program: Command): void {
  withRemote(program.command('graph'))
    .description('show who feeds whom: the pipes, their writers and their readers')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice graph')
    .action(async (flags: RemoteFlags & { readonly json?: boolean }) => {
      const [{ withOpen }, { kindNames }] = await Promise.all([import('../remote.ts'), import('../../kinds.ts')]);
      const pipes = pipesOf(kindNames, await withOpen(flags, (remote) => remote.states('node')));
      if (flags.json) return print(`${json(pipes, 2)}\n`);
      if (pipes.length === 0) return print('no pipes yet: each node says within a minute what it reads and writes\n');
      const paint = paintFor(process.stdout);
      const names = (all: readonly string[]) => (all.length > 0 ? all.join(' ') : (['nobody', paint.yellow] as const));
      const rows = pipes.map(({ kind, from, to }) => [names(from), '→', [kind, paint.bold] as const, '→', names(to)]);
      await print(table(['WRITERS', '', 'KIND', '', 'READERS'], rows, paint));
    });
}

function pipesOf(kinds: readonly string[], nodes: readonly Keyed<NodeState>[]): PipeOf[] {
  const running = nodes.filter(({ status }) => status !== 'stopped');
  const ways = waysOf(running);
  return kinds.flatMap((kind) => {
    const writers = namesOf(running.filter(({ out }) => out.includes(kind)));
    const all = running.length > 0 && processKinds.includes(kind) ? [processName, ...writers] : writers;
    // Those who hear the same writers share a line.
    const readers = new Map<string, { from: string[]; to: string[] }>();
    for (const to of namesOf(running.filter((node) => node.in.some((topic) => topic.kind === kind)))) {
      const from = all.filter((name) => ways.some((way) => way.kind === kind && way.from === name && way.to === to));
      const same = readers.get(from.join('\n')) ?? { from, to: [] };
      readers.set(from.join('\n'), same);
      same.to.push(to);
    }
    if (readers.size === 0 && all.length > 0) readers.set('', { from: all, to: [] });
    const isSink = (name: string) => running.some((node) => node.name === name && node.sort === 'sink');
    return (
      [...readers.values()]
        // Sinks read whatever comes; a filter that waits for what nobody writes is worth a line.
        .filter(({ from, to }) => from.length > 0 || !to.every(isSink))
        .map(({ from, to }) => ({ kind, from: from.map(shown), to }))
    );
  });
}

const namesOf = (some: readonly NodeState[]) => [...new Set(some.map(({ name }) => name))].sort();
/** The processes are no node of that name. */
const shown = (name: string) => (name === processName ? `(${processName})` : name);
