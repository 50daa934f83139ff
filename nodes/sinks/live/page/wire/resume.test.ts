/** The page's line and live's server, with the line cut between them. */
import { type Event, virtualClock } from 'sluice';
import { afterEach, expect, it } from 'vitest';
import { WebSocket as Socket } from 'ws';
import { createWriter } from '../../../../../test/browser/imitate.ts';
import { type LiveServer, openLive } from '../../server.ts';
import { createLine, type Frame } from './line.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const start = virtualClock().now();
const write = createWriter();
const log = (body: string): Event =>
  write({ kind: 'log', host: 'web-1', resource: ['log'], time: start, data: { lines: [{ body, severity: 'info' }] } });
const state = (value: unknown): Event =>
  write({ kind: 'state', host: 'web-1', resource: ['own'], time: start, data: { of: 'own', value } as never });

interface Heard extends Frame {
  readonly snapshot?: Event[];
  readonly events?: Event[];
}

async function open(port = 0): Promise<LiveServer> {
  const server = await openLive({ host: '127.0.0.1', port } as Parameters<typeof openLive>[0], {
    seconds: 600,
    bytes: 8_388_608,
    viewers: 4,
  });
  closing.push(() => server.close());
  return server;
}

const told = ({ snapshot, events }: Heard) =>
  (snapshot ?? events ?? []).map(({ data }) => ('lines' in data ? data.lines[0]?.body : 'value' in data ? data.value : undefined));

it('goes on where it was, told once what came meanwhile; and begins anew with a server that knows nothing', async () => {
  const server = await open();
  const port = Number(new URL(server.url).port);
  const sockets: Socket[] = [];
  const line = createLine({
    open() {
      const socket = new Socket(`ws://127.0.0.1:${port}/api/live`);
      // A browser tells it by an event, and so it does here; the line tries again, also while no server is there.
      socket.on('error', () => {});
      sockets.push(socket);
      closing.push(() => socket.terminate());
      return socket as unknown as WebSocket;
    },
  });
  const heard: Heard[] = [];
  let came = () => {};
  closing.push(
    line.ask<Heard>({ subscribe: [{ kind: 'log' }, { kind: 'state' }] }, (frame) => {
      heard.push(frame);
      came();
    }),
  );
  const next = async (fits: (frame: Heard) => unknown): Promise<Heard> => {
    for (;;) {
      const index = heard.findIndex(fits);
      if (index >= 0) return heard.splice(0, index + 1).at(-1) as Heard;
      await new Promise<void>((resolve) => {
        came = resolve;
      });
    }
  };
  server.write([log('before'), state(1)]);
  await next((frame) => told(frame).includes(1));
  sockets.at(-1)?.terminate();
  server.write([log('meanwhile'), state(null)]);
  const again = await next(({ resumed }) => resumed);
  expect([again.resumed, told(again)]).toEqual(['all', ['meanwhile', null]]);
  server.write([log('after')]);
  expect(told(await next(({ events }) => events?.length))).toEqual(['after']);

  await server.close();
  const other = await open(port);
  other.write([log('elsewhere')]);
  const anew = await next(({ resumed }) => resumed);
  expect(anew.resumed).toBe('none');
  if (told(anew).length === 0) expect(told(await next(({ events }) => events?.length))).toEqual(['elsewhere']);
  else expect(told(anew)).toEqual(['elsewhere']);
});
