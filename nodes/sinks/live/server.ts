/**
 * The server of the live page, put together: memory, present, catalogue, HTTP and sockets, on one port. Loaded when the sink
 * starts, so that a process which only lists its nodes loads none of it.
 *
 * events → what is remembered, and frames to the viewers.
 */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Event, Kind, Services } from 'sluice';
import { readAssets } from './assets.ts';
import { createCatalog } from './catalog.ts';
import { refusal } from './guard.ts';
import { createApp } from './http.ts';
import { type Address, formatAddress, listenError } from './listen.ts';
import { createMemory } from './memory.ts';
import { createPresent } from './present.ts';
import { createPrometheus } from './prometheus.ts';
import { createViewers, refuse } from './viewers.ts';

export interface Limits {
  /** How long events are remembered, in seconds. */
  readonly seconds: number;
  /** Bytes of events that are remembered; the present may take a quarter as much again. */
  readonly bytes: number;
  readonly viewers: number;
}

export interface LiveServer {
  /** `http://127.0.0.1:7400`, with the port that was taken. */
  readonly url: string;
  write(events: readonly Event[]): void;
  /** Ends all connections at once. Safe twice. */
  close(): Promise<void>;
}

const maxSeries = 20_000;
const maxConnections = 256;

/** Listens, then resolves. @throws ConfigError when the address cannot be had. */
export async function openLive(address: Address, limits: Limits, services?: Services): Promise<LiveServer> {
  const memory = createMemory({ ticks: limits.seconds, bytes: limits.bytes });
  const present = createPresent({ ticks: limits.seconds, bytes: limits.bytes / 4 });
  const catalog = createCatalog({ ticks: limits.seconds, bound: maxSeries });
  const viewers = createViewers(memory, present, limits.viewers, services?.look);
  const taken = new Map<Kind, number>();
  const prometheus = createPrometheus({ memory, present, viewers, taken });
  const app = createApp({ host: address.host, assets: await readAssets(), memory, present, catalog, viewers, prometheus, services });

  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  server.maxConnections = maxConnections;
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.on('upgrade', (request, socket, head: Buffer) => {
    // An upgrade's socket is ours: unheard, its errors would end the process.
    socket.on('error', () => socket.destroy());
    const refused = refusal(request.headers, address.host);
    if (refused) refuse(socket, '403 Forbidden', refused);
    else if (request.url?.split('?')[0] !== '/api/live') refuse(socket, '404 Not Found', 'sluice: live: the WebSocket is at /api/live');
    else viewers.accept(request, socket, head);
  });
  const port = await listen(server, address);

  const ticking = setInterval(() => {
    memory.tick();
    present.tick(memory.now);
    catalog.tick(memory.now);
    viewers.tick();
  }, 1000);
  ticking.unref();
  let closed: Promise<void> | undefined;

  return {
    url: `http://${formatAddress({ ...address, port })}`,
    write(events) {
      for (const event of events) {
        taken.set(event.kind, (taken.get(event.kind) ?? 0) + 1);
        const entry = memory.add(event);
        if (event.kind === 'state' && !present.take(event, entry)) continue;
        if (event.kind === 'metric') catalog.take(event, memory.now);
        viewers.publish(entry);
      }
    },
    close() {
      closed ??= new Promise((resolve) => {
        clearInterval(ticking);
        viewers.close();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

function listen(server: Server, address: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (thrown) => reject(listenError(thrown, address)));
    server.listen(address.port, address.host, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound ? bound.port : address.port);
    });
  });
}
