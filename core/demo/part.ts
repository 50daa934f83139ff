/**
 * One state for many hosts: each has a part of it that looks to its runtime like a state of its own. So a fleet in one process
 * waits for the disk once where a fleet of machines waits side by side.
 */
import { kindNames } from '../kinds.ts';
import { laneFor } from '../runtime/lane.ts';
import { type Store, sizeOf, type Transaction } from '../state/store.ts';

/** Orders that each part has to give; with a lane's, 16,000 parts stay within the whole numbers that a double counts. */
const room = 2 ** 39;

export interface Part extends Store {
  /** The part's view of a transaction of the whole. */
  within(transaction: Transaction): Transaction;
}

export function partOf(whole: Store, index: number): Part {
  const first = index * room;
  const name = (word: string): string => `${index}/${word}`;
  const within = (transaction: Transaction): Transaction => ({
    tables: (node, changes) => transaction.tables(name(node), changes),
    mark: (reader, stream, mark, at) => transaction.mark(name(reader), stream, mark, at),
    seen: (reader, id, at) => transaction.seen(name(reader), id, at),
    uneven: (reader, stream, account) => transaction.uneven(name(reader), stream, account),
    reading: (reader, since) => transaction.reading(name(reader), since),
    position: (node, position) => transaction.position(name(node), position),
    announce: (node, key, data) => transaction.announce(name(node), key, data),
    spool: (lane, entry) => transaction.spool(lane, { ...entry, order: first + entry.order }),
    unspool(lane, kind, orders) {
      transaction.unspool(
        lane,
        kind,
        Array.from(orders, (order) => first + order),
      );
    },
  });
  const part: Part = {
    damage: undefined,
    within,
    write: (work) => whole.write((transaction) => work(within(transaction))),
    relieve: (work) => whole.relieve((transaction) => work(within(transaction))),
    table: (node, table) => whole.table(name(node), table),
    marked: (reader, stream) => whole.marked(name(reader), stream),
    wasSeen: (reader, id) => whole.wasSeen(name(reader), id),
    movedAt: (reader, stream) => whole.movedAt(name(reader), stream),
    uneven: (reader) => whole.uneven(name(reader)),
    marks: (reader) => whole.marks(name(reader)),
    readingSince: (reader) => whole.readingSince(name(reader)),
    position: (node) => whole.position(name(node)),
    // Hosts of a demo run monitors alone: those announce nothing of their own.
    announced: () => [],
    waiting: (lane, kind, from, bytes) =>
      whole
        .waiting(lane, kind, first + from, bytes)
        .filter(({ order }) => order < first + room)
        .map((entry) => ({ ...entry, order: entry.order - first })),
    extent() {
      const found = kindNames.flatMap((kind) => {
        let [bytes, count, last] = [0, 0, 0];
        const read = () => part.waiting(laneFor(kind), kind, last + 1, readBytes);
        for (let more = read(); more.length > 0; more = read()) {
          for (const entry of more) {
            bytes += sizeOf(entry);
            count += entry.count;
            last = entry.order;
          }
        }
        return count > 0 ? [[kind, { bytes, count, last }] as const] : [];
      });
      return { kinds: new Map(found), next: Math.max(0, ...found.map(([, { last }]) => last)) + 1 };
    },
    forget: () => {},
    close: async () => {},
  };
  return part;
}

const readBytes = 4 * 1024 * 1024;
