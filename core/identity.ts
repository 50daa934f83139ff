/**
 * Who this process is to a broker: a small file that only its owner can read, so that no credential stands in a config, an
 * address or an environment.
 *
 *     username: acme.shop.prod.web-1
 *     password: correct horse battery staple
 *
 * or, where the broker knows hosts by their certificates (EXTERNAL), whose common name is the user:
 *
 *     username: acme.shop.prod.web-1
 *     certificate: web-1.pem
 *     key: web-1.key
 *
 * and with either, where it is not one of the system's:
 *
 *     ca: ca.pem          the authority that the broker's certificate must come from, beside this file
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError, messageOf } from './errors.ts';

const path = z.string().min(1);
const named = { username: z.string().min(1).max(255), ca: path.optional() };
const identity = z.union([
  z.strictObject({ ...named, password: z.string().max(1024) }),
  z.strictObject({ ...named, certificate: path, key: path }),
]);

export interface Identity {
  readonly username: string;
  /** Empty where there is a certificate. */
  readonly password: string;
  /** All three in PEM. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
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
    throw new ConfigError(`identity: ${file} is none; it has username: and password:, or certificate: and key:, and may have ca:`);
  }
  const beside = (name: string) => resolve(dirname(file), name);
  const { username, ca } = read;
  return {
    username,
    ...('password' in read
      ? { password: read.password }
      : { password: '', ...readPair(username, beside(read.certificate), beside(read.key)) }),
    ...(ca !== undefined && { ca: readCertificate('ca', beside(ca), "name the broker's authority") }),
  };
}

function readCertificate(what: string, file: string, advice: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    new X509Certificate(text);
    return text;
  } catch (thrown) {
    throw new ConfigError(`identity: ${what}: ${file} is no certificate in PEM (${messageOf(thrown).split(',')[0]}); ${advice}`);
  }
}

/** A certificate that the broker will take for this user, and its key. */
function readPair(username: string, certificateFile: string, keyFile: string): { certificate: string; key: string } {
  const certificate = readCertificate('certificate', certificateFile, 'name the one that was made for this host');
  const [key, parsed] = [readKey(keyFile), new X509Certificate(certificate)];
  const name = parsed.subject
    .split('\n')
    .find((line) => line.startsWith('CN='))
    ?.slice('CN='.length);
  if (name !== username)
    throw new ConfigError(`identity: ${certificateFile} is of ${name ?? 'nobody'} and not of ${username}; name the one of this host`);
  if (!parsed.checkPrivateKey(createPrivateKey(key)))
    throw new ConfigError(`identity: ${keyFile} is not the key of ${certificateFile}; name the one that it was made with`);
  return { certificate, key };
}

function readKey(file: string): string {
  try {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) throw new ConfigError(`identity: key: ${file} can be read by others; chmod 600 it`);
    const text = readFileSync(file, 'utf8');
    createPrivateKey(text);
    return text;
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    throw new ConfigError(`identity: key: ${file} is no private key in PEM without a password; name the certificate's key`);
  }
}
