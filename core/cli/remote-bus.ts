/**
 * The pipes themselves: a viewer's queue on a bus. What is present comes from the last `state` of each key, and what is
 * emitted goes straight to its exchange. It remembers nothing, so a tap's `since` is refused.
 */
import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { Bus, Delivery } from '../bus/bus.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { messageOf, Reject, SluiceError, UsageError } from '../errors.ts';
import { decodeAll, type Event, encode, fromWire, topic, toWire } from '../event.ts';
import { key as keyOf, matcher, patternOf } from '../key.ts';
import { kinds } from '../kinds.ts';
import { lookEveryMs } from '../runtime/looks.ts';
import { identityOf, type Judge, judgeOf } from '../runtime/trust.ts';
import { nodeState, processState, serverState } from '../states.ts';
import { compileWhere, type Where } from '../where.ts';
import { createFeed } from './feed.ts';
import type { Presence, Remote, Taken } from './remote.ts';

const schemas = { server: serverState, node: nodeState, process: processState } as const;
/** Long enough for a handshake over the world, short enough for a person. */
const patience = 10_000;
const maxMessageBytes = 16 * 1024 * 1024;

/** @throws SluiceError when no broker answers in time, with what it said */
export async function openBus(config: Config, urls: readonly string[]): Promise<Remote> {
  const { rabbitBus } = await import('../bus/rabbitmq.ts');
  let said = `${urls.join(', ')} does not answer`;
  let complain = () => {};
  const complained = new Promise<void>((resolve) => {
    complain = resolve;
  });
  const report = (_: string, message: string) => {
    // What it says after the semicolon is what a process that stays does about it.
    said = message.split(';')[0] ?? message;
    complain();
  };
  const identity = identityOf(config);
  const credentials = identity && { credentials: identity };
  const bus = rabbitBus({ urls, clock: systemClock, report, ...credentials });
  const connected = new Promise<true>((resolve) => bus.watch((now) => now && resolve(true)));
  // After the first complaint the other addresses still have their turn.
  const givenUp = complained.then(() => systemClock.sleep(2000)).then(() => undefined);
  if (await within(Promise.race([connected, givenUp]))) return busRemote(bus, config, judgeOf(config));
  await bus.close(0);
  throw new SluiceError(`${said}; check the address, that RabbitMQ runs there, and its virtual host`);
}

export function busRemote(bus: Bus, { place, host }: Pick<Config, 'place' | 'host'>, judge?: Judge): Remote {
  return {
    name: bus.name,
    async states<Of extends keyof Presence>(of: Of) {
      const present = new Map<string, Presence[Of]>();
      const end = new AbortController();
      const cancel = systemClock.after(patience, () => end.abort('late'));
      const feed = await follow(bus, topic('state'), judge, end.signal, () => end.abort('drained'));
      for await (const { events } of feed) {
        for (const event of events as Event<'state'>[]) {
          const checked = event.data.of === of ? schemas[of].safeParse(event.data.value) : undefined;
          if (checked?.success) present.set(event.key, { ...checked.data, key: event.key } as Presence[Of]);
          else present.delete(event.key);
        }
      }
      cancel();
      if (end.signal.reason === 'late') throw new SluiceError(`${bus.name} did not tell all of its states; try again: sluice doctor`);
      return [...present].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, state]) => state);
    },
    async *tap({ kind, pattern, since, where, rate, ...fields }, signal) {
      if (since !== undefined) throw new UsageError('--since needs a running sluice that remembers; name its --port');
      yield* narrowed(await follow(bus, topic(kind, pattern ?? patternOf(fields)), judge, signal), where, rate);
    },
    async emit({ kind, key, data }) {
      const whole = typeof key === 'string' ? key : keyOf({ ...place, host, resource: key });
      const source = `/${place.company}/${place.system}/${place.environment}/${host}/emit`;
      const at = systemClock.now();
      // Read back as any reader will: what no reader would take is refused here, where someone can correct it.
      const event = fromWire(toWire({ id: randomUUID(), kind, key: whole, source, time: at, data } as Event), { kind, at });
      const sent = bus.publish({ kind, keys: [whole], body: Buffer.from(encode(event)), batch: false }).then(() => true);
      if (!(await within(sent))) throw new SluiceError(`${bus.name} does not take the event; its queue may be full: sluice doctor`);
      return event.id;
    },
    queues: async (names) => (await bus.depths?.(names)) ?? [],
    close: () => bus.close(1000),
  };
}

/** A viewer's queue as a feed of what matches, until the signal aborts. `drained` is called once all that waited was read. */
async function follow(
  bus: Bus,
  wanted: ReturnType<typeof topic>,
  judge: Judge | undefined,
  signal: AbortSignal,
  drained: () => void = () => {},
): Promise<AsyncIterable<Taken>> {
  const feed = createFeed<Delivery>();
  const matches = matcher(wanted.pattern);
  const subscribed = await bus.subscribe(
    { topics: [wanted], queue: 'viewer', prefetch: 64 },
    { deliver: feed.push, pipe: ({ caughtUp }) => caughtUp && drained() },
  );
  // Who writes it sends at once for as long as this is said.
  const look = () => bus.look(kinds[wanted.kind].batched ? [wanted] : []);
  const unlook = systemClock.every(lookEveryMs, look);
  look();
  if (signal.aborted) feed.end();
  else signal.addEventListener('abort', () => feed.end(), { once: true });
  return (async function* () {
    try {
      for await (const delivery of feed) {
        const taken = read(delivery, matches, judge);
        delivery.ack();
        yield taken;
      }
    } finally {
      unlook();
      await subscribed.close();
    }
  })();
}

/** What its data makes wanted, and no more of it in a second than was asked for. */
async function* narrowed(all: AsyncIterable<Taken>, where: Where | undefined, rate = Number.POSITIVE_INFINITY): AsyncIterable<Taken> {
  const wants = where && compileWhere(where);
  let [second, room] = [0, rate];
  for await (const taken of all) {
    const now = Math.floor(systemClock.monotonic() / 1000);
    if (now !== second) [second, room] = [now, rate];
    const fitting = wants ? taken.events.filter(({ data }) => wants(data)) : taken.events;
    const events = fitting.slice(0, room);
    room -= events.length;
    yield { ...taken, events, skipped: fitting.length - events.length };
  }
}

/** A batch is routed by all of its keys at once, so each event is matched again. */
function read({ message, ...from }: Delivery, matches: (key: string) => boolean, judge?: Judge): Taken {
  const { kind, keys, batch, encoding } = message;
  let body: Buffer;
  try {
    body = encoding === 'gzip' ? gunzipSync(message.body, { maxOutputLength: maxMessageBytes }) : message.body;
  } catch (thrown) {
    return { events: [], past: 0, dropped: 0, skipped: 0, refused: [messageOf(thrown)] };
  }
  const all = decodeAll(body, batch, { kind, key: keys[0], at: systemClock.now() });
  const events: Event[] = [];
  const refused: string[] = [];
  for (const each of all) {
    const verdict = 'refused' in each ? each.refused : (judge?.(each, from) ?? 'believed');
    if (verdict instanceof Reject) refused.push(verdict.message);
    else if (!('refused' in each) && matches(each.key)) events.push(verdict === 'unverified' ? { ...each, unverified: true } : each);
  }
  return { events, past: 0, dropped: 0, skipped: 0, refused };
}

/** What the promise brings, or undefined when it takes too long. */
function within<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  return Promise.race([promise, systemClock.sleep(patience).then(() => undefined)]);
}
