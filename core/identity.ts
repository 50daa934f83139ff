/**
 * Who this process is to a broker: a small file that only its owner can read, so that no credential stands in a config, an
 * address or an environment.
 *
 *     username: web-1
 *     password: correct horse battery staple
 */
import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError, messageOf } from './errors.ts';

const identity = z.strictObject({ username: z.string().min(1).max(255), password: z.string().max(1024) });

export type Identity = z.output<typeof identity>;

/** @throws ConfigError that says what to do, and never what the file holds. */
export function readIdentity(file: string): Identity {
  let text: string;
  try {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) throw new ConfigError(`identity: ${file} can be read by others; chmod 600 it`);
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    throw new ConfigError(`identity: ${file} cannot be read (${messageOf(thrown).split(',')[0]}); write username: and password: into it`);
  }
  try {
    return identity.parse(parse(text));
  } catch {
    throw new ConfigError(`identity: ${file} is none; it has two lines, username: and password:`);
  }
}
