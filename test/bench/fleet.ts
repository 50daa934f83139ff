/**
 * A fleet through a broker into the store: 250 simulated servers, each with the runtime's own author, spool and outbox, over RabbitMQ
 * to threshold, rollup and the store in one process. First 100 points a second of each for five minutes; then as many as hold, with
 * linger 0, 1 s and 5 s. In the end what the store has is compared with what the servers wrote, id by id: a rate at which anything is
 * missing, or there twice, does not count.
 *
 * What is not as in a fleet: the servers are one process, so their samples wait for one disk together, and leave over one connection.
 * More than 100 points a second are more readings of the same series, told together. All shares the cores of this machine: the
 * servers' own part of them is printed, and so are the broker's and the hub's.
 *
 * A rate holds when over the span that is looked at neither the queues nor the spools grow by more than a second's worth, nor does the
 * age of what the store is given. The yardstick is amqplib alone, publisher and reader in one process, with the very same messages.
 */
import { systemClock } from '../../core/clock.ts';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';
import { bareRate } from './shared/bare.ts';
import type { Bench, Figure } from './shared/figure.ts';
import { type Moment, type Rig, readers, startRig, type Verdict } from './shared/rig.ts';

const points = 100;
const budgets: Readonly<Record<number, number>> = { 1000: 200_000, 5000: 250_000 };

interface Size {
  readonly servers: number;
  /** Of the steady part. */
  readonly seconds: number;
  readonly lingers: readonly number[];
  /** Readings in a sample, step by step. */
  readonly steps: readonly number[];
  /** Of each step: until it is steady, beyond the linger, and how long it is then looked at. */
  readonly settle: number;
  readonly look: number;
}

const sizes: Readonly<Record<'short' | 'full', Size>> = {
  short: { servers: 20, seconds: 4, lingers: [1000], steps: [1, 2], settle: 1, look: 3 },
  full: { servers: 250, seconds: 300, lingers: [0, 1000, 5000], steps: [2, 4, 5, 6, 7, 8, 9, 10, 12], settle: 4, look: 10 },
};

/** What passed between two moments. */
interface Span {
  readonly pointsPerSecond: number;
  readonly pointsPerEvent: number;
  readonly eventsPerMessage: number;
  readonly bytesPerPoint: number;
  readonly bytesPerHour: number;
  readonly cpu: { readonly fleet: number; readonly broker: number; readonly hub: number };
}

function between(one: Moment, other: Moment, servers: number): Span {
  const seconds = (other.at - one.at) / 1000;
  const [many, events] = [other.fleet.points - one.fleet.points, other.fleet.events - one.fleet.events];
  const [messages, bytes] = [other.fleet.messages - one.fleet.messages, other.fleet.bytes - one.fleet.bytes];
  const share = (before: number, after: number): number => (100 * (after - before)) / 1000 / seconds;
  return {
    pointsPerSecond: many / seconds,
    pointsPerEvent: many / events,
    eventsPerMessage: events / messages,
    bytesPerPoint: bytes / many,
    bytesPerHour: (bytes / seconds / servers) * 3600,
    cpu: {
      fleet: share(one.fleet.cpuMs, other.fleet.cpuMs),
      broker: share(one.brokerMs, other.brokerMs),
      hub: share(one.hub.cpuMs, other.hub.cpuMs),
    },
  };
}

const percents = ({ cpu: { fleet, broker, hub } }: Span): string =>
  `CPU of one core: servers ${fleet.toFixed(0)} %, broker ${broker.toFixed(0)} %, hub ${hub.toFixed(0)} %`;
const shape = ({ pointsPerEvent, eventsPerMessage, bytesPerPoint }: Span): string =>
  `${pointsPerEvent.toFixed(1)} points an event, ${eventsPerMessage.toFixed(0)} events a message, ${bytesPerPoint.toFixed(1)} bytes a point on the wire`;

