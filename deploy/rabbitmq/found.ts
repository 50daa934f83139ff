/** What a running broker or cluster says of itself: its definitions, its members, its queues and the settings that matter here. */
import { SluiceError, z } from 'sluice';
import type { Control } from './ctl.ts';

const text = z.string();
const definitions = z.object({
  users: z.array(z.object({ name: text, tags: z.union([text, z.array(text)]), limits: z.unknown() })),
  permissions: z.array(z.object({ user: text, vhost: text, configure: text, write: text, read: text })),
  topic_permissions: z.array(z.object({ user: text, vhost: text, exchange: text, write: text, read: text })),
  policies: z.array(
    z.object({ vhost: text, name: text, pattern: text, 'apply-to': text, definition: z.record(text, z.unknown()), priority: z.number() }),
  ),
  parameters: z.array(z.object({ vhost: text.optional(), component: text, name: text, value: z.unknown() })),
  vhosts: z.array(z.object({ name: text })),
});
const status = z.object({
  running_nodes: z.array(text),
  partitions: z.record(text, z.unknown()).or(z.array(z.unknown())),
  alarms: z.array(z.unknown()),
  versions: z.record(text, z.object({ rabbitmq_version: text })),
});
const queues = z.array(z.object({ name: text, type: text, members: z.union([text, z.array(text)]).optional() }));

export interface Found {
  readonly definitions: z.output<typeof definitions>;
  readonly running: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly apart: boolean;
  readonly alarms: number;
  readonly queues: readonly { readonly name: string; readonly type: string; readonly members: readonly string[] }[];
  /** As the member that was asked has them. */
  readonly settings: { readonly partitions: string; readonly mechanisms: readonly string[] };
}

/** @throws SluiceError when rabbitmqctl fails, or says what this version does not understand */
export async function lookAt(ask: Control, vhost: string): Promise<Found> {
  // One after the other: each starts an Erlang machine.
  const defined = read('export_definitions', definitions, await ask('export_definitions', '-'));
  const members = read('cluster_status', status, await ask('cluster_status', '--formatter', 'json'));
  const known = defined.vhosts.some(({ name }) => name === vhost);
  const columns = ['name', 'type', 'members'];
  const all = known ? read('list_queues', queues, await ask('list_queues', '-p', vhost, ...columns, '--formatter', 'json')) : [];
  const said = await ask(
    'eval',
    '{application:get_env(rabbit, cluster_partition_handling), application:get_env(rabbit, auth_mechanisms)}.',
  );
  const [, partitions = 'unknown', mechanisms = ''] = /\{\{ok,(\w+)\},\s*\{ok,\[([^\]]*)\]\}\}/.exec(said) ?? [];
  return {
    definitions: defined,
    running: members.running_nodes,
    versions: Object.fromEntries(Object.entries(members.versions).map(([node, { rabbitmq_version }]) => [node, rabbitmq_version])),
    apart: Object.keys(members.partitions).length > 0,
    alarms: members.alarms.length,
    queues: all.map(({ name, type, members: held }) => ({ name, type, members: Array.isArray(held) ? held : [] })),
    settings: { partitions, mechanisms: mechanisms.match(/[A-Z]+/g) ?? [] },
  };
}

function read<Schema extends z.ZodType>(what: string, schema: Schema, answer: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(answer));
  } catch (cause) {
    throw new SluiceError(`broker: what rabbitmqctl ${what} says is not understood; this was run with RabbitMQ 3.10.8`, { cause });
  }
}
