/**
 * Room in the spool. Telemetry past its bound lets its oldest go, of the kind that takes the most room, so that a flood of one kind
 * costs no other anything; what is on its way stays. It is said once, and once more what it cost.
 */
import type { Store, Transaction } from '../state/store.ts';
import type { Line, Shed } from './line.ts';
import { shed } from './line.ts';
import { sumOf } from './tally.ts';

export interface Room {
  /** Bytes of telemetry in the spool. */
  taken(): number;
  /** Lets the oldest go, within a transaction, until there is a tenth of all room to spare. */
  make(transaction: Transaction): void;
  /** The transaction is committed, or failed: then nothing has gone. */
  settled(committed: boolean): void;
}

export interface RoomOptions {
  readonly lines: readonly Line[];
  readonly store: Store;
  /** Bytes of telemetry that may wait. */
  readonly limit: number;
  readonly report: (level: 'warn' | 'info', text: string) => void;
}

export function createRoom({ lines, store, limit, report }: RoomOptions): Room {
  const telemetry = lines.filter(({ lane }) => lane === 'telemetry');
  const taken = (): number => sumOf(telemetry, ({ bytes }) => bytes);
  const dropped = (): number => sumOf(telemetry, ({ tally }) => tally.dropped);
  let sheds: Shed[] = [];
  /** How many had been dropped when this shortage began. */
  let before: number | undefined;

  return {
    taken,
    make(transaction) {
      const started = dropped();
      for (const line of [...telemetry].sort((one, other) => other.bytes - one.bytes)) {
        const excess = taken() - limit * 0.9;
        if (excess <= 0) break;
        const gone = shed(line, store, excess);
        transaction.unspool(line.lane, line.kind, gone.orders);
        sheds.push(gone);
      }
      const megabytes = Math.round(limit / 1e6);
      if (before === undefined)
        report('warn', `spool: full (${megabytes} MB) while the bus is away; the oldest telemetry is dropped and counted`);
      before ??= started;
    },
    settled(committed) {
      if (!committed) for (const each of sheds) each.undo();
      sheds = [];
      if (before === undefined || taken() > limit / 2) return;
      report('info', `spool: has room again; ${dropped() - before} events of telemetry were dropped`);
      before = undefined;
    },
  };
}
