/**
 * Who this process is to a broker: a small file that only its owner can read, so that no credential stands in a config, an
 * address or an environment.
 *
 *     username: web-1
 *     password: correct horse battery staple
 *     ca: ca.pem          the authority that the broker's certificate must come from, beside this file; default: the system's
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError, messageOf } from './errors.ts';

const identity = z.strictObject({ username: z.string().min(1).max(255), password: z.string().max(1024), ca: z.string().min(1).optional() });

export interface Identity {
  readonly username: string;
  readonly password: string;
  /** In PEM. */
  readonly ca?: string;
}

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
  let read: z.output<typeof identity>;
  try {
    read = identity.parse(parse(text));
  } catch {
    throw new ConfigError(`identity: ${file} is none; it has two lines, username: and password:, and may have ca:`);
  }
  const { ca, ...login } = read;
  return ca === undefined ? login : { ...login, ca: readAuthority(resolve(dirname(file), ca)) };
}

function readAuthority(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    new X509Certificate(text);
    return text;
  } catch (thrown) {
    throw new ConfigError(
      `identity: ca: ${file} is no certificate in PEM (${messageOf(thrown).split(',')[0]}); name the broker's authority`,
    );
  }
}
