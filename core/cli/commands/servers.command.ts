/** `sluice servers`: the servers that are known by their heartbeats, and how they are. */
import type { Command } from 'commander';
import type { ServerState } from '../../states.ts';
import { type RemoteFlags, withRemote } from '../options.ts';
import { json, type Paint, paintFor, print, table } from '../screen.ts';

export default function addServers(program: Command): void {
  withRemote(program.command('servers'))
    .description('list the servers that are known by their heartbeats')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice servers --bus amqp://mq1/sluice')
    .action(async (flags: RemoteFlags & { readonly json?: boolean }) => {
      const [{ withOpen }, { formatDuration, systemClock }] = await Promise.all([import('../remote.ts'), import('../../clock.ts')]);
      const servers = await withOpen(flags, (remote) => remote.states('server'));
      if (flags.json) return print(`${json(servers, 2)}\n`);
      if (servers.length === 0) return print('no servers yet: one is known from its first heartbeat on\n');
      const paint = paintFor(process.stdout);
      const now = systemClock.now();
      const age = (instant: string) => formatDuration(Math.max(0, now - Date.parse(instant)));
      const rows = servers.map((server) => [
        [server.host, server.process].filter(Boolean).join(' '),
        `${server.company}.${server.system}.${server.environment}`,
        [server.status, colourOf(server.status, paint)] as const,
        age(server.since),
        // A state is told when it changes: that a server is alive means that it was heard within its limit.
        server.status === 'alive' ? 'lately' : `${age(server.seen)} ago`,
        server.reason ?? '',
        Object.entries(server.labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
      ]);
      await print(table(['HOST', 'PLACE', 'STATUS', 'FOR', 'SEEN', 'WHY', 'LABELS'], rows, paint));
    });
}

function colourOf(status: ServerState['status'], paint: Paint): (text: string) => string {
  if (status === 'alive') return paint.green;
  return status === 'silent' ? paint.red : status === 'blind' ? paint.yellow : paint.dim;
}
