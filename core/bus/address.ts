/**
 * Where a broker is. An address never holds credentials: those are the identity's, and an address is printed.
 */
import { ConfigError } from '../errors.ts';

export interface Address {
  readonly protocol: 'amqp' | 'amqps';
  readonly hostname: string;
  readonly port: number;
  /** As it stands in the url, percent-encoded. */
  readonly vhost: string;
}

/** @throws ConfigError without repeating the text, which may hold a password. */
export function parseAddress(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol.slice(0, -1);
  if (!url || (protocol !== 'amqp' && protocol !== 'amqps') || url.hostname === '')
    throw new ConfigError('bus: an address is not one of a broker; write amqp://host/vhost or amqps://host/vhost');
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(`bus: the address of ${url.hostname} holds credentials; take them out, they belong to the identity`);
  return {
    protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (protocol === 'amqp' ? 5672 : 5671),
    vhost: url.pathname.slice(1) || '/',
  };
}

export function formatAddress({ protocol, hostname, port, vhost }: Address): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `${protocol}://${host}:${port}/${vhost === '/' ? '' : vhost}`;
}
