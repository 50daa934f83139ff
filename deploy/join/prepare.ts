/**
 * What sluice needs at a broker: a virtual host, an exchange for each kind, the stream of states, the way in for new servers,
 * policies, and users with the least rights that do. Safe to do again: nothing that is there loses anything.
 */
import { kindNames } from 'sluice';
import { enrolment } from '../../core/bus/asking.ts';
import { stateArguments } from '../../core/bus/topology.ts';
import { stateStream } from '../../core/bus/wire.ts';
import { definitionsOf, rightsOf } from '../rabbitmq/rights.ts';
import { enrolHost } from './judge.ts';
import type { Management } from './management.ts';
import { userOfToken } from './token.ts';

const MiB = 1024 * 1024;
const exact = (...names: string[]): string => `^(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})\\z`;
const none = '(?!)';

/** The user as whom a hub lets servers in: an administrator of the broker, and beside that no more than its work asks for. */
export const enrolUser = (place: string): string => `${place}.${enrolHost}`;

/** The virtual host and the administrator of it, who may do all in it until {@link limitEnroller}. */
export async function makeEnroller(management: Management, vhost: string, name: string, password: string): Promise<void> {
  await management.call('PUT', ['vhosts', vhost], { description: 'sluice' });
  await management.call('PUT', ['users', name], { password, tags: 'administrator' });
  await management.call('PUT', ['permissions', vhost, name], { configure: '.*', write: '.*', read: '.*' });
}

/** What is in the virtual host. */
export async function prepareVhost(management: Management, vhost: string): Promise<void> {
  await Promise.all(
    kindNames.map((kind) => management.call('PUT', ['exchanges', vhost, `sluice.${kind}`], { type: 'topic', durable: true })),
  );
  // What an agent may not make is there before it comes.
  await management.call('PUT', ['queues', vhost, stateStream], { durable: true, arguments: stateArguments });
  await management.call('POST', ['bindings', vhost, 'e', 'sluice.state', 'q', stateStream], { routing_key: '#' });
  await management.call('PUT', ['exchanges', vhost, enrolment], { type: 'direct', durable: true });
  // Who waits longer has given up: what nobody reads any more does not fill a broker.
  await management.call('PUT', ['queues', vhost, enrolment], {
    durable: true,
    arguments: {
      'x-queue-type': 'classic',
      'x-max-length': 1000,
      'x-max-length-bytes': 8 * MiB,
      'x-message-ttl': 60_000,
      'x-overflow': 'reject-publish',
    },
  });
  await management.call('POST', ['bindings', vhost, 'e', enrolment, 'q', enrolment], { routing_key: enrolment });
}

/** Takes the place of a user's password, or makes the user, with the rights of its part of the tree. */
export async function putUser(management: Management, vhost: string, name: string, password: string): Promise<void> {
  await management.call('POST', ['definitions'], definitionsOf(vhost, [{ name, secret: { password } }]));
}

/** From then on the administrator writes and reads no more than who answers those who join needs. */
export async function limitEnroller(management: Management, vhost: string, name: string): Promise<void> {
  await management.call('PUT', ['permissions', vhost, name], {
    configure: '^amq\\.gen-.*\\z',
    write: '^(amq\\.default|amq\\.gen-.*|sluice\\.audit)\\z',
    read: '^(amq\\.gen-.*|sluice\\.enrol|sluice\\.heartbeat)\\z',
  });
  const audit = rightsOf(name).topics.find(({ exchange }) => exchange === 'sluice.audit');
  await management.call('PUT', ['topic-permissions', vhost, name], { exchange: 'sluice.audit', write: audit?.write ?? none, read: none });
  await management.call('PUT', ['topic-permissions', vhost, name], { exchange: 'sluice.heartbeat', write: none, read: '.*' });
}

/** A token's user may ask, and nothing else: it cannot make, read or bind anything. */
export async function putTokenUser(management: Management, vhost: string, id: string, secret: string): Promise<void> {
  const name = userOfToken(id);
  await management.call('PUT', ['users', name], { password: secret, tags: '' });
  await management.call('PUT', ['permissions', vhost, name], { configure: none, write: exact(enrolment), read: none });
}
