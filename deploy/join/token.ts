/**
 * A token lets servers in: the name and secret of a broker's user that may do nothing but ask for an identity, and the
 * fingerprint of the authority that the broker's certificate must come from, so that a server needs no file beforehand.
 *
 *     sluice1 + base64url( id 6 bytes | secret 24 | fingerprint 32, or none where there is no TLS | checksum 4 )
 *
 * The broker keeps a salted hash of the secret, the hub none at all: who asks is what the broker has checked.
 */
import { createHash, randomBytes } from 'node:crypto';
import { SluiceError } from 'sluice';

export interface Token {
  /** Twelve hexadecimal digits. No secret: it stands in lists and records. */
  readonly id: string;
  readonly secret: string;
  /** SHA-256 of the authority's certificate, in hexadecimal. */
  readonly fingerprint?: string;
}

const prefix = 'sluice1';
const idBytes = 6;
const secretBytes = 24;
const pinBytes = 32;
const sumBytes = 4;

const userPrefix = 'sluice-token-';

/** The broker's user of a token. */
export const userOfToken = (id: string): string => `${userPrefix}${id}`;

/** The token that a broker's user is, or undefined when it is none. */
export function tokenOfUser(user: string): string | undefined {
  const id = user.startsWith(userPrefix) ? user.slice(userPrefix.length) : '';
  return isTokenId(id) ? id : undefined;
}

export const isTokenId = (text: string): boolean => /^[0-9a-f]{12}$/.test(text);

export function newToken(fingerprint?: string): Token {
  return {
    id: randomBytes(idBytes).toString('hex'),
    secret: randomBytes(secretBytes).toString('base64url'),
    ...(fingerprint !== undefined && { fingerprint }),
  };
}

export function formatToken({ id, secret, fingerprint = '' }: Token): string {
  const body = Buffer.concat([Buffer.from(id, 'hex'), Buffer.from(secret, 'base64url'), Buffer.from(fingerprint, 'hex')]);
  return prefix + Buffer.concat([body, checksum(body)]).toString('base64url');
}

/** @throws SluiceError, without repeating the text. */
export function parseToken(text: string): Token {
  const written = text.trim();
  const bytes = written.startsWith(prefix) ? Buffer.from(written.slice(prefix.length), 'base64url') : Buffer.alloc(0);
  const body = bytes.subarray(0, -sumBytes);
  const fits = [idBytes + secretBytes, idBytes + secretBytes + pinBytes].includes(body.length);
  if (!fits || !checksum(body).equals(bytes.subarray(-sumBytes)))
    throw new SluiceError(
      'the token is none, or a part of it is missing; copy the whole line that "sluice hub init" or "sluice token new" printed',
    );
  const pin = body.subarray(idBytes + secretBytes);
  return {
    id: body.subarray(0, idBytes).toString('hex'),
    secret: body.subarray(idBytes, idBytes + secretBytes).toString('base64url'),
    ...(pin.length > 0 && { fingerprint: pin.toString('hex') }),
  };
}

/** Against a line that was copied badly, not against anyone. */
const checksum = (body: Buffer): Buffer => createHash('sha256').update(prefix).update(body).digest().subarray(0, sumBytes);
