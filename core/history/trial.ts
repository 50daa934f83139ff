/**
 * What a person names to be tried, as filters ready to run: a config file, a built-in filter, or a file with one. They are
 * placed as `sluice run` places them, with the same defaults, so a `confighash` here is the one on live events.
 */
import { basename, extname, resolve } from 'node:path';
import { configOf } from '../cli/options.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { ConfigError, UsageError } from '../errors.ts';
import type { AnyFilter, PlacedFilter } from '../node.ts';
import type { Placed } from '../runtime/context.ts';
import { scan } from '../runtime/load.ts';
import { placeNodes } from '../runtime/place.ts';
import type { Trial } from './replay.ts';

/** @param config the config that says how a named filter is set, where it does. @throws ConfigError, UsageError */
export async function trialOf(named: string, config?: string): Promise<Trial> {
  if (/\.ya?ml$/.test(named)) return trialOfConfig(await configOf(named, {}));
  const given = await configOf(config, {});
  const file = /[./\\]/.test(named) ? resolve(named) : undefined;
  const isIt = (one: Pick<PlacedFilter & { use: string }, 'name' | 'use'>) => (file === undefined ? one.name === named : one.use === file);
  const known = given.nodes.some(isIt) || (file === undefined && scan().some(({ name, sort }) => name === named && sort === 'filter'));
  if (file === undefined && !known) {
    const filters = scan().flatMap(({ name, sort }) => (sort === 'filter' ? [name] : []));
    throw new UsageError(`there is no filter "${named}"; name a config.yaml, a file ./${named}.ts, or one of ${filters.join(', ')}`);
  }
  const name = basename(named, extname(named));
  const entry = { use: file ?? named, name, enabled: true, config: {}, where: () => named };
  const nodes = given.nodes.some(isIt) ? given.nodes.filter(isIt) : [entry];
  return trialOfConfig({ ...given, run: [], nodes });
}

/** All filters that a config runs. @throws ConfigError when there is none */
export async function trialOfConfig(config: Config): Promise<Trial> {
  // An agent's monitors need not be loaded to try what a hub would say.
  const run = config.run.filter((word) => word !== 'agent');
  const placed = await placeNodes({ config: { ...config, run }, clock: systemClock, process: 'replay', changed: () => {} });
  const filters = placed.filter((one): one is Placed<AnyFilter> => one.node.sort === 'filter');
  if (filters.length === 0)
    throw new ConfigError(`${config.file ?? 'config'}: runs no filter; name the config of a hub, or add one to nodes:`);
  return { filters, about: { ...config.place, host: config.host } };
}
