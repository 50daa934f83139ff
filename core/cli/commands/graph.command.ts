/**
 * `sluice graph`: who feeds whom. Drawn from what each node says that it reads and writes, so it is what runs now, and not
 * what someone once drew. A kind joins all of its writers to all of its readers, whichever keys they have in mind.
 */
import type { Command } from 'commander';
import type { NodeState } from '../../states.ts';
import { type RemoteFlags, withRemote } from '../options.ts';
import { json, paintFor, print, table } from '../screen.ts';

/** A pipe: its kind, the names of those who write it, and of those who read it. */
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

/** What every process writes by itself, whichever nodes it runs. */
const ownKinds: readonly string[] = ['heartbeat', 'log', 'state', 'dead'];

function pipesOf(kinds: readonly string[], nodes: readonly NodeState[]): PipeOf[] {
  const running = nodes.filter(({ status }) => status !== 'stopped');
  const namesOf = (some: readonly NodeState[]) => [...new Set(some.map(({ name }) => name))].sort();
  return kinds.flatMap((kind) => {
    const writers = namesOf(running.filter(({ out }) => out.includes(kind)));
    const readers = running.filter((node) => node.in.some((topic) => topic.kind === kind));
    const from = running.length > 0 && ownKinds.includes(kind) ? ['(sluice)', ...writers] : writers;
    // Sinks read whatever comes; a filter that waits for what nobody writes is worth a line.
    const matters = from.length > 0 || readers.some(({ sort }) => sort !== 'sink');
    return matters ? [{ kind, from, to: namesOf(readers) }] : [];
  });
}
