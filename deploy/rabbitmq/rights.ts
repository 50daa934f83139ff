/**
 * What a user may do at the broker, by its name: least rights, as RabbitMQ's regular expressions. An agent makes queues under
 * its own name only, writes events of its own server, and none that command. A hub does as it likes with sluice's own
 * exchanges and queues, and writes events of its part of the tree.
 *
 * name of a user → {@link Rights} → {@link definitionsOf}, in the form that `rabbitmqctl import_definitions` and the
 * management API's `/api/definitions` take; or {@link argumentsOf}, lists of arguments for `rabbitmqctl`.
 *
 * Limits: before RabbitMQ 4 a topic permission looks at a message's first key and not at CC or BCC; and no permission looks
 * into a message. So readers check the user against each event (`core/runtime/trust.ts`). Who may read an exchange may read all
 * of it: servers and hubs that must not read each other belong in virtual hosts of their own.
 */
import { type Kind, kindNames, kinds } from 'sluice';
import { lookExchange } from '../../core/bus/wire.ts';
import { agentQueues, type Part, partOf } from '../../core/part.ts';

export interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** Of the keys of one exchange: with which one may publish, and with which one may bind. */
export interface TopicPermission {
  readonly exchange: string;
  readonly write: string;
  readonly read: string;
}

export interface Rights extends Permissions {
  readonly topics: readonly TopicPermission[];
  /** The most connections and channels that the user may have at once; undefined: any number. */
  readonly limits: { readonly 'max-connections': number; readonly 'max-channels': number } | undefined;
}

/** How to let a user in: with a password, or with a certificate alone (EXTERNAL). */
export type Secret = { readonly password: string } | 'certificate';

/** Kinds that no agent writes: they tell others what to do. */
const commanding: readonly Kind[] = ['command', 'policy'];
/** The exchanges and the stream that an agent reads. */
const agentReads: readonly Kind[] = ['command', 'policy', 'state'];

const any = '.*';
/** An expression that nothing matches. RabbitMQ reads an empty one as "the empty name". */
const none = '(?!)';

/** Of a process, two to publish and to read; beside it, those of a person's commands and of its own successor. */
const agentLimits = { 'max-connections': 10, 'max-channels': 100 };

/**
 * The rights of `acme.shop.prod.web-1`, `acme.shop.prod.*` (any server there), `acme.shop.prod`, `acme.shop` or `acme`.
 * @throws ConfigError when the name means no part of the tree.
 */
export function rightsOf(user: string): Rights {
  const part = partOf(user);
  return part.sort === 'agent' ? rightsOfAgent(user, part) : rightsOfHub(part);
}

function rightsOfAgent(user: string, part: Part): Rights {
  const own = `${literal(agentQueues(user))}.+`;
  const writes = kindNames.filter((kind) => !commanding.includes(kind));
  return {
    configure: whole(own),
    write: whole(`${own}|${exchanges(writes)}`),
    // Who looks is no secret, and no event: it changes when an agent sends, and nothing else.
    read: whole(`${own}|${exchanges(agentReads)}|${literal(lookExchange)}`),
    topics: kindNames.map((kind) => ({
      exchange: `sluice.${kind}`,
      write: writes.includes(kind) ? keysOf(kind, part) : none,
      read: readableKeys(kind, part),
    })),
    // A name that many share has as many connections as there are servers.
    limits: part.words.length === 4 ? agentLimits : undefined,
  };
}

function rightsOfHub(part: Part): Rights {
  const names = whole('amq\\.gen-.*|sluice\\.(?!agent\\.).*');
  return {
    configure: names,
    write: names,
    read: names,
    topics: kindNames.map((kind) => ({ exchange: `sluice.${kind}`, write: keysOf(kind, part), read: any })),
    limits: undefined,
  };
}

/** Keys under the part; for telemetry and heartbeats also the slots by which partitions are bound (core/slot.ts). */
function keysOf(kind: Kind, { words }: Part): string {
  const under = `${literal(words.join('.'))}(\\..*)?`;
  const { delivery } = kinds[kind];
  return whole(delivery === 'telemetry' || delivery === 'heartbeat' ? `${under}|~p?[0-9]{1,2}` : under);
}

/**
 * With which patterns an agent may bind. Of state none: it reads the stream. A binding would let it say again, by way of a queue
 * that dead-letters, what a hub once said under the hub's own name; and take the stream's own binding away.
 */
function readableKeys(kind: Kind, { words }: Part): string {
  if (kind === 'command') return whole(`${literal(words.join('.'))}(\\..*)?`);
  return kind === 'policy' ? any : none;
}

const exchanges = (list: readonly Kind[]): string => `sluice\\.(${list.join('|')})`;

/** Not `$`, which would let a line end follow. */
const whole = (expression: string): string => `^(${expression})\\z`;

const literal = (text: string): string => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');

/** RabbitMQ's definitions, as far as users are concerned. Importing them adds and changes, and takes nothing away. */
export interface UserDefinitions {
  readonly users: readonly Record<string, unknown>[];
  readonly permissions: readonly Record<string, unknown>[];
  readonly topic_permissions: readonly Record<string, unknown>[];
}

/** All of a list of users, for one virtual host. Without a secret a user is taken to be there, and keeps the one that it has. */
export function definitionsOf(vhost: string, users: readonly { readonly name: string; readonly secret?: Secret }[]): UserDefinitions {
  const all = users.map(({ name, secret }) => ({ name, secret, rights: rightsOf(name) }));
  return {
    users: all.flatMap(({ name, secret, rights }) =>
      secret === undefined
        ? []
        : [
            {
              name,
              ...(secret === 'certificate' ? { password_hash: '' } : { password: secret.password }),
              tags: '',
              limits: rights.limits ?? {},
            },
          ],
    ),
    permissions: all.map(({ name: user, rights: { configure, write, read } }) => ({ user, vhost, configure, write, read })),
    topic_permissions: all.flatMap(({ name: user, rights }) => rights.topics.map((topic) => ({ user, vhost, ...topic }))),
  };
}

/** The same for a user that is there, as arguments for `rabbitmqctl`, one list for each time that it is run. */
export function argumentsOf(vhost: string, user: string): string[][] {
  const { configure, write, read, topics, limits } = rightsOf(user);
  return [
    ['set_permissions', '-p', vhost, user, configure, write, read],
    ...topics.map((topic) => ['set_topic_permissions', '-p', vhost, user, topic.exchange, topic.write, topic.read]),
    ...(limits ? [['set_user_limits', user, JSON.stringify(limits)]] : []),
  ];
}
