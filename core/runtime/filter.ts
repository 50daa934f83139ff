/**
 * Runs a filter: each batch of inputs, with what it wrote to its tables, the drafts that came of it and how far the inputs
 * are handled, is one transaction. Only then are the inputs acknowledged. So a kill at any point changes nothing of what
 * comes out.
 */
import type { Event } from '../event.ts';
import type { AnyFilter } from '../node.ts';
import type { Transaction } from '../state/store.ts';
import { stateTtl } from './announce.ts';
import { type Context, lineageOf, type Placed, type Running } from './context.ts';
import type { Derived, Outcome } from './filtering.ts';
import { queueOf, topicsOf } from './graph.ts';
import { deadLetter, openInlet, refusalOf } from './inlet.ts';
import { type Handled, isolatedEngine, localEngine } from './isolate.ts';
import { type Home, ownHome } from './partition/home.ts';
import { isShared, runInstance, type Working } from './partition/instances.ts';
import { Fenced } from './partition/owner.ts';

export async function runFilter(context: Context, placed: Placed<AnyFilter>): Promise<Running> {
  if (isShared(context, placed)) return runInstance(context, placed, (home) => openFilter(home, placed));
  const working = await openFilter(ownHome(context, placed), placed);
  placed.health.running();
  return {
    placed,
    async stop() {
      await working.close();
      placed.health.stopped();
    },
  };
}

/** Works over what its home remembers. */
async function openFilter({ context, part, keep: keepAtHome }: Home, placed: Placed<AnyFilter>): Promise<Working> {
  const { name, node, health } = placed;
  const { clock, origin, outbox, receiving, report, store, suspicion, watchdog } = context;
  const author = context.authorOf(name);
  const about = { ...origin.place, host: origin.host };
  const at = (event: string): void => {
    watchdog.at(event);
    suspicion.at(name, event);
  };
  const made = { node, name, use: placed.use, config: placed.config, about, store, at, ...(part && { part: part.index }) };
  const engine = placed.isolate ? isolatedEngine(made, context.isolation) : localEngine(made);
  const lineage = lineageOf(placed);

  const finish = (derived: Derived): Event => {
    const { index: _, ...event } = derived;
    const expirytime = derived.kind === 'state' ? (derived.expirytime ?? clock.now() + stateTtl) : derived.expirytime;
    return author.stamp({ ...event, ...lineage, ...(expirytime !== undefined && { expirytime }) } as Event);
  };
  const eventsOf = (outcome: Outcome): Event[] => {
    if (outcome.dead === undefined) return outcome.derived.map(finish);
    health.counts.dead += 1;
    health.failed(outcome.dead.message);
    if (outcome.event) return [author.original(deadLetter(name, refusalOf(outcome.dead, outcome.event)), clock.now())];
    report('error', `${name}: ${outcome.trigger}: ${outcome.dead.message}`);
    return [];
  };
  const keep = async (
    { outcomes, changes }: Handled,
    letters: readonly Event[] = [],
    remember?: (transaction: Transaction) => void,
  ): Promise<void> => {
    const events = [...letters, ...outcomes.flatMap(eventsOf)];
    if (events.length > 0 || changes.length > 0 || remember) {
      await outbox.room();
      await keepAtHome({ events, changes, remember }).catch((thrown: unknown) => {
        if (thrown instanceof Fenced && thrown.certain) author.unstamp(events);
        throw thrown;
      });
      health.counts.out += events.length;
      health.running();
    }
    engine.committed();
  };

  const inlet = await openInlet(context, placed, {
    queue: queueOf(name, node.shard === 'each' ? about : undefined),
    topics: topicsOf(placed.reads),
    ...(part && { part }),
    async batch({ events, refused, remember }) {
      health.counts.dead += refused.length;
      const letters = refused.map((one) => author.original(deadLetter(name, one), clock.now()));
      await keep(await watchdog.during(name, () => engine.events(events, receiving())), letters, remember);
    },
    pipe: async (pipe) => keep(await watchdog.during(name, () => engine.pipe(pipe, receiving()))),
  });

  const tick = async (): Promise<void> => keep(await watchdog.during(name, () => engine.tick(receiving())));
  const cancel = engine.ticks && node.tickEvery !== undefined ? clock.every(node.tickEvery, () => inlet.inLine(tick)) : () => {};
  return {
    async close(abandon) {
      cancel();
      await inlet.close(abandon);
      await engine.stop();
    },
  };
}
