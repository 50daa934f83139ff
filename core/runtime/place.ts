/** Decides which nodes a process runs: those of its role that need no config, those that its settings ask for, and those that config names. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { commitOf } from '../config/commit.ts';
import { type Config, checkNodeConfig, type NodeEntry } from '../config.ts';
import { ConfigError } from '../errors.ts';
import type { Node, Sort } from '../node.ts';
import type { Placed } from './context.ts';
import { readsOf, topicsOf } from './graph.ts';
import { health } from './health.ts';
import { type Found, loadFound, loadNode, scan } from './load.ts';

const roles: Readonly<Record<string, readonly Sort[]>> = { agent: ['monitor', 'actuator'], hub: ['filter', 'sink'] };

export interface Placing {
  readonly config: Config;
  readonly clock: Clock;
  /** Names this process among others of its host. */
  readonly process: string;
  /** A node's health changed. */
  readonly changed: (placed: Placed) => void;
}

interface Committed extends Placing {
  readonly policycommit: string | undefined;
}

/** @throws ConfigError when a node is unknown, its config is wrong, or two have one name. */
export async function placeNodes(given: Placing): Promise<Placed[]> {
  const { config } = given;
  const placing: Committed = { ...given, policycommit: await commitOf(config.file) };
  const found = scan();
  const wanted = wantedBy(config, found);
  const placed: Placed[] = [];
  for (const entry of config.nodes) {
    if (entry.enabled) placed.push(placeEntry(placing, await loadNode(entry.use, entry.where(['use']), found), entry));
  }
  const configured = new Set(config.nodes.map(({ name }) => name));
  for (const one of wanted) {
    if (configured.has(one.name)) continue;
    const node = await loadFound(one);
    if (node.sort === 'actuator') continue;
    const implied = node.configure ? node.configure(config.settings) : {};
    // What needs a config that nobody gave runs only where a person asks for it.
    const checked = implied === undefined ? undefined : node.config.safeParse(implied);
    if (checked?.success) placed.push(place(placing, node, { name: node.name, use: node.name, config: checked.data }));
    else if (implied !== undefined && config.run.includes(node.name)) {
      throw new ConfigError(`config: run: ${node.name} needs a config of its own; give it under nodes: as {use: ${node.name}, …}`);
    }
  }
  const names = new Set<string>();
  for (const { name } of placed) {
    if (names.has(name)) throw new ConfigError(`config: two nodes are named ${name}; give one another name:`);
    names.add(name);
  }
  return placed;
}

function wantedBy(config: Config, found: readonly Found[]): readonly Found[] {
  const known = [...Object.keys(roles), ...found.map(({ name }) => name), ...config.nodes.map(({ name }) => name)];
  for (const word of config.run) {
    if (!known.includes(word)) throw new ConfigError(`config: run: there is no role or node ${word}; there are ${known.join(', ')}`);
  }
  return found.filter(({ name, sort }) => config.run.some((word) => word === name || roles[word]?.includes(sort)));
}

function placeEntry(placing: Committed, node: Node, entry: NodeEntry): Placed {
  if (node.sort === 'actuator')
    throw new ConfigError(`config: ${entry.where()}: ${entry.name} is an actuator; this version does not run them yet`);
  // What the entry says goes before what the process's settings imply.
  const implied = node.configure?.(placing.config.settings);
  const checked = checkNodeConfig({ ...entry, config: { ...implied, ...entry.config } }, node.config);
  return place(placing, node, { ...entry, config: checked });
}

function place(
  { clock, config, process, changed, policycommit }: Committed,
  node: Exclude<Node, { sort: 'actuator' }>,
  entry: Pick<NodeEntry, 'name' | 'use'> & Partial<NodeEntry> & { config: unknown },
): Placed {
  const reads = readsOf(node, entry.read, entry.where?.(['read']) ?? 'read');
  const every = node.sort === 'monitor' ? (entry.every ?? ('every' in node ? node.every : undefined)) : undefined;
  if (entry.partitions !== undefined) checkParts(node, entry.partitions, entry.where?.(['partitions']) ?? 'partitions');
  const identity = {
    name: entry.name,
    use: entry.use,
    sort: node.sort,
    doc: node.doc,
    host: config.host,
    process,
    in: topicsOf(reads),
    out: node.sort === 'sink' ? [] : [...node.out],
    ...(every !== undefined && { every }),
  };
  const placed: Placed = {
    name: entry.name,
    use: entry.use,
    node,
    config: entry.config,
    confighash: createHash('sha256').update(JSON.stringify(entry.config)).digest('base64url').slice(0, 12),
    ...(policycommit !== undefined && { policycommit }),
    reads,
    ...(every !== undefined && { every }),
    ...(entry.isolate && { isolate: entry.isolate }),
    ...(entry.partitions !== undefined && { partitions: entry.partitions }),
    health: health(identity, clock, () => changed(placed)),
  };
  return placed;
}

/** @throws ConfigError when the node cannot be parted, or not in so many. */
function checkParts(node: Node, partitions: number, where: string): void {
  const refuse = (why: string): never => {
    throw new ConfigError(`config: ${where}: ${why}; remove partitions`);
  };
  if (node.sort !== 'filter' && node.sort !== 'sink') refuse(`${node.name} is a ${node.sort}, and works where it is`);
  if (node.sort === 'sink' && node.reads === 'recent') refuse(`${node.name} shows what passes, and every process that runs it shows all`);
  if (node.sort === 'filter' && node.shard === 'each') refuse(`every process that runs ${node.name} reads all, by itself`);
  if (node.sort === 'filter' && node.shard === 'none' && partitions > 1)
    throw new ConfigError(
      `config: ${where}: ${node.name} must see everything in one place; write 1, and one of the processes that run it works while the others stand by`,
    );
}
