/**
 * Room in the spool. Telemetry past its bound lets its oldest go, of the kind that takes the most room, so that a flood of one kind
 * costs no other anything; what is on its way stays. It is said once, and once more what it cost.
 */

import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Store, Transaction } from '../state/store.ts';
import type { Line, Shed } from './line.ts';
import { shed } from './line.ts';
import { sumOf } from './tally.ts';

export interface OutboxLimits {
  /** Bytes of spooled telemetry and of never-lose events. */
  readonly telemetry: number;
  readonly durable: number;
}

/** The parts of a disk's room that a spool may take: its file is larger than what is in it, and a removal needs room too. */
const shares = { telemetry: 0.5, durable: 0.2 };
/** However little there is. */
const leastRoom = 128 * 1024;

/** What a spool may hold in a directory: what is wanted, or less where its disk has no room for that. */
export function limitsFor(wanted: OutboxLimits, directory: string): OutboxLimits {
  const { bavail, bsize } = statfsSync(directory);
  const room = bavail * bsize + (statSync(join(directory, 'state.mdb'), { throwIfNoEntry: false })?.size ?? 0);
  const most = (lane: keyof OutboxLimits): number => Math.min(wanted[lane], Math.max(leastRoom, room * shares[lane]));
  return { telemetry: most('telemetry'), durable: most('durable') };
}

export interface Room {
  /** Bytes of telemetry in the spool. */
  taken(): number;
  /** Lets the oldest go, within a transaction, until there is a tenth of all room to spare. */
  make(transaction: Transaction): void;
  /** The disk is full: lets half of what waits go, if that much can be written at all. Tells whether any went. */
  relieve(): boolean;
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

  const drop = (transaction: Transaction, goal: number): void => {
    for (const line of [...telemetry].sort((one, other) => other.bytes - one.bytes)) {
      const excess = taken() - goal;
      if (excess <= 0) break;
      const gone = shed(line, store, excess);
      transaction.unspool(line.lane, line.kind, gone.orders);
      sheds.push(gone);
    }
  };
  const say = (started: number, why: string): void => {
    if (before === undefined) report('warn', `spool: ${why}; the oldest telemetry is dropped and counted`);
    before ??= started;
  };
  const settle = (committed: boolean): void => {
    if (!committed) for (const each of sheds) each.undo();
    sheds = [];
  };

  return {
    taken,
    make(transaction) {
      const started = dropped();
      drop(transaction, limit * 0.9);
      say(started, `full (${formatBytes(limit)}) while the bus is away`);
    },
    relieve() {
      const started = dropped();
      try {
        store.relieve((transaction) => drop(transaction, taken() / 2));
        settle(true);
      } catch {
        settle(false);
      }
      if (dropped() === started) return false;
      say(started, 'its disk is full');
      return true;
    },
    settled(committed) {
      settle(committed);
      if (before === undefined || taken() > limit / 2) return;
      report('info', `spool: has room again; ${dropped() - before} events of telemetry were dropped`);
      before = undefined;
    },
  };
}

export const formatBytes = (bytes: number): string => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`);