/** What that was written is not in the store exactly once. */
function wrongIn({ kinds, points: all }: Verdict): string[] {
  const wrong = kinds.filter(({ same }) => !same).map(({ kind, written, stored }) => `${kind}: ${written} written, ${stored} stored`);
  if (all.written !== all.stored) wrong.push(`points: ${all.written} written, ${all.stored} stored`);
  return wrong.length > 0 ? [`not the same ids: ${wrong.join('; ')}`] : [];
}

const age = ({ hub }: Moment): number => Math.max(...readers.map((name) => hub.lag[name] ?? 0));

async function steady(broker: Broker, { servers, seconds }: Size, linger: number): Promise<Figure[]> {
  const rig = await startRig(broker, { servers, points, linger });
  try {
    await systemClock.sleep(Math.min(seconds * 1000, 5000));
    const moments = [await rig.now()];
    const every = Math.max(1, seconds / 60);
    for (let left = seconds; left > 0; left -= every) {
      await systemClock.sleep(every * 1000);
      moments.push(await rig.now());
    }
    const [first, last] = [moments[0], moments.at(-1)];
    if (!first || !last) throw new Error('nothing was looked at');
    const span = between(first, last, servers);
    const verdict = await rig.judge(await rig.drain());
    const wrong = wrongIn(verdict);
    const third = Math.ceil(moments.length / 3);
    const mean = (some: readonly Moment[]): number => some.reduce((sum, { queued }) => sum + queued, 0) / some.length;
    const most = Math.max(...moments.map(({ queued }) => queued));
    const lost = Math.max(wrong.length, Math.abs(verdict.points.written - verdict.points.stored));
    const of = `${servers} servers, ${seconds} s, linger ${linger} ms, classic queues, ${readers.join(', ')}`;
    return [
      { what: 'points into the store', value: span.pointsPerSecond, unit: 'points/s', budget: { least: servers * points * 0.98 }, of },
      { what: 'which are', value: verdict.points.stored, unit: 'points', of: `${shape(span)}; ${percents(span)}` },
      { what: 'lost or twice, by their ids', value: lost, unit: 'points', budget: { most: 0 }, of: wrong[0] ?? told(verdict) },
      { what: 'waiting in the queues, at most', value: most, unit: 'messages', of: `of ${moments.length} looks` },
      {
        what: 'which grew, last third over first, by',
        value: mean(moments.slice(-third)) - mean(moments.slice(0, third)),
        unit: 'messages',
      },
      {
        what: 'from reading to store, p99',
        value: verdict.behindMs.p99,
        unit: 'ms',
        of: `median ${verdict.behindMs.median.toFixed(0)} ms`,
      },
      { what: 'a server on the wire', value: span.bytesPerHour / 1e6, unit: 'MB/hour', of: `metrics, linger ${linger} ms` },
    ];
  } finally {
    await rig.remove();
  }
}

const told = ({ kinds }: Verdict): string => kinds.map(({ kind, stored }) => `${stored} events of ${kind}`).join(', ');

