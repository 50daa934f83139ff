/**
 * How a client command reaches the page's server: where that is, whose certificate it may have, and the token that is shown there.
 * On this machine none of that is needed.
 *
 *     --url https://sluice.example.com, or SLUICE_URL          another machine's
 *     SLUICE_TOKEN, or --token-file with a file for its owner alone
 *     --ca file.pem, or NODE_EXTRA_CA_CERTS                     an authority that the system does not know
 *
 * A token is sent over TLS alone, or to this machine; never on to where an answer points.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { request as overHttp, type RequestOptions } from 'node:http';
import { request as overTls } from 'node:https';
import { Readable } from 'node:stream';
import type { Config } from '../config.ts';
import { messageOf, SluiceError, UsageError } from '../errors.ts';
import type { Settings } from '../node.ts';

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface Reach {
  /** As in `https://sluice.example.com`. */
  readonly base: string;
  /** As `fetch` does, but for following to elsewhere. Rejects where nothing answers. */
  ask(path: string, asked?: Asked): Promise<Response>;
  /** The same for a WebSocket: what its client is made with. */
  readonly socket: { readonly url: string; readonly options: { readonly headers: Readonly<Record<string, string>>; readonly ca?: string } };
  /** Whether it is another machine's, whose files and sockets are not here. */
  readonly elsewhere: boolean;
}

export type ReachFlags = { readonly [Name in 'url' | 'ca' | 'tokenFile' | 'port']?: string | undefined };

/** Whether a command asks the page of another machine. */
export const isElsewhere = ({ url, port }: ReachFlags): boolean => urlOf({ url, port }) !== undefined;

/** What was typed goes before what the environment says. */
const urlOf = ({ url, port }: ReachFlags): string | undefined =>
  url ?? (port === undefined ? process.env.SLUICE_URL || undefined : undefined);

/** @throws UsageError, SluiceError: never with the token in it */
export function reachOf({ settings: { live } }: Pick<Config, 'settings'>, flags: ReachFlags = {}): Reach {
  const url = urlOf(flags);
  const base = url === undefined ? pageOf(live) : checked(url);
  const token = tokenOf(flags);
  const ca = flags.ca === undefined ? undefined : read('--ca', flags.ca);
  const { protocol, hostname } = new URL(base);
  if (token !== undefined && protocol !== 'https:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
    throw new UsageError(`${base} has no TLS, so that everybody on the way could read the token; write https://`);
  const shown: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const tls = ca === undefined ? {} : { ca };
  return {
    base,
    elsewhere: url !== undefined,
    socket: { url: `${base.replace(/^http/, 'ws')}/api/live`, options: { headers: shown, ...tls } },
    ask: (path, { headers, body, ...asked } = {}) =>
      exchange(`${base}${path}`, { ...asked, headers: { ...headers, ...shown, ...lengthOf(body) }, ...tls }, body),
  };
}

/** Where a process shows its page, for a person and for a client. What listens on all addresses is also on this one. */
export function pageOf({ listen, tls, names, behind }: Settings['live']): string {
  if (behind !== undefined) return behind;
  const host = listen.slice(0, listen.lastIndexOf(':'));
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  const here = /^(0\.0\.0\.0|\[::\])$/.test(host) ? '127.0.0.1' : host;
  return tls ? `https://${names?.[0] ?? nameIn(tls.cert) ?? here}:${port}` : `http://${here}:${port}`;
}

/** The first name that a certificate is for; undefined where it cannot be read by this user. */
function nameIn(file: string): string | undefined {
  try {
    const { subjectAltName = '' } = new X509Certificate(readFileSync(file));
    return /(?:DNS|IP Address):(?!\*)([^,"\s]+)/.exec(subjectAltName)?.[1];
  } catch {
    return undefined;
  }
}

function checked(url: string): string {
  const read = URL.canParse(url) ? new URL(url) : undefined;
  if (
    !read ||
    !/^https?:$/.test(read.protocol) ||
    read.username !== '' ||
    read.password !== '' ||
    !/^\/?$/.test(read.pathname + read.search)
  )
    throw new UsageError(`"${url.includes('@') ? '…' : url}" is not where a page is; write it as in --url https://sluice.example.com`);
  return read.origin;
}

function tokenOf({ tokenFile }: ReachFlags): string | undefined {
  if (tokenFile === undefined) return process.env.SLUICE_TOKEN?.trim() || undefined;
  const token = read('--token-file', tokenFile).trim();
  if ((statSync(tokenFile).mode & 0o077) !== 0) throw new UsageError(`--token-file: ${tokenFile} can be read by others; chmod 600 it`);
  if (!/^[\x21-\x7e]{1,512}$/.test(token))
    throw new UsageError(`--token-file: ${tokenFile} holds no token; put what "sluice token new --look" printed into it`);
  return token;
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${flag}: ${file} cannot be read (${messageOf(cause).split(',')[0]})`, { cause });
  }
}

const lengthOf = (body: string | undefined): Record<string, string> =>
  body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };

function exchange(url: string, options: RequestOptions & { readonly ca?: string }, body: string | undefined): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? overTls : overHttp;
    const sent = request(url, { agent: false, ...options }, (answer) => {
      const status = answer.statusCode ?? 502;
      const headers = new Headers(Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]));
      const bare = status === 204 || status === 304 || options.method === 'HEAD';
      if (bare) answer.resume();
      // A body that is not read, and is cut off, is nobody's error.
      answer.on('error', () => {});
      resolve(new Response(bare ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), { status, headers }));
    });
    sent.on('error', (cause) => reject(explained(cause, url)));
    sent.end(body);
  });
}

/** A certificate that is not trusted is no server that is away. */
export function explained(cause: unknown, url: string): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!/CERT|SELF_SIGNED|ISSUER|ALTNAME|SSL|VERIFY/.test(code)) return cause;
  return new SluiceError(
    `${new URL(url).origin}: its certificate is not trusted (${code}); name its authority with --ca, or ask by a name that it is for`,
    { cause },
  );
}
