/**
 * The page's certificate and key, from their files: read anew when they change, since whoever renews a certificate restarts nothing.
 * A pair that does not fit is not taken, and said; the one before goes on.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import { ConfigError, messageOf } from 'sluice';

export interface Files {
  readonly cert: string;
  readonly key: string;
}

export interface Pair {
  readonly cert: string;
  readonly key: string;
  /** The names and addresses that it is for, without those with a star. */
  readonly names: readonly string[];
}

/** @throws ConfigError that says what to do, and nothing of the key */
export function readPair({ cert, key }: Files): Pair {
  const [certText, keyText] = [read('cert', cert), read('key', key)];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certText);
  } catch {
    throw new ConfigError(`live: tls: cert: ${cert} is no certificate in PEM; name the file that has it`);
  }
  let fits = false;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(keyText));
  } catch {
    throw new ConfigError(`live: tls: key: ${key} is no private key in PEM without a password; name the certificate's key`);
  }
  if (!fits) throw new ConfigError(`live: tls: key: ${key} is not the key of ${cert}; name the one that it was made with`);
  return { cert: certText, key: keyText, names: namesOf(certificate) };
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(
      `live: tls: ${what}: ${file} cannot be read (${messageOf(cause).split(',')[0]}); check the path, and who may read it`,
      {
        cause,
      },
    );
  }
}

const namesOf = ({ subjectAltName = '' }: X509Certificate): string[] =>
  [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,"\s]+)/g)].map(([, name = '']) => name).filter((name) => !name.includes('*'));

/** Looks whether the files have changed; to be called now and then. */
export function renewing(
  files: Files,
  server: Pick<Server, 'setSecureContext'>,
  say: (level: 'info' | 'warn', text: string) => void,
): () => void {
  let known = stampOf(files);
  return () => {
    const is = stampOf(files);
    if (is === known) return;
    known = is;
    try {
      const { cert, key } = readPair(files);
      server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
      say('info', `the page has the certificate of ${files.cert} as it is now`);
    } catch (thrown) {
      say('warn', `${messageOf(thrown).replace(/^sluice: live: /, '')}; the page goes on with the one before`);
    }
  };
}

function stampOf({ cert, key }: Files): string {
  return [cert, key]
    .map((file) => {
      try {
        const { mtimeMs, ino, size } = statSync(file);
        return `${ino} ${mtimeMs} ${size}`;
      } catch {
        return '';
      }
    })
    .join(' ');
}
