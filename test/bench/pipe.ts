/**
 * How much goes through a whole pipe in one process: a monitor that writes as fast as it may, its spool, the bus, threshold with
 * its default rules, its spool, the bus again, a sink. The runtime is the real one, on real state. The last event fires a rule, so the
 * pipe is through when the sink has that alert; that threshold was given every event is checked.
 *
 * Yardsticks: for RabbitMQ, amqplib alone with the same bodies, keys, confirms and type of queue; in process, where a bus costs
 * nothing, only writing and reading the same events as JSON.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bus, Message } from '../../core/bus/bus.ts';
import { embeddedBus } from '../../core/bus/embedded.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config.ts';
import { type Process, runProcess } from '../../core/runtime/process.ts';
import { bareRate } from './shared/bare.ts';
import { type Bench, type Figure, quantile, withBroker } from './shared/figure.ts';
import { keyOf, type Load, load, ownMix } from './shared/mix.ts';

const servers = 50;
const patienceMs = 60_000;
/** As many messages as the yardstick sends in turn. */
const keptMessages = 200;

interface Through {
  readonly eventsPerSecond: number;
  readonly eventsPerMessage: number;
  readonly messages: readonly Message[];
}

function tenPoints(): Load {
  const points = Array.from({ length: 10 }, (_, index) => ({
    name: `bench.value.${index}`,
    value: 1000.5 + index,
    unit: 'By',
    attributes: { device: 'eth0' },
  }));
  return load(
    'events of ten points',
    Array.from({ length: servers }, (_, server) => ({ kind: 'metric', key: keyOf(server, 'bench'), data: { points } })),
  );
}

/** Sends the load through a pipe of its own, and takes the time from its start to the alert of its last event. */
async function through({ drafts }: Load, bus: Bus, events: number): Promise<Through> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-pipe-'));
  const node = (name: string): string => fileURLToPath(new URL(`nodes/${name}.ts`, import.meta.url));
  writeFileSync(join(folder, 'drafts.json'), JSON.stringify(drafts));
  const rules = { last: { metric: 'bench.last', critical: { above: 0 } } };
  const config = {
    host: 'bench',
    run: ['feed', 'threshold', 'count'],
    nodes: [{ use: node('count') }, { use: 'threshold', rules }, { use: node('feed'), drafts: join(folder, 'drafts.json'), events }],
  };
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const messages: Message[] = [];
  let sent = 0;
  const watched: Bus = {
    ...bus,
    get connected() {
      return bus.connected;
    },
    publish(message) {
      if (message.kind === 'metric') {
        sent += 1;
        if (messages.length < keptMessages) messages.push(message);
      }
      return bus.publish(message);
    },
  };
  let running: Process | undefined;
  try {
    const checked = loadConfig({ file: join(folder, 'config.yaml'), env: {}, defaults: { state: join(folder, 'state'), host: 'bench' } });
    const began = systemClock.monotonic();
    running = await runProcess(checked, { bus: watched, print: (level, text) => level === 'error' && console.error(text) });
    const handled = (name: string): number => running?.nodes.find((each) => each.name === name)?.health.counts.in ?? 0;
    while (handled('count') < 1) {
      if (systemClock.monotonic() - began > patienceMs) throw new Error(`only ${handled('threshold')} of ${events} events came through`);
      await systemClock.sleep(2);
    }
    const seconds = (systemClock.monotonic() - began) / 1000;
    // The runtime's own metrics may come among them.
    if (handled('threshold') < events + 1) throw new Error(`threshold was given ${handled('threshold')} of ${events + 1} events`);
    return { eventsPerSecond: events / seconds, eventsPerMessage: events / sent, messages };
  } finally {
    await running?.stop('measured');
    rmSync(folder, { recursive: true });
  }
}

function figuresOf(load: Load, { eventsPerSecond, eventsPerMessage }: Through, bus: string, bare: Yardstick, of: string): Figure[] {
  const conditions = `${load.pointsPerEvent.toFixed(1)} points an event, ${eventsPerMessage.toFixed(0)} events a message, ${of}`;
  return [
    {
      what: `${load.what}, ${bus}`,
      value: eventsPerSecond,
      unit: 'events/s',
      yardstick: { what: bare.what, value: bare.eventsPerSecond },
      of: conditions,
    },
    {
      what: 'which are',
      value: eventsPerSecond * load.pointsPerEvent,
      unit: 'points/s',
      yardstick: { what: bare.what, value: bare.eventsPerSecond * load.pointsPerEvent },
    },
  ];
}

interface Yardstick {
  readonly what: string;
  readonly eventsPerSecond: number;
}

/** Only reading the same bodies as JSON and writing them again. */
function jsonAlone(messages: readonly Message[], eventsPerMessage: number): Yardstick {
  const bodies = messages.map(({ body }) => body.toString());
  const began = systemClock.monotonic();
  const rounds = 10;
  for (let round = 0; round < rounds; round++) for (const body of bodies) JSON.stringify(JSON.parse(body));
  const seconds = (systemClock.monotonic() - began) / 1000;
  return { what: 'JSON.parse and stringify alone', eventsPerSecond: (rounds * bodies.length * eventsPerMessage) / seconds };
}

/** Each transaction of the state waits for one of these, so a busy disk sets the pace of a whole pipe. */
function diskFigure(): Figure {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-disk-'));
  const file = openSync(join(folder, 'page'), 'w');
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 50 }, () => {
    const began = systemClock.monotonic();
    writeSync(file, page, 0, page.length, 0);
    fdatasyncSync(file);
    return systemClock.monotonic() - began;
  });
  closeSync(file);
  rmSync(folder, { recursive: true });
  times.sort((one, other) => one - other);
  return { what: 'one fdatasync of a page, median', value: quantile(times, 0.5), unit: 'ms', of: 'what the disk under the state takes' };
}

export default {
  doc: 'a monitor, the bus, threshold, the bus again and a sink, in one process on one core',
  async run(size) {
    const events = size === 'short' ? 2000 : 60_000;
    const loads = [tenPoints(), await ownMix(servers)];
    const figures: Figure[] = [diskFigure()];
    for (const each of loads) {
      // The first time compiles.
      await through(each, embeddedBus({ clock: systemClock }), Math.min(events, 10_000));
      const came = await through(each, embeddedBus({ clock: systemClock }), events);
      figures.push(...figuresOf(each, came, 'embedded', jsonAlone(came.messages, came.eventsPerMessage), `${events} events`));
    }
    const overBroker = await withBroker(async (url) => {
      const found: Figure[] = [];
      for (const each of loads) {
        const came = await through(each, rabbitBus({ urls: [url], clock: systemClock, report: () => {} }), events);
        const bare = (await bareRate(url, came.messages, Math.ceil(events / came.eventsPerMessage))) * came.eventsPerMessage;
        found.push(
          ...figuresOf(
            each,
            came,
            'RabbitMQ',
            { what: 'bare amqplib, same bytes', eventsPerSecond: bare },
            `${events} events, classic queue`,
          ),
        );
      }
      return found;
    });
    return [...figures, ...overBroker];
  },
} satisfies Bench;
