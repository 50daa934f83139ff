/** The page's entrance as its address says: which names are welcome there, over TLS or not, and what has to be shown. */
import type { Server } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import { ConfigError, type Services } from 'sluice';
import { behindProxy, loopback, ofNames, type Welcome } from '../guard.ts';
import { type Address, isOpen } from '../listen.ts';
import { readPair, renewing } from './certificate.ts';
import { createDoor, type Door } from './door.ts';

export interface Entrance {
  readonly welcome: Welcome;
  readonly door: Door;
  /** How the server is made, where it has TLS. */
  readonly tls: object;
  /** To be called each second: takes a certificate that was renewed. */
  renewing(server: Server): () => void;
}

/** Seconds between two looks at the files of the certificate. */
const renewTicks = 2;

/** @throws ConfigError that says what to write */
export function openEntrance(address: Address, services: Services | undefined): Entrance {
  const { host, tls, names, behind } = address;
  const pair = tls && readPair(tls);
  const ours = names ?? pair?.names ?? [];
  if (pair && behind === undefined && ours.length === 0)
    throw new ConfigError('live: the certificate names no host without a star; write names: [sluice.example.com] beside tls');
  const open = isOpen(address);
  if (!open && !services) throw new ConfigError('live: who shows a token is written down, for which there is nothing here; use sluice run');
  return {
    welcome: behind !== undefined ? behindProxy(behind) : pair ? ofNames(ours) : loopback(host),
    door: createDoor({
      tokens: services && address.tokens,
      open,
      now: () => services?.clock.now() ?? 0,
      audit: async (what) => services?.audit(what),
      say: (text) => services?.say('warn', text),
    }),
    tls: pair ? { createServer, serverOptions: { cert: pair.cert, key: pair.key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 } } : {},
    renewing(server) {
      // Whoever speaks no TLS, or breaks off, is heard no further.
      server.on('tlsClientError', (_, socket) => socket.destroy());
      const look = tls && services ? renewing(tls, server as TlsServer, services.say) : () => {};
      let ticks = 0;
      return () => {
        if (++ticks % renewTicks === 0) look();
      };
    },
  };
}
