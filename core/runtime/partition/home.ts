/**
 * Where a node's work is kept, and its input comes from: this process alone, or a partition, whose work is kept in its changelog and
 * nowhere else. What a partition's step led to is sent through this process's spool, and again by whoever owns it next, as long as
 * no step says that it was sent: the same events, of the same source, so that readers know it by its id and its place in its stream.
 */
import type { Part } from '../../bus/bus.ts';
import { type Event, fromWire, toWire } from '../../event.ts';
import type { Kind } from '../../kinds.ts';
import type { Store, Transaction } from '../../state/store.ts';
import type { Change } from '../../state/tables.ts';
import { lostOf, type Watermark } from '../../state/watermark.ts';
import type { Context, Placed } from '../context.ts';
import { decoder } from '../decoding.ts';
import { type Counts, type Ledger, ledger } from '../ledger.ts';
import type { Owned } from './owner.ts';
import { noRows, type Rows, type Wire } from './records.ts';

/** What one batch of input, a tick or news of the pipe led to. */
export interface Work {
  readonly events: readonly Event[];
  readonly changes?: readonly Change[];
  readonly remember?: ((transaction: Transaction) => void) | undefined;
}

export interface Home {
  /** The process; of a partition with the partition's memory, and on its clock. */
  readonly context: Context;
  readonly part?: Part;
  /** Keeps it, all or nothing; what led to it may then be acknowledged. */
  keep(work: Work): Promise<void>;
}

/** The home of a node that this process has alone. */
export function ownHome(context: Context, { name }: Placed): Home {
  return {
    context,
    keep: ({ events, changes, remember }) =>
      context.committer.commit({
        events,
        apply(transaction) {
          if (changes) transaction.tables(name, changes);
          context.announcer.note(transaction, name, events);
          remember?.(transaction);
        },
      }),
  };
}

/** The home of a partition. `leave` ends what it does here by itself. */
export async function partitionHome(process: Context, { name }: Placed, owned: Owned, part: Part): Promise<Home & { leave(): void }> {
  const { announcer, committer, outbox } = process;
  // Another's clock may have been ahead of ours: a partition's time never goes back.
  const ahead = Math.max(0, owned.kept.at - process.receiving());
  const receiving = () => process.receiving() + ahead;
  const sending: { readonly place: number; readonly sent: () => boolean }[] = [];
  let sent = 0;

  const send = async (events: readonly Event[], place: number): Promise<void> => {
    if (events.length === 0) return;
    await committer.commit({ events });
    sending.push({ place, sent: outbox.passed() });
  };
  /** The place up to which all was sent. */
  const sentUpTo = (): number => {
    while (sending[0]?.sent()) sent = Math.max(sent, sending.shift()?.place ?? 0);
    return sent;
  };

  const left = [...owned.kept.unsent].sort(([one], [other]) => one - other);
  for (const [place, wires] of left) await send(wires.map(eventOf), place);
  const told = new Set(owned.kept.states.keys());
  announcer.adopt(name, owned.kept.states);

  const store = storeOf(process.store, owned);
  const own = ledger({ store, bootid: '', receiving });
  const counts = counting(own, part.by);
  // By partition keys a stream is parted: what seems missing of it is another's.
  const untold = part.by === 'source' ? process.ledger.beside(own) : () => {};

  return {
    // What comes to one partition comes to few others of the process: it reads for itself, and is waited for by none.
    context: { ...process, receiving, store, ledger: counts.ledger, decoder: decoder(process.clock) },
    part,
    async keep({ events, changes = [], remember }) {
      const taken = takenDown(remember);
      const rows = {
        ...noRows,
        ...taken.rows,
        at: receiving(),
        tables: changes.map(({ table, key, entry }) => [table, key, entry ?? null] as const),
        events: events.map(toWire),
      };
      const place = await owned.step(rows, sentUpTo());
      const states = events.flatMap((event) => (event.kind === 'state' ? [[event.key, event.data] as const] : []));
      for (const [key] of states) told.add(key);
      announcer.adopt(name, states);
      await send(events, place);
      if (taken.letters.length > 0)
        await committer.commit({ events: [], apply: (to) => taken.letters.forEach((letter) => void to.seen(...letter)) });
    },
    leave() {
      announcer.disown(told);
      counts.forget();
      untold();
    },
  };
}

/** The process's state, but for what a partition remembers. */
function storeOf(store: Store, owned: Owned): Store {
  return {
    ...store,
    table: (_node, table) => owned.kept.tables.get(table) ?? [],
    marked: (_reader, stream) => owned.kept.marks.get(stream)?.mark,
    movedAt: (_reader, stream) => owned.kept.marks.get(stream)?.at,
    wasSeen: (_reader, id) => owned.kept.ids.has(id),
    readingSince: () => owned.kept.reading,
    *uneven() {
      for (const [stream, { mark }] of owned.kept.marks) {
        const lost = lostOf(mark);
        if (lost > 0 || mark.repeats > 0) yield [stream, { lost, repeats: mark.repeats }] as const;
      }
    },
  };
}

/** What a reader would write down of what it handled, as rows. */
function takenDown(remember: Work['remember']) {
  const marks: [string, number, Watermark][] = [];
  const ids: [string, number][] = [];
  // What was replayed here is known to this process.
  const letters: [reader: string, id: string, at: number][] = [];
  let reading: Rows['reading'];
  const nothing = () => {};
  remember?.({
    mark: (_reader, stream, mark, at) => void marks.push([stream, at, mark]),
    seen: (reader, id, at) => void (reader.startsWith('sluice.') ? ids.push([id, at]) : letters.push([reader, id, at])),
    reading(_reader, since) {
      reading = { ...since };
    },
    uneven: nothing,
    tables: nothing,
    position: nothing,
    announce: nothing,
    spool: nothing,
    unspool: nothing,
  });
  return { rows: { marks, ids, reading }, letters };
}

/**
 * What a partition has lost and had twice, among the counts of its node. By partition keys a stream is parted, so that what seems
 * missing of it is another's: nothing is counted then.
 */
function counting(inner: Ledger, by: Part['by']): { ledger: Ledger; forget(): void } {
  const undo: (() => void)[] = [];
  const ledger: Ledger = {
    ...inner,
    open(node, queue, topics, total) {
      const own: Counts = { holes: 0, repeats: 0 };
      const counted = (name: keyof Counts) => ({
        get: () => own[name],
        set(value: number) {
          if (by === 'source' || name === 'repeats') total[name] += value - own[name];
          own[name] = value;
        },
      });
      const counts = Object.defineProperties({} as Counts, { holes: counted('holes'), repeats: counted('repeats') });
      undo.push(() => Object.assign(counts, { holes: 0, repeats: 0 }));
      return inner.open(node, queue, topics, counts);
    },
  };
  return { ledger, forget: () => undo.splice(0).forEach((each) => void each()) };
}

/** Our own event, read back. */
function eventOf(wire: Wire): Event {
  const kind = String(wire.type).split('.')[1] as Kind;
  return fromWire(wire, { kind, at: Number.POSITIVE_INFINITY });
}
