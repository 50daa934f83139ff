/**
 * How a process stands with its bus, told as state: what it gave, what was confirmed, what waits and what gave way. Twice a
 * minute, and at once when the bus goes or comes, blocks, or the spool begins or ends to drop.
 *
 * `written` is what its readers should have had by then: the end of a stream, too, has something that it can be held against.
 */
import type { Kind } from '../kinds.ts';
import type { ProcessState } from '../states.ts';
import { stateTtl } from './announce.ts';
import type { Watching } from './context.ts';

export interface StandingOptions {
  readonly version: string;
  /** Milliseconds. */
  readonly linger: number;
  readonly written: ReadonlyMap<Kind, number>;
}

export interface Standing {
  /** Tells it for the last time. */
  stop(): Promise<void>;
}

/** How often it is looked at whether something changed that matters, and how often the counts are told. */
const lookMs = 1000;
const tellMs = 30_000;

export function startStanding(context: Watching, { version, linger, written }: StandingOptions): Standing {
  const { bus, clock, committer, origin, outbox } = context;
  const author = context.authorOf('sluice');
  const since = new Date(clock.now()).toISOString();
  let droppedBefore = 0;
  let told = '';

  const state = (status: ProcessState['status']): ProcessState => {
    const { sent, confirmed, dropped, expired, refused, lanes, unwanted } = outbox.counts;
    return {
      host: origin.host,
      process: origin.bootid,
      status,
      since,
      version,
      bus: bus.name,
      connected: bus.connected,
      blocked: bus.blocked ?? false,
      linger,
      sent,
      confirmed,
      dropped,
      expired,
      refused,
      spooled: lanes,
      unwanted: { events: unwanted.events, lost: unwanted.lost },
      written: Object.fromEntries(written),
    };
  };
  const tell = (status: ProcessState['status']): Promise<void> => {
    const data = { of: 'process', value: state(status) };
    const event = author.original({ kind: 'state', key: ['process', origin.bootid], data, ttl: stateTtl }, clock.now());
    return committer.commit({ events: [event] }).catch(() => {});
  };
  /** What is told at once when it changes. */
  const condition = (): string => {
    const { dropped } = outbox.counts;
    const dropping = dropped > droppedBefore;
    droppedBefore = dropped;
    return `${bus.connected} ${bus.blocked} ${dropping}`;
  };
  const look = (): void => {
    const now = condition();
    if (now === told) return;
    told = now;
    void tell('running');
  };
  const cancels = [clock.every(lookMs, look), clock.every(tellMs, () => void tell('running'))];
  look();
  return {
    stop() {
      for (const cancel of cancels) cancel();
      return tell('stopped');
    },
  };
}
