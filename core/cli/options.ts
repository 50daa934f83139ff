/**
 * Flags that several commands share, and the config that they and the environment make together.
 */
import type { Command } from 'commander';
import type { Config, Flags } from '../config.ts';
import { UsageError } from '../errors.ts';
import type { Kind } from '../kinds.ts';

/** How a client finds what it talks to. */
export interface RemoteFlags {
  readonly port?: string;
  readonly bus?: string;
  readonly config?: string;
  readonly url?: string;
  readonly ca?: string;
  readonly tokenFile?: string;
}

/** Adds the flags by which a client command reaches the page of another machine. */
export function withReach(command: Command): Command {
  return command
    .option(
      '--url <page>',
      'the page of another machine, as in https://sluice.example.com (default: SLUICE_URL); its token is in SLUICE_TOKEN',
    )
    .option('--token-file <file>', 'the token, in a file that only you can read')
    .option('--ca <file>', 'the authority that the certificate comes from, in PEM');
}

/** Adds the flags that say which sluice a client command talks to. */
export function withRemote(command: Command): Command {
  return withReach(command)
    .option('--port <port>', 'the port of a running sluice on this machine (default: 7400, or SLUICE_PORT)')
    .option('--bus <addresses>', 'ask RabbitMQ instead, as in amqp://mq1/sluice')
    .option('--config <file>', 'the config that says where (default: SLUICE_CONFIG)');
}

/** The fields that select by what an event is about. */
export interface FieldFlags {
  readonly company?: string;
  readonly system?: string;
  readonly environment?: string;
  readonly host?: string;
  readonly resource?: string;
}

/** @throws ConfigError */
export async function configOf(file: string | undefined, flags: Flags): Promise<Config> {
  const [{ loadConfig }, { defaultConfig, defaults }] = await Promise.all([import('../config.ts'), import('../installation.ts')]);
  const { env } = process;
  const path = file ?? defaultConfig(env);
  return loadConfig({ ...(path !== undefined && { file: path }), flags, env, defaults: defaults(env) });
}

/** @throws UsageError with the nearest kind */
export async function kindOf(text: string): Promise<Kind> {
  const [{ isKind, kindNames }, { nearest }] = await Promise.all([import('../kinds.ts'), import('../config.ts')]);
  if (isKind(text)) return text;
  const near = nearest(text, kindNames);
  throw new UsageError(`"${text}" is no kind; ${near ? `did you mean "${near}"?` : `the kinds are ${kindNames.join(', ')}`}`);
}

/** A positive whole number, as commander's parser of an option. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`"${text}" is no count; write a whole number from 1`);
  return Number(text);
}
