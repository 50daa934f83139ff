/** What became of a process's events on their way out: the one place where sent, waiting and lost are added up. */
import type { Kind } from '../kinds.ts';
import type { Lane } from '../state/store.ts';
import { isReady, type Line } from './line.ts';

/** Events since the start of the process, and what waits now. */
export interface Tally {
  /** Given to the bus; confirmed by it. */
  readonly sent: number;
  readonly confirmed: number;
  /** Given up for want of room, because nobody wants them any more, and because no bus could take them. */
  readonly dropped: number;
  readonly expired: number;
  readonly refused: number;
  /** In the spool, sent and unconfirmed included: events, and their bytes against its bounds. */
  readonly waiting: number;
  readonly bytes: number;
}

export interface Counts extends Tally {
  /** Of those that wait: how many wait for company alone. */
  readonly lingering: number;
  readonly lanes: Readonly<Record<Lane, { readonly events: number; readonly bytes: number }>>;
  readonly kinds: Readonly<Record<Kind, Tally>>;
  /** Never-lose events that nobody at the broker reads: those that are kept, and those let go for want of room. */
  readonly unwanted: { readonly events: number; readonly bytes: number; readonly lost: number };
}

export const sumOf = (lines: readonly Line[], value: (line: Line) => number): number => lines.reduce((sum, line) => sum + value(line), 0);

/** It is there, and waits for nothing but company. */
export const isLingering = (line: Line): boolean => line.head < line.queue.length && !isReady(line);

const tallyOf = (lines: readonly Line[]): Tally => ({
  sent: sumOf(lines, ({ tally }) => tally.sent),
  confirmed: sumOf(lines, ({ tally }) => tally.confirmed),
  dropped: sumOf(lines, ({ tally }) => tally.dropped),
  expired: sumOf(lines, ({ tally }) => tally.expired),
  refused: sumOf(lines, ({ tally }) => tally.refused),
  waiting: sumOf(lines, ({ count }) => count),
  bytes: sumOf(lines, ({ bytes }) => bytes),
});

export function countsOf(lines: readonly Line[]): Omit<Counts, 'unwanted'> {
  const lane = (name: Lane) => {
    const own = lines.filter((line) => line.lane === name);
    return { events: sumOf(own, ({ count }) => count), bytes: sumOf(own, ({ bytes }) => bytes) };
  };
  return {
    ...tallyOf(lines),
    lingering: sumOf(lines.filter(isLingering), ({ queueEvents }) => queueEvents),
    lanes: { durable: lane('durable'), telemetry: lane('telemetry') },
    kinds: Object.fromEntries(lines.map((line) => [line.kind, tallyOf([line])])) as Record<Kind, Tally>,
  };
}
