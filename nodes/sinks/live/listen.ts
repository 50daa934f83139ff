/**
 * Where the page may listen, and what to say when it may not. Until it has tokens and TLS it listens on loopback only: an
 * open port would show a machine's logs to its whole network.
 */
import { ConfigError } from 'sluice';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Takes `127.0.0.1:7400`, `[::1]:7400` or `localhost:7400` apart. Port 0 is any free one. @throws ConfigError */
export function parseListen(listen: string): Address {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || port > 65_535) throw new ConfigError(`live: "${listen}" is no address; write listen: 127.0.0.1:7400`);
  if (!isLoopback(host)) {
    throw new ConfigError(
      `live: listening on ${host} would show this machine to its network; ` +
        `listen on 127.0.0.1 and come through a tunnel: ssh -L ${port}:127.0.0.1:${port} <this machine>`,
    );
  }
  return { host, port };
}

/** An address as it stands in a URL. */
export const formatAddress = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

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
