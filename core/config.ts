/**
 * What a process runs, and where. Files, environment and flags → one checked {@link Config}; everything wrong with any of
 * them → one ConfigError, a line each with file:line:column. An empty file, or none, means this machine, embedded.
 * Flag > environment > `conf.d/*.yaml` in order of name > file > default. Mappings are merged, `nodes` add up, and any
 * other list replaces the one before.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import type { z } from 'zod';
import { type Layer, type Path, readYaml } from './config/document.ts';
import { problemsOf } from './config/problems.ts';
import { entryKeys, type FileSettings, fileSchema, nodeName, type Overrides, overrides, readListen } from './config/schema.ts';
import { ConfigError, messageOf } from './errors.ts';
import type { Place } from './key.ts';
import type { Reads, Settings } from './node.ts';

export { nearest } from './config/problems.ts';

export interface Config {
  readonly place: Place;
  readonly host: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Or the `amqp(s)://` addresses of one cluster, without credentials. */
  readonly bus: 'embedded' | readonly string[];
  /** Where the credentials for the bus are kept. */
  readonly identity?: string;
  /** Who is believed on a broker, beyond users that are named after a place. */
  readonly trust?: Trust;
  /** The directory of this process's state. Absolute. */
  readonly state: string;
  /** `agent`, `hub`, or names of nodes. */
  readonly run: readonly string[];
  readonly settings: Settings;
  /** Milliseconds between heartbeats. */
  readonly heartbeat: number;
  /** Milliseconds that metrics, logs and stats may wait for company. */
  readonly linger: number;
  /** Bytes that may wait on disk while the bus is away. */
  readonly spool: { readonly telemetry: number; readonly durable: number };
  readonly nodes: readonly NodeEntry[];
  /** The file that it was read from, if any. */
  readonly file?: string;
}

export interface Trust {
  /** By the name of a user: the part of the tree that it speaks for, or `*`. */
  readonly users?: Readonly<Record<string, string>>;
  /** By the address of a federation's upstream, the same for all that comes over it. */
  readonly upstreams?: Readonly<Record<string, string>>;
  /** What becomes of events that nobody vouches for. */
  readonly unverified?: 'accept' | 'refuse';
}

export interface NodeEntry {
  /** A built-in's name, a package, or the absolute path of a file. */
  readonly use: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly read?: Partial<Reads>;
  /** Milliseconds between samples. */
  readonly every?: number;
  readonly isolate?: 'worker';
  /** Into how many partitions its work is parted, which several processes share. */
  readonly partitions?: number;
  /** The node's own config, not checked yet: {@link checkNodeConfig}. */
  readonly config: Record<string, unknown>;
  /** `file:line:column` of the entry, or of a key in it. */
  where(path?: readonly PropertyKey[]): string;
}

/** The flags of the command line, as typed. `only` is a list with commas. */
export type Flags = { readonly [Name in keyof Overrides]?: string | undefined };

/** Where a process listens when nothing is said. */
export const defaultPort = 7400;

const defaultSpool = { telemetry: 256e6, durable: 256e6 };

interface Options {
  /** The main file; `conf.d/*.yaml` beside it is read too. */
  readonly file?: string;
  readonly flags?: Flags;
  readonly env: NodeJS.ProcessEnv;
  readonly defaults: { readonly state: string; readonly host: string };
}

/** @throws ConfigError that lists all that is wrong. */
export function loadConfig({ file, flags = {}, env, defaults }: Options): Config {
  const errors: string[] = [];
  const settings = (file === undefined ? [] : readLayers(resolve(file))).flatMap(({ path, layer }) => {
    errors.push(...layer.flaws);
    if (layer.flaws.length > 0) return [];
    const checked = check(fileSchema, withoutEmpty(layer.values), (at) => layer.where(at), errors);
    return checked ? [resolvePaths(checked, path, layer)] : [];
  });
  const variables = check(overrides, fromEnvironment(env), ([name]) => `SLUICE_${String(name).toUpperCase()}`, errors);
  const typed = check(overrides, defined(flags), ([name]) => `--${String(name)}`, errors);
  const nodes = settings.flatMap((each) => each.nodes);
  errors.push(...unfitNames(nodes));
  if (errors.length > 0) throw new ConfigError(errors.map((line) => `sluice: config: ${line}`).join('\n'));

  const over: Overrides = { ...variables, ...typed };
  const from: FileSettings = Object.assign({}, ...settings.map(({ values }) => values));
  const merged = <Name extends 'labels' | 'keep' | 'live' | 'spool'>(name: Name): NonNullable<FileSettings[Name]> =>
    Object.assign({}, ...settings.map(({ values }) => values[name]));
  const bus = over.bus ?? from.bus ?? 'embedded';
  return {
    place: over.place ?? from.place ?? { company: 'local', system: 'servers', environment: 'default' },
    host: over.host ?? from.host ?? defaults.host,
    labels: merged('labels'),
    bus,
    ...(from.identity !== undefined && { identity: from.identity }),
    ...(from.trust !== undefined && { trust: defined(from.trust) }),
    state: resolve(over.state ?? from.state ?? defaults.state),
    run: over.only ?? from.run ?? ['agent', 'hub'],
    settings: {
      logs: from.logs ?? ['journal', '/var/log/syslog', '/var/log/messages', '/var/log/*.log'],
      output: 'text',
      live: { ...defined(merged('live')), listen: listen(merged('live').listen, over.port) },
      state: resolve(over.state ?? from.state ?? defaults.state),
      keep: defined(merged('keep')),
    },
    heartbeat: from.heartbeat ?? 5000,
    linger: from.linger ?? (bus === 'embedded' ? 0 : 1000),
    spool: { ...defaultSpool, ...defined(merged('spool')) },
    nodes,
    ...(file !== undefined && { file: resolve(file) }),
  };
}

