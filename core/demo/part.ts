/**
 * One state for many hosts: each has a part of it that looks to its runtime like a state of its own. So a fleet in one process
 * waits for the disk once where a fleet of machines waits side by side.
 */
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
    position: (node, position) => transaction.position(name(node), position),
    announce: (node, key, data) => transaction.announce(name(node), key, data),
    spool: (lane, entry) => transaction.spool(lane, { ...entry, order: first + entry.order }),
    unspool(lane, orders) {
      transaction.unspool(
        lane,
        Array.from(orders, (order) => first + order),
      );
    },
  });
  const part: Part = {
    within,
    write: (work) => whole.write((transaction) => work(within(transaction))),
    table: (node, table) => whole.table(name(node), table),
    marked: (reader, stream) => whole.marked(name(reader), stream),
    wasSeen: (reader, id) => whole.wasSeen(name(reader), id),
    position: (node) => whole.position(name(node)),
    // Hosts of a demo run monitors alone: those announce nothing of their own.
    announced: () => [],
    waiting: (lane, from, bytes) =>
      whole
        .waiting(lane, first + from, bytes)
        .filter(({ order }) => order < first + room)
        .map((entry) => ({ ...entry, order: entry.order - first })),
    extent(lane) {
      let [bytes, count, next] = [0, 0, 1];
      for (let more = part.waiting(lane, next, readBytes); more.length > 0; more = part.waiting(lane, next, readBytes)) {
        for (const entry of more) {
          bytes += sizeOf(entry);
          count += entry.count;
          next = entry.order + 1;
        }
      }
      return { bytes, count, next };
    },
    forget: () => {},
    close: async () => {},
  };
  return part;
}

const readBytes = 4 * 1024 * 1024;
