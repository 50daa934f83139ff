/** What the roster says: states of servers, and alerts with what to do. */
import { type Data, type Draft, formatDuration, key, parse } from 'sluice';
import type { Beat, Known, Rival, Watcher } from './tables.ts';

export type Spoken = Draft<'alert' | 'state'>;

const iso = (time: number): string => new Date(time).toISOString();
const within = (server: string, ...resource: string[]): string => key({ ...parse(server), resource });

/** The present state of a server. `blind` goes before `alive`: only of one that was heard can it be lost. */
export function stateOf(server: string, known: Known, beat: Beat, watcher: Watcher): Spoken {
  const { company, system, environment, host } = parse(server);
  const blind = watcher.told && watcher.blind !== undefined && known.status === 'alive';
  const { since, first, reason, ...rest } = known;
  const value = {
    company,
    system,
    environment,
    host,
    ...rest,
    status: blind ? 'blind' : known.status,
    since: iso(blind ? (watcher.blind ?? since) : since),
    seen: iso(beat.seen),
    first: iso(first),
    ...(blind ? { reason: watcher.reason } : reason !== undefined && { reason }),
  };
  return { kind: 'state', key: within(server, 'server'), data: { of: 'server', value } };
}

/** A server that nobody needs to know of any more. */
export const goneOf = (server: string): Spoken => ({ kind: 'state', key: within(server, 'server'), data: { of: 'server', value: null } });

function alert(server: string, about: Omit<Data<'alert'>, 'since'> & { since: number }): Spoken[] {
  const data = { ...about, since: iso(about.since) };
  const causes = about.evidence;
  return [
    { kind: 'alert', key: within(server, 'server'), data, causes },
    {
      kind: 'state',
      key: within(server, 'alert', about.rule, 'server'),
      data: { of: 'alert', value: about.status === 'firing' ? data : null },
      causes,
    },
  ];
}

/** Nothing was heard of a server for its whole limit, in milliseconds. */
export function silence(server: string, beat: Beat, limit: number, at: number): Spoken[] {
  const { host } = parse(server);
  const quiet = at - beat.seen;
  return alert(server, {
    rule: 'silent',
    status: 'firing',
    severity: 'critical',
    summary: `${host} is silent: no heartbeat for ${formatDuration(quiet)} (limit ${formatDuration(limit)})`,
    action:
      'see whether the server is up and reaches the network (its console, ping); if so, whether its agent runs: systemctl status sluice',
    value: quiet / 1000,
    threshold: limit / 1000,
    unit: 's',
    since: beat.seen,
    evidence: [beat.id],
  });
}

/** It is heard again, or said goodbye after all. `id`: the heartbeat that says so. */
export function silenceOver(server: string, before: Beat, how: string, at: number, id: string): Spoken[] {
  return alert(server, {
    rule: 'silent',
    status: 'resolved',
    severity: 'critical',
    summary: `${parse(server).host} ${how} after ${formatDuration(Math.max(0, at - before.seen))} of silence`,
    since: before.seen,
    evidence: [...new Set([before.id, id])],
  });
}

/** Two runs take turns under one name. */
export function twins(server: string, rival: Rival, boot: string, status: 'firing' | 'resolved', at: number, id: string): Spoken[] {
  const { host } = parse(server);
  return alert(server, {
    rule: 'twins',
    status,
    severity: 'warning',
    summary:
      status === 'firing'
        ? `two live agents say that they are ${host} (boots ${rival.boot.slice(0, 40)} and ${boot.slice(0, 40)}): they cannot be told apart`
        : `one agent is left that says that it is ${host}`,
    ...(status === 'firing' && { action: 'give one of them another host: in its config, or end the second agent on that machine' }),
    since: rival.told ?? at,
    evidence: [id],
  });
}
