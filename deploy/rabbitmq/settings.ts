/**
 * The settings of a broker that carries a fleet, as `rabbitmq.conf`: one file for all members of a cluster. What is not named
 * here is RabbitMQ's own default. Run on RabbitMQ 3.10.8; written for 3.10 to 4.x, where nothing was run.
 */
import { ConfigError } from 'sluice';

/** A certificate as files on the broker's own machine. */
export interface TlsFiles {
  /** The authority that signed it, and signs those of the hosts. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface ClusterSettings {
  /** The Erlang names of all members, as `rabbit@mq1`. None or one: a broker by itself. */
  readonly nodes: readonly string[];
  /** `plain` is for a network of one's own, as in tests. */
  readonly listen: 'plain' | TlsFiles;
  /** Seconds after which a member that says nothing counts as gone, give or take a quarter. Default 15. */
  readonly tick?: number;
}

/** Shorter, and a member that is only busy is taken for gone. Longer, and its clients wait for it. */
const defaultTick = 15;

/** @throws ConfigError when a name or path cannot stand in such a file. */
export function clusterSettings({ nodes, listen, tick = defaultTick }: ClusterSettings): string {
  const lines = [
    '# Made by sluice (deploy/rabbitmq/settings.ts). The same on every member.',
    ...(nodes.length > 1 ? clusterLines(nodes.map(plainText), tick) : []),
    ...(listen === 'plain' ? [] : tlsLines(listen)),
    '',
    '# Guest is for this machine alone.',
    'loopback_users.guest = true',
    '# Below these it takes no more from who publishes, and sluice keeps it in its spools.',
    'vm_memory_high_watermark.relative = 0.4',
    'disk_free_limit.absolute = 2GB',
    '# A message of sluice has 2 MB at most.',
    'max_message_size = 16777216',
    '# Of what a client may ask for: a process of sluice has a few of each.',
    'channel_max = 128',
  ];
  return `${lines.join('\n')}\n`;
}

function clusterLines(nodes: readonly string[], tick: number): string[] {
  return [
    '# The members find each other by this list, at their first start.',
    'cluster_formation.peer_discovery_backend = classic_config',
    ...nodes.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}`),
    '# A member that no longer sees most of the others stops, so that there are never two truths; it comes back by itself.',
    'cluster_partition_handling = pause_minority',
    `net_ticktime = ${tick}`,
    '# Spreads the leaders of queues over the members.',
    'queue_leader_locator = balanced',
  ];
}

function tlsLines(files: TlsFiles): string[] {
  const { authority, certificate, key } = {
    authority: plainText(files.authority),
    certificate: plainText(files.certificate),
    key: plainText(files.key),
  };
  return [
    '',
    '# Nothing goes over the network in the clear; on loopback it may.',
    'listeners.tcp.local = 127.0.0.1:5672',
    'listeners.ssl.default = 5671',
    `ssl_options.cacertfile = ${authority}`,
    `ssl_options.certfile = ${certificate}`,
    `ssl_options.keyfile = ${key}`,
    'ssl_options.versions.1 = tlsv1.3',
    'ssl_options.versions.2 = tlsv1.2',
    '# A host is known by its certificate (EXTERNAL), whose common name is its user; or by a password, over TLS too.',
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = false',
    'ssl_cert_login_from = common_name',
    'auth_mechanisms.1 = EXTERNAL',
    'auth_mechanisms.2 = PLAIN',
  ];
}

/** The plugins that these settings need, as the file `enabled_plugins`. */
export const enabledPlugins = '[rabbitmq_auth_mechanism_ssl,rabbitmq_federation].\n';

function plainText(text: string): string {
  if (/^[A-Za-z0-9_.@:/-]+$/.test(text)) return text;
  throw new ConfigError(`rabbitmq.conf: "${text}" cannot stand in it; use letters, digits and _ . @ : / -`);
}
