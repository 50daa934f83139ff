/**
 * What a server costs on the wire: real agents with the default monitors, one for each linger, send through a proxy of their own that
 * counts the bytes of its sockets, both ways, AMQP's own and confirms included. Side by side, so that all measure the same machine.
 *
 * Yardstick: what the bodies of the same messages are as JSON, uncompressed and without anything around them, read by a viewer.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { kindNames, kinds } from '../../core/kinds.ts';
import { type Bench, type Figure, withBroker } from './shared/figure.ts';
import { endNode, startNode, usageOf } from './shared/usage.ts';

const command = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const lingers = ['0', '1s', '5s'] as const;

/** Hands everything on to the broker, and counts it. */
async function countingProxy(url: string): Promise<{ url: string; bytes(): { up: number; down: number }; close(): void }> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const bytes = { up: 0, down: 0 };
  const server = createServer((client) => {
    const broker = connect({ host: hostname, port: Number(port || 5672), noDelay: true });
    client.setNoDelay(true);
    for (const [from, to, way] of [
      [client, broker, 'up'],
      [broker, client, 'down'],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk: Buffer) => {
        bytes[way] += chunk.length;
        to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => ({ ...bytes }),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Heard {
  messages: number;
  events: number;
  json: number;
}

/** Reads what all write, by host: the third word from the place on. */
async function listen(url: string): Promise<{ of(host: string): Heard; close(): Promise<void> }> {
  const bus = rabbitBus({ urls: [url], clock: systemClock, report: () => {} });
  const heard = new Map<string, Heard>();
  const of = (host: string): Heard => {
    const known = heard.get(host) ?? { messages: 0, events: 0, json: 0 };
    heard.set(host, known);
    return known;
  };
  for (const travels of ['telemetry', 'heartbeat', 'state'] as const) {
    const topics = kindNames.filter((kind) => kinds[kind].delivery === travels).map((kind) => ({ kind, pattern: '#' }));
    await bus.subscribe(
      { topics, queue: 'viewer', prefetch: 1000 },
      {
        deliver({ message, ack }) {
          const counts = of(message.keys[0]?.split('.')[3] ?? '');
          const body = message.encoding === 'gzip' ? gunzipSync(message.body) : message.body;
          counts.messages += 1;
          counts.events += message.batch ? (JSON.parse(body.toString()) as unknown[]).length : 1;
          counts.json += body.length;
          ack();
        },
        pipe: () => {},
      },
    );
  }
  return { of, close: () => bus.close(0) };
}

async function measure(url: string, warmMs: number, spanMs: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-wire-'));
  const listening = await listen(url);
  const agents: { linger: string; host: string; proxy: Awaited<ReturnType<typeof countingProxy>>; child: ChildProcess }[] = [];
  try {
    for (const linger of lingers) {
      const [host, proxy] = [`linger-${linger}`, await countingProxy(url)];
      const file = join(folder, `${host}.yaml`);
      writeFileSync(file, JSON.stringify({ place: 'acme.shop.prod', host, bus: proxy.url, run: ['agent'], linger }));
      agents.push({ linger, host, proxy, child: startNode([command, 'run', file, '--state', join(folder, host)]) });
    }
    const look = () => agents.map(({ host, proxy, child }) => ({ ...proxy.bytes(), ...listening.of(host), cpuMs: usageOf(child).cpuMs }));
    await systemClock.sleep(warmMs);
    const began = systemClock.monotonic();
    const before = look();
    await systemClock.sleep(spanMs);
    const after = look();
    const seconds = (systemClock.monotonic() - began) / 1000;
    return agents.flatMap(({ linger }, index): Figure[] => {
      const grown = (name: 'up' | 'down' | 'messages' | 'events' | 'json' | 'cpuMs'): number =>
        (after[index]?.[name] ?? 0) - (before[index]?.[name] ?? 0);
      const hourly = (bytes: number): number => (bytes / seconds) * 3600 * 1e-6;
      const of = `over ${Math.round(seconds)} s: ${(grown('events') / seconds).toFixed(1)} events/s in ${(grown('messages') / seconds).toFixed(2)} messages/s, ${hourly(grown('down')).toFixed(2)} MB of it from the broker`;
      return [
        {
          what: `linger ${linger}, on the wire, both ways`,
          value: hourly(grown('up') + grown('down')),
          unit: 'MB per server and hour',
          yardstick: { what: 'the same bodies as JSON', value: hourly(grown('json')) },
          of,
        },
        { what: `linger ${linger}, CPU of the agent`, value: grown('cpuMs') / seconds, unit: 'ms/s', budget: { most: 10 } },
      ];
    });
  } finally {
    await Promise.all(agents.map(({ child }) => endNode(child)));
    for (const { proxy } of agents) proxy.close();
    await listening.close();
    rmSync(folder, { recursive: true });
  }
}

export default {
  doc: 'bytes on the wire for a server with the default monitors, and its CPU, at each linger',
  async run(size) {
    if (!existsSync(command)) throw new Error('dist/ is not built; npm run build');
    const [warmMs, spanMs] = size === 'short' ? [3000, 6000] : [20_000, 60_000];
    return withBroker((url) => measure(url, warmMs, spanMs));
  },
} satisfies Bench;
