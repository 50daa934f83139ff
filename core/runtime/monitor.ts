/**
 * Runs a monitor: asks a sampler at its interval, or follows a follower step by step, and commits what comes with the
 * position that it came from. A follower is asked for more only when the last step is kept: that is its back-pressure.
 */
import { messageOf, Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import type { Json } from '../json.ts';
import type { AnyMonitor, Draft, Follower, Sampler } from '../node.ts';
import type { Author } from './author.ts';
import { type Placed, type Running, servicesFor, type Watching } from './context.ts';
import { isolateMonitor } from './isolate.ts';
import { named, supervise } from './supervise.ts';

/** The least time that a sample is given before it is told to give up. */
const leastSampleMs = 10_000;

export function runMonitor(context: Watching, placed: Placed<AnyMonitor>): Running {
  const { name, health } = placed;
  const { clock, report, watchdog } = context;
  const author = context.authorOf(name);
  const stopping = new AbortController();
  const { signal } = stopping;
  const node = placed.isolate ? isolateMonitor(placed.node, placed, context.isolation) : placed.node;

  const keep = async (drafts: readonly Draft[], position?: Json): Promise<void> => {
    const events = write(author, drafts, clock.now(), (thrown) => {
      health.counts.dead += 1;
      health.failed(thrown.message);
      report('warn', named(name, thrown.message));
    });
    if (events.length === 0 && position === undefined) return;
    await context.outbox.room();
    await context.committer.commit({
      events,
      ...(position !== undefined && { apply: (transaction) => transaction.position(name, position) }),
    });
    health.counts.out += events.length;
    health.running();
  };

  const finished = supervise({ name, clock, health, signal, report }, async () => {
    const monitor: Sampler | Follower = node.create(placed.config, context.store.position(name));
    try {
      await watchdog.during(name, () => monitor.start?.(servicesFor(context, name)));
      health.running();
      if ('sample' in monitor) await sampling(monitor);
      else {
        for await (const { drafts, position } of monitor.events(signal)) {
          await keep(drafts, position);
          if (signal.aborted) return;
        }
        if (!signal.aborted) throw new Error('it ended by itself');
      }
    } finally {
      await monitor.stop?.();
    }
  });

  /** Samples at each multiple of the interval, so that the whole agent wakes once for all that is due. */
  const sampling = (monitor: Sampler): Promise<void> =>
    new Promise((resolve, reject) => {
      const every = placed.every ?? node.every;
      let busy: Promise<void> | undefined;
      let limit = new AbortController();
      const sample = async (): Promise<void> => {
        limit = new AbortController();
        const cancel = clock.after(Math.max(leastSampleMs, every * 2), () => limit.abort(new Error('a sample took too long')));
        try {
          const drafts = await watchdog.during(name, () => monitor.sample(limit.signal));
          await keep(drafts);
        } finally {
          cancel();
        }
      };
      const tick = (): void => {
        // Late is late: a sample that is still at work is not joined by another.
        if (busy || signal.aborted) return;
        busy = sample().then(
          () => {
            busy = undefined;
          },
          (thrown: unknown) => {
            end();
            reject(thrown);
          },
        );
      };
      const stop = clock.every(every, tick);
      const end = (): void => {
        stop();
        signal.removeEventListener('abort', aborted);
      };
      const aborted = (): void => {
        end();
        limit.abort(signal.reason);
        void Promise.resolve(busy).finally(resolve);
      };
      signal.addEventListener('abort', aborted);
      tick();
    });

  return {
    placed,
    async stop() {
      stopping.abort();
      await finished;
      health.stopped();
    },
  };
}

/** Makes events of drafts. One that does not fit is told and left out; the others go. */
function write(author: Author, drafts: readonly Draft[], at: number, refused: (reason: Reject) => void): Event[] {
  const events: Event[] = [];
  for (const draft of drafts) {
    try {
      events.push(author.original(draft, at));
    } catch (thrown) {
      refused(thrown instanceof Reject ? thrown : new Reject(messageOf(thrown), { cause: thrown }));
    }
  }
  return events;
}
