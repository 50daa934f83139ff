/**
 * Where the page may listen, and what to say when it may not. On loopback it is open for reading to whoever sits there. Anywhere else
 * an open port would show a machine's logs to its whole network: so there it has TLS, or the word that a proxy before it has, and
 * whoever comes needs a token.
 */
import { ConfigError } from 'sluice';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Files with its certificate and its key, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** The names by which it may be asked for, where they are not those of the certificate. */
  readonly names?: readonly string[] | undefined;
  /** The folder of the tokens that may be shown. */
  readonly tokens?: string | undefined;
  /** The origin as which a proxy that has TLS shows it. */
  readonly behind?: string | undefined;
}

export type Written = Omit<Address, 'host' | 'port'> & { readonly listen: string };

/** Takes `127.0.0.1:7400`, `[::1]:7400` or `localhost:7400` apart. Port 0 is any free one. @throws ConfigError */
export function parseListen({ listen, tls, names, behind, tokens }: Written): Address {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || port > 65_535) throw new ConfigError(`live: "${listen}" is no address; write listen: 127.0.0.1:7400`);
  if (behind !== undefined && (!URL.canParse(behind) || new URL(behind).protocol !== 'https:' || new URL(behind).origin !== behind))
    throw new ConfigError(
      `live: behind: "${behind}" is not where a proxy with TLS shows a page; write its scheme and name alone, as in https://sluice.example.com`,
    );
  if (names && !tls)
    throw new ConfigError('live: names: are those of a certificate; write tls: {cert: page.pem, key: page.key} beside them');
  if (!isLoopback(host) && !tls && behind === undefined)
    throw new ConfigError(
      `live: listening on ${host} would show this machine to its network, and to whoever listens on the way; write tls: {cert: page.pem, key: page.key} ` +
        'beside listen, or behind: https://sluice.example.com where a proxy has TLS, and make a token: sluice token new --look viewer. ' +
        `Or listen on 127.0.0.1 and come through a tunnel: ssh -L ${port}:127.0.0.1:${port} <this machine>`,
    );
  return { host, port, tls, names, behind, tokens };
}

/** Whether whoever reaches it may look without a token: who sits at this machine. A proxy may bring anybody. */
export const isOpen = ({ host, tls, behind }: Address): boolean => isLoopback(host) && !tls && behind === undefined;

/** An address as it stands in a URL. */
export const formatAddress = ({ host, port }: Pick<Address, 'host' | 'port'>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** What the operating system's refusal to listen means for the person who reads it. */
export function listenError(thrown: unknown, address: Address): unknown {
  const where = formatAddress(address);
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'EADDRINUSE') return new ConfigError(`live: ${where} is taken; stop the other program or use --port`, { cause: thrown });
  if (code === 'EACCES') return new ConfigError(`live: may not listen on ${where}; use a port above 1023 with --port`, { cause: thrown });
  if (code === 'EADDRNOTAVAIL')
    return new ConfigError(`live: this machine has no address ${address.host}; listen on 127.0.0.1`, { cause: thrown });
  return thrown;
}
