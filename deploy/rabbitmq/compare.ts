/** What is not as it should be at a broker, each with what to do: what is wanted and what was found → differences. */
import { isDeepStrictEqual } from 'node:util';
import { readPart } from '../../core/part.ts';
import type { Found } from './found.ts';
import { rightsOf } from './rights.ts';
import { policiesOf, upstreamsOf, type Wanted } from './wanted.ts';

export interface Difference {
  /** `user`, `policy`, `upstream`, `cluster`, `queue` or `setting`. */
  readonly what: string;
  readonly text: string;
  readonly advice: string;
}

const apply = 'run sluice broker apply';

export function compare(wanted: Wanted, found: Found): Difference[] {
  if (!found.definitions.vhosts.some(({ name }) => name === wanted.vhost))
    return [{ what: 'vhost', text: `there is no virtual host ${wanted.vhost}`, advice: apply }, ...members(wanted, found)];
  return [
    ...members(wanted, found),
    ...users(wanted, found),
    ...policies(wanted, found),
    ...upstreams(wanted, found),
    ...queues(wanted, found),
  ];
}

function members({ nodes, tls }: Wanted, { running, apart, alarms, versions, settings }: Found): Difference[] {
  const of = (what: string, text: string, advice: string): Difference => ({ what, text, advice });
  const config = 'put the rabbitmq.conf of sluice broker files on each member, and restart them one by one';
  return [
    ...nodes
      .filter((node) => !running.includes(node))
      .map((node) => of('cluster', `${node} does not run`, 'start it; if it never joined, give it the settings of sluice broker files')),
    ...running
      .filter((node) => nodes.length > 0 && !nodes.includes(node))
      .map((node) =>
        of(
          'cluster',
          `${node} is a member that the file does not name`,
          `add it to nodes:, or take it out: rabbitmqctl forget_cluster_node ${node}`,
        ),
      ),
    ...(apart ? [of('cluster', 'its members were apart and have not come together', 'restart the members of the smaller side')] : []),
    ...(alarms > 0 ? [of('cluster', 'it is short of memory or disk, and takes nothing', 'see rabbitmqctl cluster_status; make room')] : []),
    ...(new Set(Object.values(versions)).size > 1
      ? [
          of(
            'cluster',
            `its members run different versions (${Object.entries(versions).join('; ').replaceAll(',', ' ')})`,
            'finish the upgrade',
          ),
        ]
      : []),
    ...(nodes.length > 1 && settings.partitions !== 'pause_minority'
      ? [of('setting', `cluster_partition_handling is ${settings.partitions}: two halves would each go on alone`, config)]
      : []),
    ...(tls && !settings.mechanisms.includes('EXTERNAL')
      ? [of('setting', 'hosts are not known by their certificates: EXTERNAL is missing', config)]
      : []),
  ];
}

/** Those that the file names, and every other that is named after a part of the tree: joined servers are in no file. */
function users({ vhost, users: names }: Wanted, { definitions }: Found): Difference[] {
  const present = new Map(definitions.users.map((user) => [user.name, user]));
  const missing = names.filter((name) => !present.has(name));
  const administrators = definitions.users.filter(({ tags }) => String(tags).includes('administrator')).map(({ name }) => name);
  const here = new Set(definitions.permissions.filter((one) => one.vhost === vhost).map(({ user }) => user));
  // A short name may be anyone's: only the file says that it is ours.
  const ours = [...present.keys()].filter(
    (name) => names.includes(name) || (here.has(name) && name.split('.').length >= 3 && readPart(name)),
  );
  return [
    ...missing.map((name): Difference => ({ what: 'user', text: `${name} is missing`, advice: `${apply}, or let it join` })),
    ...ours.filter((name) => !administrators.includes(name)).flatMap((name) => rights(vhost, name, definitions)),
    ...administrators
      .filter((name) => names.includes(name))
      .map(
        (name): Difference => ({
          what: 'user',
          text: `${name} is an administrator, and may do anything`,
          advice: `rabbitmqctl set_user_tags ${name}`,
        }),
      ),
  ];
}

