/**
 * What a person wants of a broker or cluster, as a file, and what follows from it: the settings of each member
 * ({@link clusterSettings}) and RabbitMQ's definitions. See `deploy/examples/broker.yaml`.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError, kindNames, messageOf, readIdentity, z } from 'sluice';
import { parse } from 'yaml';
import { parseAddress } from '../../core/bus/address.ts';
import { readPart } from '../../core/part.ts';
import { definitionsOf } from './rights.ts';

const path = z.string().min(1);
const bytes = z
  .string()
  .regex(/^\d+(MB|GB)$/, 'write a size, as in 64MB or 1GB')
  .transform((text) => Number.parseInt(text, 10) * (text.endsWith('GB') ? 1e9 : 1e6));

const schema = z.strictObject({
  vhost: z.string().min(1).max(255).default('/'),
  /** The Erlang names of all members. */
  nodes: z.array(z.string().regex(/^[A-Za-z0-9_-]+@[A-Za-z0-9_.-]+$/, 'write a name as in rabbit@mq1')).default([]),
  tls: z.strictObject({ authority: path, certificate: path, key: path }).optional(),
  /** Named after their part of the tree. Those that are missing are made, and are let in by their certificate alone. */
  users: z.array(z.string().refine((name) => readPart(name) !== undefined, 'write a part of the tree, as in acme.shop.prod')).default([]),
  /** The most that one queue may hold. */
  limits: z
    .strictObject({ durable: bytes.optional(), telemetry: bytes.optional(), heartbeat: bytes.optional(), agent: bytes.optional() })
    .default({}),
  /** Other sites, whose events come here too. */
  upstreams: z.record(z.string().regex(/^[a-z0-9-]+$/), z.strictObject({ address: z.string(), identity: path })).default({}),
  /** Which kinds come over them. */
  federate: z.array(z.enum(kindNames)).default(['heartbeat', 'metric', 'log', 'incident', 'stat', 'alert', 'state', 'outcome', 'audit']),
});

export type Wanted = z.output<typeof schema> & { readonly folder: string };

/** @throws ConfigError with all that is wrong */
export function readWanted(file: string): Wanted {
  let text: unknown;
  try {
    text = parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new ConfigError(`broker: ${file} cannot be read (${messageOf(thrown).split('\n')[0]}); see deploy/examples/broker.yaml`);
  }
  const read = schema.safeParse(text ?? {});
  if (read.success) return { ...read.data, folder: dirname(resolve(file)) };
  throw new ConfigError(
    read.error.issues.map(({ path: at, message }) => `sluice: broker: ${file}: ${at.join('.') || 'it'}: ${message}`).join('\n'),
  );
}

export interface Policy {
  readonly vhost: string;
  readonly name: string;
  readonly pattern: string;
  readonly 'apply-to': 'queues' | 'exchanges';
  readonly definition: Readonly<Record<string, string | number>>;
  readonly priority: number;
}

/** Of several that fit a queue, RabbitMQ takes the one of the highest. */
const priority = 10;
const MB = 1e6;
/** How long a queue of an agent stays that nobody uses: a server may be off for a holiday. */
const agentExpires = 14 * 86_400_000;

/** Bounds of queues. They may tighten what sluice itself asks for, and never widen it (docs/decisions/0003). */
export function policiesOf({ vhost, limits, upstreams, federate }: Wanted): Policy[] {
  const hub = (travels: string): string => `^sluice\\.(?!agent\\.).*\\.${travels}(\\.\\d+of\\d+)?$`;
  const of = (name: string, pattern: string, definition: Policy['definition']): Policy => ({
    ...{ vhost, name: `sluice-${name}`, pattern, 'apply-to': 'queues', definition, priority },
  });
  return [
    of('durable', hub('durable'), { 'max-length-bytes': limits.durable ?? 1000 * MB, overflow: 'reject-publish' }),
    of('telemetry', hub('telemetry'), { 'max-length-bytes': limits.telemetry ?? 1000 * MB, overflow: 'drop-head' }),
    of('heartbeat', hub('heartbeat'), { 'max-length-bytes': limits.heartbeat ?? 64 * MB, overflow: 'drop-head' }),
    of('agent', '^sluice\\.agent\\.', { 'max-length-bytes': limits.agent ?? 64 * MB, overflow: 'reject-publish', expires: agentExpires }),
    ...(Object.keys(upstreams).length === 0
      ? []
      : [
          {
            ...of('federation', `^sluice\\.(${federate.join('|')})$`, { 'federation-upstream-set': 'all' }),
            'apply-to': 'exchanges' as const,
          },
        ]),
  ];
}

export interface Parameter {
  readonly vhost: string;
  readonly component: 'federation-upstream';
  readonly name: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

/** @throws ConfigError when an identity cannot be read or an address is none */
export function upstreamsOf({ vhost, upstreams, folder }: Wanted): Parameter[] {
  return Object.entries(upstreams).map(([name, { address, identity }]) => {
    const { protocol, hostname, port, vhost: there } = parseAddress(address);
    const { username, password } = readIdentity(resolve(folder, identity));
    if (password === '') throw new ConfigError(`broker: ${identity} has no password; an upstream is reached with username: and password:`);
    const host = hostname.includes(':') ? `[${hostname}]` : hostname;
    const credentials = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
    return {
      vhost,
      component: 'federation-upstream',
      name,
      value: {
        uri: `${protocol}://${credentials}@${host}:${port}${there === '/' ? '' : `/${there}`}`,
        // Readers believe no event without its user. Here it is the other broker's word, which `trust: upstreams:` bounds.
        'trust-user-id': true,
        'ack-mode': 'on-confirm',
        'max-hops': 1,
        // What waits over there while we are away.
        expires: 86_400_000,
      },
    };
  });
}

/** All of it, as `rabbitmqctl import_definitions` takes it. `present` are the users that have a password or certificate already. */
export function definitionsFor(wanted: Wanted, present: ReadonlySet<string>) {
  const users = wanted.users.map((name) => ({ name, ...(!present.has(name) && { secret: 'certificate' as const }) }));
  return {
    vhosts: [{ name: wanted.vhost }],
    ...definitionsOf(wanted.vhost, users),
    policies: policiesOf(wanted),
    parameters: upstreamsOf(wanted),
  };
}
