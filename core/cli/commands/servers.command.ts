/** `sluice servers`: the servers that are known by their heartbeats, and how they are; `retire` says that one is gone for good. */
import type { Command } from 'commander';
import type { ServerState } from '../../states.ts';
import { type RemoteFlags, withRemote } from '../options.ts';
import { type Cell, json, type Paint, paintFor, print, table } from '../screen.ts';

interface RetireFlags extends RemoteFlags {
  readonly state?: string;
  readonly reason?: string;
  readonly json?: boolean;
}

export default function addServers(program: Command): void {
  const servers = withRemote(program.command('servers'))
    .description('list the servers that are known by their heartbeats')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice servers --bus amqp://mq1/sluice')
    .action(async (flags: RemoteFlags & { readonly json?: boolean }) => {
      const { withOpen } = await import('../remote.ts');
      const servers = await withOpen(flags, (remote) => remote.states('server'));
      if (flags.json) return print(`${json(servers, 2)}\n`);
      if (servers.length === 0) return print('no servers yet: one is known from its first heartbeat on\n');
      await print(await listed(servers));
    });
  withRemote(servers.command('retire'))
    .description('say that a silent server is gone for good; heard again, it is alive again')
    .argument('<host>', 'its name, or its place and name as in acme.shop.prod.web-7')
    .option('--reason <text>', 'why, for whoever asks later')
    .option('--state <folder>', 'the state of the running sluice that publishes it')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice servers retire web-7 --reason "sold"')
    // Flags before the word `retire` are the list's own.
    .action(async (host: string, flags: RetireFlags, command: Command) => {
      const { retire } = await import('../retire.ts');
      const given = command.optsWithGlobals() as RetireFlags;
      const retired = await retire(host, { ...given, ...flags });
      await print(flags.json || given.json ? `${json(retired, 2)}\n` : `${retired.host} is retired: ${retired.reason}\n`);
    });
}

async function listed(servers: readonly ServerState[]): Promise<string> {
  const { formatDuration, systemClock } = await import('../../clock.ts');
  const paint = paintFor(process.stdout);
  const now = systemClock.now();
  const age = (instant: string) => formatDuration(Math.max(0, now - Date.parse(instant)));
  const rows = servers.map((server): Cell[] => [
    [server.host, server.process].filter(Boolean).join(' '),
    `${server.company}.${server.system}.${server.environment}`,
    [server.status, colourOf(server.status, paint)],
    age(server.since),
    // A state is told when it changes: that a server is alive means that it was heard within its limit.
    server.status === 'alive' ? 'lately' : `${age(server.seen)} ago`,
    server.skew === undefined ? '' : `${formatDuration(Math.abs(server.skew) * 1000)} ${server.skew > 0 ? 'ahead' : 'behind'}`,
    server.reason ?? '',
    Object.entries(server.labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
  ]);
  return table(['HOST', 'PLACE', 'STATUS', 'FOR', 'SEEN', 'CLOCK', 'WHY', 'LABELS'], rows, paint);
}

function colourOf(status: ServerState['status'], paint: Paint): (text: string) => string {
  if (status === 'alive') return paint.green;
  return status === 'silent' ? paint.red : status === 'blind' ? paint.yellow : paint.dim;
}