function rights(vhost: string, name: string, { permissions, topic_permissions, users: all }: Found['definitions']): Difference[] {
  const { configure, write, read, topics, limits } = rightsOf(name);
  const has = permissions.find((one) => one.user === name && one.vhost === vhost);
  const own = topic_permissions.filter((one) => one.user === name && one.vhost === vhost);
  const wrong = [
    ...(['configure', 'write', 'read'] as const).filter((right) => has?.[right] !== { configure, write, read }[right]),
    ...topics
      .filter((topic) => !own.some((one) => one.exchange === topic.exchange && one.write === topic.write && one.read === topic.read))
      .map(({ exchange }) => `keys of ${exchange}`),
    ...(isDeepStrictEqual(all.find((one) => one.name === name)?.limits ?? {}, limits ?? {}) ? [] : ['limits']),
  ];
  if (wrong.length === 0) return [];
  return [{ what: 'user', text: `${name} has other rights than its name gives it (${wrong.join(', ')})`, advice: apply }];
}

function policies(wanted: Wanted, { definitions, queues: all }: Found): Difference[] {
  const here = definitions.policies.filter(({ vhost }) => vhost === wanted.vhost);
  const own = policiesOf(wanted);
  const lacking = own.flatMap((policy): Difference[] => {
    const has = here.find(({ name }) => name === policy.name);
    if (has && isDeepStrictEqual({ ...has, vhost: wanted.vhost }, { ...policy })) return [];
    return [{ what: 'policy', text: `${policy.name} is ${has ? 'another' : 'missing'}`, advice: apply }];
  });
  // Of several policies one alone counts.
  const above = here.filter(({ name, pattern, priority }) => {
    if (own.some((policy) => policy.name === name) || priority < 10) return false;
    return all.some((queue) => queue.name.startsWith('sluice.') && fits(pattern, queue.name));
  });
  return [
    ...lacking,
    ...above.map(
      ({ name }): Difference => ({
        what: 'policy',
        text: `${name} stands before those of sluice`,
        advice: `give it a priority below 10, or narrow its pattern`,
      }),
    ),
  ];
}

function fits(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    // RabbitMQ's expressions can more than ours: what cannot be told is not claimed.
    return false;
  }
}

function upstreams(wanted: Wanted, { definitions }: Found): Difference[] {
  return upstreamsOf(wanted).flatMap(({ name, value }): Difference[] => {
    const has = definitions.parameters.find(
      (one) => one.component === 'federation-upstream' && one.name === name && one.vhost === wanted.vhost,
    );
    if (has && isDeepStrictEqual(has.value, { ...value })) return [];
    return [{ what: 'upstream', text: `${name} is ${has ? 'another' : 'missing'}`, advice: apply }];
  });
}

function queues({ nodes }: Wanted, { queues: all }: Found): Difference[] {
  if (nodes.length < 2) return [];
  const ours = all.filter(({ name }) => /^sluice\./.test(name));
  const single = ours.filter(({ type, name }) => /classic/.test(type) && !/^sluice\.(agent\.|enrol$)/.test(name));
  const few = ours.filter(({ type, members: held }) => /quorum/.test(type) && held.length < Math.min(3, nodes.length));
  return [
    ...single.map(
      ({ name }): Difference => ({
        ...{ what: 'queue', text: `${name} is on one member alone, and away with it` },
        advice: `list several addresses in bus:, stop its reader, and delete it: rabbitmqctl delete_queue ${name}`,
      }),
    ),
    ...few.map(
      ({ name, members: held }): Difference => ({
        ...{ what: 'queue', text: `${name} is kept on ${held.length} of ${nodes.length} members` },
        advice: 'rabbitmq-queues grow <the other member> all',
      }),
    ),
  ];
}