/** The highest rate that holds, step by step; two in a row that do not end it. */
async function highest(broker: Broker, size: Size, linger: number, hubs?: readonly (readonly string[])[]): Promise<Figure[]> {
  const { servers, steps, settle, look } = size;
  const rig = await startRig(broker, { servers, points, linger, ...(hubs && { hubs }) });
  try {
    let best: Span | undefined;
    let failed: string[] = [];
    let sent: Awaited<ReturnType<Rig['sample']>> = [];
    for (const readings of steps) {
      rig.readings(readings);
      await systemClock.sleep(settle * 1000 + linger);
      const before = await rig.now();
      await systemClock.sleep(look * 1000);
      const after = await rig.now();
      const span = between(before, after, servers);
      const why = grew(before, after, span, linger, servers * points * readings);
      if (why === undefined) {
        best = span;
        failed = [];
        sent = await rig.sample(300);
      } else {
        failed.push(`${(readings * servers * points).toLocaleString('en')}: ${why}`);
        if (failed.length > 1) break;
      }
    }
    rig.readings(1);
    const verdict = await rig.judge(await rig.drain());
    failed.unshift(...wrongIn(verdict));
    const what = `highest rate that holds, linger ${linger / 1000} s${hubs ? ', the store in a process of its own' : ''}`;
    // A rate at which something is lost does not hold.
    if (!best || wrongIn(verdict).length > 0)
      return [{ what, value: 0, unit: 'points/s', budget: { least: budgets[linger] ?? 1 }, of: `none of ${failed.join('; ')}` }];
    const { pointsPerEvent, eventsPerMessage } = best;
    const messages = sent.map(({ keys, body, encoding }) => ({
      ...{ kind: 'metric' as const, keys, body: Buffer.from(body, 'base64'), batch: true },
      ...(encoding && { encoding }),
    }));
    const perMessage = pointsPerEvent * eventsPerMessage;
    const bare = (await bareRate(broker.url, messages, size === sizes.short ? 500 : 10_000)) * perMessage;
    const budget = budgets[linger];
    return [
      {
        what,
        value: best.pointsPerSecond,
        unit: 'points/s',
        ...(budget !== undefined && size !== sizes.short && { budget: { least: budget } }),
        yardstick: { what: 'bare amqplib, same bytes', value: bare },
        of: `${shape(best)}; ${servers} servers, ${servers * points} series; ${percents(best)}${failed.length > 0 ? `; then ${failed.join(', ')}` : ''}`,
      },
      {
        what: 'share of the client alone',
        value: best.pointsPerSecond / bare,
        unit: 'of 1',
        ...(size !== sizes.short && { budget: { least: 0.8 } }),
        of: `0 lost, 0 twice of ${told(verdict)}; a server ${(best.bytesPerHour / 1e6).toFixed(2)} MB/hour`,
      },
    ];
  } finally {
    await rig.remove();
  }
}

/** Why a rate does not hold; undefined when it does. */
function grew(before: Moment, after: Moment, span: Span, linger: number, wanted: number): string | undefined {
  const perSecond = span.pointsPerSecond / span.pointsPerEvent;
  if (span.pointsPerSecond < 0.95 * wanted) return `the servers said ${Math.round(span.pointsPerSecond).toLocaleString('en')}`;
  const [queued, waiting] = [after.queued - before.queued, after.fleet.waiting - before.fleet.waiting];
  if (queued > (readers.length * perSecond) / span.eventsPerMessage) return `queues grew by ${queued} messages`;
  if (waiting > perSecond * (1 + linger / 1000)) return `spools grew by ${waiting} events`;
  if (age(after) > age(before) + 1000 + linger) return `what is stored grew older by ${Math.round(age(after) - age(before))} ms`;
  return undefined;
}

export default {
  doc: 'a fleet over RabbitMQ through threshold and rollup into the store, ids compared; then the highest rate that holds',
  async run(size) {
    const wish = sizes[size];
    const figures: Figure[] = [];
    /** Each with a fresh broker: what one leaves behind is none of the next one's. */
    const onBroker = async (work: (broker: Broker) => Promise<Figure[]>): Promise<void> => {
      const broker = await startBroker();
      if (!broker) return void process.stderr.write('skipped: RabbitMQ is not installed; apt-get install rabbitmq-server\n');
      try {
        figures.push(...(await work(broker)));
      } finally {
        await broker.remove();
      }
    };
    await onBroker((broker) => steady(broker, wish, 1000));
    for (const linger of wish.lingers) await onBroker((broker) => highest(broker, wish, linger));
    // Each process reads a message for itself, and may have a core for itself.
    const apart = [readers.filter((name) => name !== 'store'), ['store']];
    await onBroker(async (broker) => (await highest(broker, wish, 1000, apart)).slice(0, 1));
    return figures;
  },
} satisfies Bench;
