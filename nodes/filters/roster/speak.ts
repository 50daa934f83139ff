/** What the roster says: states of servers, and alerts with what to do. */
import { formatDuration, parse } from 'sluice';
import type { Beat, Known, Rival, Watcher } from './tables.ts';
import { type Firing, iso, type Over, type Spoken, verdictKey } from './tell.ts';

/** A server's name; of a process that beats for itself, what it is there. */
export function nameOf(server: string): string {
  const { host, resource } = parse(server);
  return resource.length === 0 ? host : `the ${resource.join(' ')} on ${host}`;
}

/** The present state of a server. `blind` goes before `alive`: only of one that was heard can it be lost. */
export function stateOf(server: string, known: Known, beat: Beat, watcher: Watcher): Spoken {
  const { company, system, environment, host, resource } = parse(server);
  const blind = watcher.told && watcher.blind !== undefined && known.status === 'alive';
  const { since, first, reason, within: _, person: __, ...rest } = known;
  const value = {
    company,
    system,
    environment,
    host,
    ...(resource.length > 0 && { process: resource.join(' ') }),
    ...rest,
    status: blind ? 'blind' : known.status,
    since: iso(blind ? (watcher.blind ?? since) : since),
    seen: iso(beat.seen),
    first: iso(first),
    ...(blind ? { reason: watcher.reason } : reason !== undefined && { reason }),
  };
  return { kind: 'state', key: verdictKey(server), data: { of: 'server', value } };
}

/** A server that nobody needs to know of any more. */
export const goneOf = (server: string): Spoken => ({ kind: 'state', key: verdictKey(server), data: { of: 'server', value: null } });

/** Nothing was heard of a server for its whole limit, in milliseconds. */
export function silence(server: string, beat: Beat, limit: number, at: number): Firing {
  const quiet = at - beat.seen;
  return {
    rule: 'silent',
    severity: 'critical',
    summary: `${nameOf(server)} is silent: no heartbeat for ${formatDuration(quiet)} (limit ${formatDuration(limit)})`,
    action:
      'see whether the server is up and reaches the network (its console, ping); if so, whether its agent runs: systemctl status sluice. Gone for good? sluice servers retire',
    value: quiet / 1000,
    threshold: limit / 1000,
    unit: 's',
    since: beat.seen,
    evidence: [beat.id],
  };
}

/** It is heard again, said goodbye after all, or is retired. `id`: the event that says so. */
export const silenceOver = (server: string, before: Beat, how: string, at: number, id: string): Over => ({
  rule: 'silent',
  severity: 'critical',
  summary: `${nameOf(server)} ${how} after ${formatDuration(Math.max(0, at - before.seen))} of silence`,
  evidence: [id],
});

/** A run, by what one would look for: its boot, and what it says of itself. */
function runOf(boot: string, labels: Known['labels']): string {
  const { address, ...rest } = labels;
  const words = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return [`boot ${boot.slice(0, 40)}`, ...(address ? [`at ${address}`] : []), ...words].join(', ').slice(0, 300);
}

/** Two runs take turns under one name. */
export const twins = (server: string, rival: Rival, own: Pick<Known, 'boot' | 'labels'>, at: number, id: string): Firing => ({
  rule: 'twins',
  severity: 'warning',
  summary: `two live agents say that they are ${nameOf(server)}: ${runOf(own.boot, own.labels)}; and ${runOf(rival.boot, rival.labels)}`,
  action: 'one may be a clone of the other: give it another host in its config (host:), or end the second agent on that machine',
  since: at,
  evidence: [id],
});

export const twinsOver = (server: string, id: string): Over => ({
  rule: 'twins',
  severity: 'warning',
  summary: `one agent is left that says that it is ${nameOf(server)}`,
  evidence: [id],
});

/** A clock that differs from the fleet's, in milliseconds. */
export const skewed = (server: string, ahead: number, limit: number, at: number, id: string): Firing => ({
  rule: 'skew',
  severity: 'warning',
  summary: `the clock of ${nameOf(server)} is ${formatDuration(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'} (limit ${formatDuration(limit)}): its events carry wrong times`,
  action: 'see whether it is synchronised: timedatectl, chronyc tracking',
  value: ahead / 1000,
  threshold: limit / 1000,
  unit: 's',
  since: at,
  evidence: [id],
});

export const skewOver = (server: string, id: string): Over => ({
  rule: 'skew',
  severity: 'warning',
  summary: `the clock of ${nameOf(server)} is right again`,
  evidence: [id],
});
