/**
 * Judges clocks by the fleet: what a server says that the time is, against what most of them say. So a pipe that is slow for
 * all, and a clock of our own that is wrong, are not taken for theirs; where ours is, it is our server that is told.
 *
 * beats → alert `skew` after three beats in a row that are off by more than the limit; over after three that are not. No
 * verdict on anything else depends on a server's clock.
 */
import type { Event } from 'sluice';
import { type Book, hostOf, isRoster } from './book.ts';
import { skewed, skewOver } from './speak.ts';
import { type Spoken, verdictKey } from './tell.ts';

const beatsInARow = 3;
/** After a time of not hearing, beats that waited look late. Milliseconds. */
const settling = 10_000;
/** How often the fleet's time is found, in milliseconds, and how many must tell theirs. */
const findEvery = 10_000;
const quorum = 3;
/** A clock that moves by less, compared with the others, is no news. Seconds. */
const step = 2;

/** By how many milliseconds the server is ahead of the fleet; undefined while that cannot be told. */
export function aheadOf(book: Book, server: string, ahead: number, at: number): number | undefined {
  const { blind, clear, fleet } = book.self();
  // A roster's beat has the time of its receiving clock, which is not its server's.
  if (blind !== undefined || at - clear < settling || isRoster(server)) return undefined;
  return ahead - (fleet?.ahead ?? 0);
}

/** In seconds, as it is shown: kept until it has moved by a step, and none when it is small. */
export function shownSkew(ahead: number | undefined, was: number | undefined): number | undefined {
  if (ahead === undefined) return was;
  const skew = Math.round(ahead / 100) / 10;
  if (was !== undefined && Math.abs(skew - was) < step) return was;
  return Math.abs(skew) < step ? undefined : skew;
}

/** @param ahead milliseconds ahead of the fleet */
export function judgeClock(book: Book, server: string, ahead: number, event: Event<'heartbeat'>, at: number): Spoken[] {
  const { clocks, telling, spans } = book;
  const was = clocks.get(server);
  const isOff = Math.abs(ahead) > spans.skew;
  if (!was && !isOff) return [];
  const told = was?.told ?? false;
  if (isOff === told) {
    // It goes on as it was told.
    if (!told) clocks.delete(server);
    else if (was && was.beats > 0) clocks.set(server, { ...was, beats: 0 });
    return [];
  }
  // Beats that waited together come together, and say the same one thing.
  if (was && was.beats > 0 && at - was.last < (event.data.interval * 1000) / 2) return [];
  const beats = (was?.beats ?? 0) + 1;
  if (beats < beatsInARow) {
    clocks.set(server, { beats, last: at, told });
    return [];
  }
  if (isOff) {
    clocks.set(server, { beats: 0, last: at, told: true });
    return telling.fire(verdictKey(server), skewed(server, ahead, spans.skew, at, event.id));
  }
  clocks.delete(server);
  return telling.over(verdictKey(server), skewOver(server, event.id));
}

/** A server that ends, or that a person retired, has no clock to be set. */
export function clockGone(book: Book, server: string, id: string): Spoken[] {
  const was = book.clocks.get(server);
  book.clocks.delete(server);
  return was?.told ? book.telling.over(verdictKey(server), skewOver(server, id)) : [];
}

/** Finds the fleet's time: the middle of all that are heard; of fewer than three, what our own server says. */
export function findTime(book: Book, at: number): void {
  const { blind, clear, fleet } = book.self();
  if (blind !== undefined || at - clear < settling || (fleet && at - fleet.at < findEvery && at >= fleet.at)) return;
  const all: number[] = [];
  for (const [server, { ahead, seen }] of book.beats.entries()) {
    const known = book.servers.get(server);
    if (known?.status === 'alive' && seen >= clear && !isRoster(server)) all.push(ahead);
  }
  const middle = all.sort((one, other) => one - other)[Math.floor((all.length - 1) / 2)];
  const own = () => [...book.beats.entries()].find(([server]) => hostOf(server) === book.here && !isRoster(server))?.[1].ahead;
  const ahead = (all.length >= quorum ? middle : own()) ?? 0;
  book.watcher.set('self', { ...book.self(), fleet: { ahead, at } });
}
