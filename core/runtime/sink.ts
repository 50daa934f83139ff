/**
 * Runs a sink: hands it batches, and holds each until it is written. A throw is tried again with the same events, so a
 * database that is away stops this pipe and loses nothing; a Reject parts the batch until the event that cannot be written
 * stands alone, and dead-letters that one.
 */
import { messageOf, Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import type { AnySink, Writing } from '../node.ts';
import { type Context, type Placed, type Running, servicesFor } from './context.ts';
import type { Refused } from './decoding.ts';
import { topicsOf } from './graph.ts';
import { deadLetter, type Inlet, openInlet, refusalOf } from './inlet.ts';
import { isolateSink } from './isolate.ts';
import { type Home, ownHome } from './partition/home.ts';
import { isShared, runInstance } from './partition/instances.ts';
import { named } from './supervise.ts';

const firstPauseMs = 100;
const lastPauseMs = 10_000;

/** Runs a sink; where several processes share it, over those partitions that are here, one batch at a time. */
export async function runSink(context: Context, placed: Placed<AnySink>): Promise<Running> {
  const { name, health } = placed;
  const node = placed.isolate ? isolateSink(placed.node, placed, context.isolation) : placed.node;
  const { clock, report, watchdog } = context;
  const author = context.authorOf(name);
  const stopping = new AbortController();
  const sink: Writing = node.create(placed.config);
  await watchdog.during(name, () => sink.start?.(servicesFor(context, name)));
  if (sink.history) context.keeping.history = sink.history;
  if (sink.backup) context.keeping.backup = sink.backup.bind(sink);
  if (sink.restore) context.keeping.restore = sink.restore.bind(sink);

  // A sink is given one batch at a time, however many of its partitions are here.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work);
    turn = mine;
    return mine;
  };
  /** Writes all of it, however long it takes; the result is what the sink refused for good. */
  const write = async (events: readonly Event[]): Promise<Refused[]> => {
    for (let failures = 0; ; failures++) {
      try {
        await watchdog.during(name, () => {
          if (events.length === 1 && events[0]) watchdog.at(events[0].id);
          return sink.write(events);
        });
        health.running();
        return [];
      } catch (thrown) {
        if (thrown instanceof Reject) return reject(events, thrown);
        if (stopping.signal.aborted) throw thrown;
        health.failed(messageOf(thrown));
        if (failures === 0) report('error', `${named(name, messageOf(thrown))}; its events wait and are tried again`);
        await clock.sleep(Math.min(lastPauseMs, firstPauseMs * 2 ** failures), stopping.signal);
      }
    }
  };
  const reject = async (events: readonly Event[], reason: Reject): Promise<Refused[]> => {
    const [only] = events;
    if (events.length === 1 && only) return [refusalOf(reason, only)];
    const half = Math.ceil(events.length / 2);
    return [...(await write(events.slice(0, half))), ...(await write(events.slice(half)))];
  };

  const open = ({ context: at, part, keep }: Home): Promise<Inlet> =>
    openInlet(at, placed, {
      queue: node.reads === 'every' ? `sluice.${name}` : undefined,
      topics: topicsOf(placed.reads),
      ...(part && { part }),
      async batch({ events, refused, remember }) {
        const dead = [...refused, ...(events.length > 0 ? await inTurn(() => write(events)) : [])];
        health.counts.dead += dead.length;
        // A viewer keeps no watermark, and what it cannot read is told by those that keep it.
        if (node.reads === 'recent') return;
        await keep({ events: dead.map((one) => author.original(deadLetter(name, one), clock.now())), remember });
      },
    });
  let running: Pick<Running, 'stop'>;
  try {
    if (isShared(context, placed)) running = await runInstance(context, placed, open);
    else {
      const inlet = await open(ownHome(context, placed));
      running = { stop: () => inlet.close() };
    }
  } catch (thrown) {
    await sink.stop?.();
    throw thrown;
  }
  health.running();
  return {
    placed,
    async stop() {
      stopping.abort();
      await running.stop();
      await sink.stop?.();
      health.stopped();
    },
  };
}
