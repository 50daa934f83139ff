/**
 * A person's word that a server is gone for good, as a command to the roster (`nodes/filters/roster/retire.ts`); and the wait
 * until its state says that it was taken.
 */
import { userInfo } from 'node:os';
import { systemClock } from '../clock.ts';
import { SluiceError, UsageError } from '../errors.ts';
import { key } from '../key.ts';
import type { ServerState } from '../states.ts';
import type { RemoteFlags } from './options.ts';
import { type Remote, withOpen } from './remote.ts';

export interface Retiring extends RemoteFlags {
  readonly state?: string;
  readonly reason?: string;
}

/** How long the roster may take, and how often its word is looked for. Milliseconds. */
const patience = 10_000;
const look = 250;

/** @throws SluiceError when there is no such server, when it is alive, or when no roster answers. */
export async function retire(name: string, { reason, ...flags }: Retiring): Promise<ServerState> {
  return withOpen(flags, async (remote) => {
    const server = chosen(await remote.states('server'), name);
    if (server.status === 'alive') throw new SluiceError(`${name} is alive; stop sluice on it, which then says goodbye itself`);
    if (server.status === 'retired') return server;
    const about = keyOf(server);
    const args = { by: personOf(), ...(reason !== undefined && { reason }) };
    await remote.emit({ kind: 'command', key: about, data: { action: 'retire', to: 'roster', arguments: args } });
    return retired(remote, server);
  });
}

async function retired(remote: Remote, server: ServerState): Promise<ServerState> {
  const end = systemClock.monotonic() + patience;
  while (systemClock.monotonic() < end) {
    await systemClock.sleep(look);
    const now = (await remote.states('server')).find((one) => keyOf(one) === keyOf(server));
    if (now?.status === 'retired') return now;
    if (now?.status === 'alive') throw new SluiceError(`${server.host} was heard again, and is alive`);
  }
  throw new SluiceError(`no roster answers; see whether one runs: sluice nodes`);
}

/** By its name, where only one has it, or by its place and name. */
function chosen(servers: readonly ServerState[], name: string): ServerState {
  const found = servers.filter((server) => name === nameOf(server) || name === `${placeOf(server)}.${nameOf(server)}`);
  const [one, ...others] = found;
  if (one === undefined) throw new SluiceError(`no server is named ${name}; sluice servers lists those that are known`);
  if (others.length > 0)
    throw new UsageError(
      `${found.length} servers are named ${name}; name one of ${found.map((each) => `${placeOf(each)}.${nameOf(each)}`).join(', ')}`,
    );
  return one;
}

const placeOf = ({ company, system, environment }: ServerState): string => `${company}.${system}.${environment}`;
const nameOf = ({ host, process }: ServerState): string => [host, process].filter(Boolean).join(' ');

function keyOf({ company, system, environment, host, process }: ServerState): string {
  return key({ company, system, environment, host, resource: ['server', ...(process?.split(' ') ?? [])] });
}

function personOf(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name, as containers have it.
    return String(process.getuid?.() ?? 'unknown');
  }
}
