/**
 * The watcher watches itself: whether it hears all there is. While the pipe is broken or behind, while this process stood
 * still, and while not even its own server's heartbeat comes back to it, its deafness would look like others' silence.
 *
 *     own beat   │ │ │ │                 │ │ │     blind when two are missing, or half of the least limit
 *     hears      ──────────╎ blind       ╎───────  and then each server has its whole limit anew
 *
 * Its own beat is made by its own process and goes through its own spool and the broker: a broker that takes nothing from
 * anyone, a queue that is bound to nothing, or a namesake that takes half of what comes, are found out by it.
 */
import type { Event, Pipe } from 'sluice';
import { type Book, hostOf, isRoster } from './book.ts';

/** A watcher that did not look for longer was not watching. */
const pauseMs = 3000;

const cutOff = 'the roster is cut off from the pipe';
const behind = 'the roster is behind: its queue is not drained';
const unheard = 'the roster does not hear its own heartbeat: the pipe is held up';

/** `anew`: it was deaf until now. */
export type Hearing = 'hears' | 'anew' | 'deaf';

export function hearPipe(book: Book, { connected, caughtUp }: Pipe, at: number): Hearing {
  const self = book.self();
  if (connected && caughtUp) return self.blind === undefined ? 'hears' : hearAnew(book, at);
  const blind = self.blind === undefined || self.looked === 0 ? at : self.blind;
  book.watcher.set('self', { ...self, blind, reason: connected ? behind : cutOff });
  return 'deaf';
}

/** A heartbeat of its own server came. */
export function hearOwn(book: Book, server: string, { id, data: { interval } }: Event<'heartbeat'>, at: number): Hearing {
  const self = book.self();
  if (hostOf(server) !== book.here || isRoster(server)) return self.blind === undefined ? 'hears' : 'deaf';
  book.watcher.set('self', { ...self, own: { seen: at, interval, id } });
  if (self.blind === undefined) return 'hears';
  return self.reason === unheard ? hearAnew(book, at) : 'deaf';
}

/** Looks, at a tick, whether it hears. */
export function look(book: Book, at: number): Hearing {
  const self = book.self();
  if (self.blind !== undefined) return 'deaf';
  if (book.servers.size === 0) return 'hears';
  if (Math.abs(at - self.looked) > pauseMs) return hearAnew(book, at);
  const { own } = self;
  if (own && at - own.seen > Math.max(2 * own.interval * 1000, book.spans.least / 2)) {
    book.watcher.set('self', { ...self, blind: at, reason: unheard, looked: at });
    return 'deaf';
  }
  // Not each tick is worth a write.
  if (at - self.looked >= 1000) book.watcher.set('self', { ...self, looked: at });
  return 'hears';
}

function hearAnew(book: Book, at: number): Hearing {
  leaveFuture(book, at);
  const { blind: _, own, ...self } = book.self();
  book.watcher.set('self', { ...self, told: false, clear: at, looked: at, ...(own && { own: { ...own, seen: at } }) });
  book.waitAll();
  return 'anew';
}

/** A clock that was set back, as a process may find it at its start, leaves times in the future, which would be waited for. */
function leaveFuture({ beats, servers, rivals, clocks, groups, shortages }: Book, at: number): void {
  for (const [name, beat] of beats.entries()) if (beat.seen > at) beats.set(name, { ...beat, seen: at });
  for (const [name, known] of servers.entries()) if (known.since > at) servers.set(name, { ...known, since: at });
  for (const [name, rival] of rivals.entries())
    if (Math.max(rival.seen, rival.own) > at) rivals.set(name, { ...rival, seen: Math.min(rival.seen, at), own: Math.min(rival.own, at) });
  for (const [name, clock] of clocks.entries()) if (clock.last > at) clocks.set(name, { ...clock, last: at });
  for (const table of [groups, shortages])
    for (const [name, one] of table.entries()) if (one.since > at) table.set(name, { ...one, since: at } as never);
}
