/**
 * Finds nodes. Built-in ones are found by scanning, as a file `<name>` or a folder `<name>/<name>` under the folder of
 * their sort, and are loaded only when they run: an agent never pays for what a hub needs. A stranger's node is a file or
 * an npm package, and stands beside them as their equal.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { distance } from 'fastest-levenshtein';
import { ConfigError, messageOf } from '../errors.ts';
import { codeRoot, extension } from '../installation.ts';
import { isNode, type Node, type Sort } from '../node.ts';
import { importPlugin } from './plugin.ts';

/** Where a built-in node stands; loading it is a step of its own. */
export interface Found {
  readonly name: string;
  readonly sort: Sort;
  readonly file: string;
}

const folders: readonly [Sort, string][] = [
  ['monitor', 'nodes/monitors'],
  ['filter', 'nodes/filters'],
  ['sink', 'nodes/sinks'],
  ['actuator', 'actuators'],
];

/** All built-in nodes, by scanning. @throws ConfigError when two have one name. */
export function scan(): Found[] {
  const found = folders.flatMap(([sort, folder]) => scanFolder(sort, join(codeRoot, folder)));
  const names = new Map<string, string>();
  for (const { name, file } of found) {
    const other = names.get(name);
    if (other) throw new ConfigError(`two nodes are named ${name}: ${other} and ${file}; rename one`);
    names.set(name, file);
  }
  return found;
}

function scanFolder(sort: Sort, folder: string): Found[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = entry.isDirectory() ? entry.name : entry.name.slice(0, -extension.length);
    const file = entry.isDirectory() ? join(folder, name, `${name}${extension}`) : join(folder, entry.name);
    const isCode = entry.isDirectory()
      ? existsSync(file)
      : entry.name.endsWith(extension) && !/\.(d|test|command)\.[jt]s$/.test(entry.name);
    return isCode ? [{ name, sort, file }] : [];
  });
}

/** Loads a built-in node. @throws ConfigError when the file holds none, or one of another name. */
export async function loadFound(found: Found): Promise<Node> {
  const node = nodeIn(await import(pathToFileURL(found.file).href), found.file);
  if (node.name !== found.name) throw new ConfigError(`${found.file}: its node is named ${node.name}; a node has its file's name`);
  return node;
}

/** Loads what a `use:` names: a built-in node, the absolute path of a file, or a package. */
export async function loadNode(use: string, where: string, found: readonly Found[] = scan()): Promise<Node> {
  const builtIn = found.find(({ name }) => name === use);
  if (builtIn) return loadFound(builtIn);
  const isFile = use.startsWith('/') || use.startsWith('.') || /^[a-z]:\\/i.test(use);
  if (isFile && !existsSync(use))
    throw new ConfigError(`config: ${where}: ${use} does not exist; use: takes a file's path from the config's folder`);
  try {
    return nodeIn(await importPlugin(use), use);
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    if (!isFile && isMissing(thrown, use)) {
      throw new ConfigError(`config: ${where}: there is no node ${use}${nearest(use, found)}; a file of your own is written ./${use}.ts`);
    }
    throw new ConfigError(`config: ${where}: ${use} cannot be loaded: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function nodeIn(module: unknown, file: string): Node {
  const node = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  if (!isNode(node))
    throw new ConfigError(`${file}: exports no node; write export default defineFilter({ … }), or another define function`);
  return node;
}

const isMissing = (thrown: unknown, use: string): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND' && thrown.message.includes(use);

function nearest(use: string, found: readonly Found[]): string {
  const near = found
    .map(({ name }) => ({ name, far: distance(use, name) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .filter(({ far }) => far <= Math.max(3, use.length / 2));
  return near.length > 0
    ? `; did you mean ${near.map(({ name }) => name).join(', ')}?`
    : `; there are ${found.map(({ name }) => name).join(', ')}`;
}
