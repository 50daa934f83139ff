/**
 * The server of the live page, put together: memory, present, catalogue, HTTP and sockets, on one port. Loaded when the sink
 * starts, so that a process which only lists its nodes loads none of it.
 *
 * events → what is remembered, and frames to the viewers.
 */
import { type Server, STATUS_CODES } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { type Event, type Kind, Outside, type Services } from 'sluice';
import { readAssets } from './assets.ts';
import { createChannels } from './channels/index.ts';
import { openEntrance } from './door/entrance.ts';
import { createEpisodes } from './episodes.ts';
import { createFleet } from './fleet/fleet.ts';
import { refusal, strangeNames, told } from './guard.ts';
import { createApp } from './http.ts';
import { type Address, formatAddress, listenError } from './listen.ts';
import { createMemory } from './memory.ts';
import { createMeter } from './meter.ts';
import { createPresent } from './present.ts';
import { createPrometheus } from './prometheus.ts';
import { createMarks } from './series/marks.ts';
import { createSeriesMemory } from './series/memory.ts';
import { createViewers, refuse } from './viewers.ts';

export interface Limits {
  /** How long events are remembered, in seconds. */
  readonly seconds: number;
  /** Bytes of events that are remembered; the present may take a quarter as much again, series twice as much. */
  readonly bytes: number;
  readonly viewers: number;
}

export interface LiveServer {
  /** `http://127.0.0.1:7400`, with the port that was taken. */
  readonly url: string;
  /** The port that was taken, also behind a proxy. */
  readonly port: number;
  /** All that may be asked: paths over HTTP, and sorts of channel. */
  readonly asked: { readonly routes: readonly { readonly method: string; readonly path: string }[]; readonly channels: readonly string[] };
  write(events: readonly Event[]): void;
  /** Ends all connections at once. Safe twice. */
  close(): Promise<void>;
}

const maxServers = 10_000;
/** Metrics, and series of each, that are remembered second by second. */
const maxNames = 2_000;
const maxSeriesEach = 5_000;
/** What these may take, beside the bytes of events: 64 MiB hold 25,000 series of ten minutes in twice as much. */
const seriesShare = 2;
/** Connections beside those of the viewers: pages that are being loaded, scripts, Prometheus. */
const otherConnections = 256;

/** Listens, then resolves. @throws ConfigError when the address cannot be had. */
export async function openLive(address: Address, limits: Limits, services?: Services): Promise<LiveServer> {
  const memory = createMemory({ ticks: limits.seconds, bytes: limits.bytes });
  const present = createPresent({ ticks: limits.seconds, bytes: limits.bytes / 4 });
  const meter = createMeter();
  const fleet = createFleet({ ticks: limits.seconds, hosts: maxServers });
  const marks = createMarks(services?.clock.now());
  const series = createSeriesMemory({
    seconds: limits.seconds,
    bytes: limits.bytes * seriesShare,
    each: maxSeriesEach,
    names: maxNames,
    now: services?.clock.now,
  });
  const episodes = createEpisodes(limits.seconds);
  const { welcome, door, tls, renewing } = openEntrance(address, services);
  const channels = createChannels({ memory, present, meter, fleet, episodes, series, services });
  const viewers = createViewers(channels, limits.viewers, services?.look, (looker, thrown) => {
    if (thrown instanceof Outside) door.tell(looker, told.outside, { to: thrown.asked });
  });
  const taken = new Map<Kind, number>();
  const prometheus = createPrometheus({ memory, present, viewers, taken });
  const app = createApp({ welcome, door, assets: await readAssets(), memory, present, series, marks, viewers, prometheus, services });

  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false, ...tls }) as Server;
  const renew = renewing(server);
  server.maxConnections = limits.viewers + otherConnections;
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.on('upgrade', (request, socket, head: Buffer) => {
    // An upgrade's socket is ours: unheard, its errors would end the process.
    socket.on('error', () => socket.destroy());
    const refused = refusal(request.headers, welcome);
    if (refused) {
      door.tell(request, told.foreign, strangeNames(request.headers));
      refuse(socket, '403 Forbidden', refused);
    } else if (request.url?.split('?')[0] !== '/api/live') refuse(socket, '404 Not Found', 'sluice: live: the WebSocket is at /api/live');
    else {
      const asked = door.upgrade(request);
      if ('status' in asked) refuse(socket, `${asked.status} ${STATUS_CODES[asked.status]}`, asked.text);
      else viewers.accept(request, socket, head, asked.looker);
    }
  });
  const port = await listen(server, address);

  const ticking = setInterval(() => {
    memory.tick();
    present.tick(memory.now);
    episodes.tick(memory.now);
    meter.tick();
    fleet.tick();
    series.tick();
    viewers.tick();
    door.tick();
    viewers.dismiss((looker) => !door.admits(looker));
    renew();
  }, 1000);
  ticking.unref();
  let closed: Promise<void> | undefined;

  return {
    url: address.behind ?? `${welcome.scheme}://${formatAddress({ host: welcome.called ?? address.host, port })}`,
    port,
    asked: { routes: app.routes.map(({ method, path }) => ({ method, path })), channels: channels.map(({ name }) => name) },
    write(events) {
      for (const event of events) {
        taken.set(event.kind, (taken.get(event.kind) ?? 0) + 1);
        meter.take(event);
        const entry = memory.add(event);
        if (event.kind === 'state' && !present.take(event, entry)) continue;
        if (event.kind === 'metric') series.take(event);
        else marks.take(event);
        fleet.take(event);
        episodes.take(event, memory.now);
        viewers.publish(event, entry);
      }
    },
    close() {
      closed ??= new Promise((resolve) => {
        clearInterval(ticking);
        viewers.close();
        door.close();
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
