/** `sluice nodes`: the tiny programs that run, what each has handled, and what ails it. */
import type { Command } from 'commander';
import type { NodeState } from '../../states.ts';
import { type RemoteFlags, withRemote } from '../options.ts';
import { json, type Paint, paintFor, print, table } from '../screen.ts';

export default function addNodes(program: Command): void {
  withRemote(program.command('nodes'))
    .description('list the nodes that run, with their health')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice nodes --json')
    .action(async (flags: RemoteFlags & { readonly json?: boolean }) => {
      const [{ withOpen }, { formatDuration }] = await Promise.all([import('../remote.ts'), import('../../clock.ts')]);
      const nodes = await withOpen(flags, (remote) => remote.states('node'));
      if (flags.json) return print(`${json(nodes, 2)}\n`);
      if (nodes.length === 0) return print('no nodes yet: each says that it runs within a minute\n');
      const paint = paintFor(process.stdout);
      // A column that is empty for nearly everyone is shown to those who share nodes.
      const shared = nodes.some(({ partitions }) => partitions !== undefined);
      const rows = nodes.map(({ name, sort, host, status, events, lag, errors, error, partitions }) => [
        name,
        sort,
        host,
        ...(shared ? [partitions ? `${ranges(partitions.held) || 'none'} of ${partitions.of}` : ''] : []),
        [status, colourOf(status, paint)] as const,
        String(events.in),
        String(events.out),
        String(events.dead + events.dropped),
        lag === undefined ? '' : formatDuration(Math.max(0, lag)),
        error ?? (errors > 0 ? `${errors} errors` : ''),
      ]);
      const columns = ['NODE', 'SORT', 'HOST', ...(shared ? ['PARTITIONS'] : [])];
      await print(table([...columns, 'STATUS', 'IN', 'OUT', 'LOST', 'LAG', 'ERROR'], rows, paint));
    });
}

/** Numbers in order, with those that follow each other as ranges: `0-3 6`. */
function ranges(numbers: readonly number[]): string {
  const found: [from: number, to: number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(' ');
}

function colourOf(status: NodeState['status'], paint: Paint): (text: string) => string {
  if (status === 'running') return paint.green;
  return status === 'failing' ? paint.red : status === 'starting' ? paint.yellow : paint.dim;
}