/** A node's own config, checked and with its defaults. @throws ConfigError that says where each mistake stands. */
export function checkNodeConfig<Schema extends z.ZodType>(entry: NodeEntry, schema: Schema): z.output<Schema> {
  const checked = schema.safeParse(entry.config);
  if (checked.success) return checked.data;
  const known = entryKeys.filter((key) => key !== 'use');
  const lines = problemsOf(checked.error, schema, entry.config, known).map(
    ({ path, text }) => `${entry.where(path)}: ${entry.name}: ${text}`,
  );
  throw new ConfigError(lines.map((line) => `sluice: config: ${line}`).join('\n'));
}

function check<Schema extends z.ZodType>(
  schema: Schema,
  values: unknown,
  where: (path: Path) => string,
  errors: string[],
): z.output<Schema> | undefined {
  const checked = schema.safeParse(values);
  if (checked.success) return checked.data;
  errors.push(...problemsOf(checked.error, schema, values).map(({ path, text }) => `${where(path)}: ${text}`));
  return undefined;
}

/** The main file, then `conf.d/*.yaml` beside it. */
function readLayers(file: string): { path: string; layer: Layer }[] {
  const folder = join(dirname(file), 'conf.d');
  let more: string[] = [];
  try {
    more = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  } catch {
    // Most configs have no conf.d.
  }
  return [file, ...more.sort().map((name) => join(folder, name))].map((path) => ({ path, layer: readFile(path) }));
}

function readFile(path: string): Layer {
  try {
    return readYaml(path, readFileSync(path, 'utf8'));
  } catch (thrown) {
    const flaw = `${path}: cannot be read (${messageOf(thrown).split(',')[0]}); check the path and its permissions`;
    return { values: {}, where: () => path, flaws: [flaw] };
  }
}

/** A setting without a value, as in `nodes:` with all below it commented out, is one that is not there. */
function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== null || !(name in fileSchema.shape)));
}

/** Paths in a file are relative to it, wherever the process was started. */
function resolvePaths({ nodes = [], ...values }: FileSettings, file: string, layer: Layer): { values: FileSettings; nodes: NodeEntry[] } {
  const absolute = (path: string) => resolve(dirname(file), path);
  return {
    values: {
      ...values,
      ...(values.state !== undefined && { state: absolute(values.state) }),
      ...(values.identity !== undefined && { identity: absolute(values.identity) }),
      ...(values.live?.tls && {
        live: { ...values.live, tls: { cert: absolute(values.live.tls.cert), key: absolute(values.live.tls.key) } },
      }),
      ...(values.logs && { logs: values.logs.map((log) => (log === 'journal' ? log : absolute(log))) }),
    },
    nodes: nodes.map((written, index) => entryOf(written, absolute, (path) => layer.where(['nodes', index, ...path]))),
  };
}

function entryOf(
  written: NonNullable<FileSettings['nodes']>[number],
  absolute: (path: string) => string,
  where: (path: Path) => string,
): NodeEntry {
  const { use, name, enabled = true, read, every, isolate, partitions, ...config } = written;
  return {
    use: use.startsWith('.') || isAbsolute(use) ? absolute(use) : use,
    name: name ?? basename(use, extname(use)),
    enabled,
    ...(read && { read: defined(read) }),
    ...(every !== undefined && { every }),
    ...(isolate && { isolate }),
    ...(partitions !== undefined && { partitions }),
    config,
    where: (path = []) => where(path),
  };
}

function unfitNames(nodes: readonly NodeEntry[]): string[] {
  const first = new Map<string, NodeEntry>();
  return nodes.flatMap((entry) => {
    if (!nodeName.safeParse(entry.name).success) {
      return [`${entry.where()}: "${entry.name}" cannot be a node's name; add one, as in name: my-node`];
    }
    const other = first.get(entry.name);
    first.set(entry.name, other ?? entry);
    const text = `two nodes are named "${entry.name}", the other at ${other?.where()}; give one of them another name`;
    return other ? [`${entry.where()}: ${text}`] : [];
  });
}

function fromEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const pairs = Object.keys(overrides.shape).map((name) => [name, env[`SLUICE_${name.toUpperCase()}`]] as const);
  return defined(Object.fromEntries(pairs.filter(([, value]) => value !== '')));
}

function listen(written = `127.0.0.1:${defaultPort}`, port?: number): string {
  return port === undefined ? written : `${readListen(written)?.host ?? '127.0.0.1'}:${port}`;
}

type Defined<Value> = { [Name in keyof Value]: Exclude<Value[Name], undefined> };

function defined<Value extends object>(values: Value): Defined<Value> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<Value>;
}
