/**
 * What a heartbeat says: that its server lives, or ends as it means to; and whatever it says of itself that is new.
 *
 * heartbeat → state of its server where that changed, and the end of the alert that it was silent.
 */
import { type Data, type Event, key, parse } from 'sluice';
import { type Book, hostOf, isRoster, isServer, rosterWord } from './book.ts';
import { aheadOf, clockGone, judgeClock, shownSkew } from './skew.ts';
import { silenceOver } from './speak.ts';
import type { Beat, Known } from './tables.ts';
import { type Spoken, verdictKey } from './tell.ts';
import { isSecond, rivalry } from './twins.ts';

/** What a heartbeat says of its server. */
type Said = Data<'heartbeat'>;
type Words = Record<string, string>;

/** The last words of a process may come before those of the roster in it. Milliseconds. */
const lastWords = 10_000;

export function hear(book: Book, server: string, event: Event<'heartbeat'>, at: number): Spoken[] {
  const { servers, beats, telling } = book;
  const { goodbye, boot } = event.data;
  const was = servers.get(server);
  if (!was) checkSpeakable(server);
  if (was?.status === 'retired' && isRoster(server) && at - was.since < lastWords) return [];
  // What waited in a queue is older than the word of the person who retired it.
  if (was?.person && was.boot === boot && !book.isSettled(was, at)) return [];
  const isLast = was !== undefined && isLastOfTwins(book, server, was, boot, at);
  // Several processes of a server may run the same; they are one to whoever watches them.
  const said = was && isServer(server) ? rivalry(book, server, was, event, at) : [];
  // The old run's farewell, when the new one beats already, is none of the server's.
  if (goodbye && was?.status === 'alive' && boot !== was.boot && !isLast) return said;
  const before = was && book.beatOf(server, was);
  const ahead = aheadOf(book, server, event.time - at, at);
  beats.set(server, { seen: at, id: event.id, ahead: event.time - at });
  // Another roster took it for silent, and it is not.
  if (before && (was.status !== 'silent' || was.within !== undefined) && isCorrecting(book, server, was, at))
    said.push(...telling.over(verdictKey(server), silenceOver(server, before, 'is heard', at, event.id)));
  if (was && isSecond(book, server, boot)) {
    book.wait(server, was);
    return said;
  }
  if (goodbye) said.push(...clockGone(book, server, event.id));
  else if (ahead !== undefined) said.push(...judgeClock(book, server, ahead, event, at));
  const skew = shownSkew(ahead, was?.skew);
  if (was && isNoNews(event.data, was, skew)) {
    book.wait(server, was);
    return said;
  }
  const known = knownFrom(event.data, was, at, skew);
  servers.set(server, known);
  book.wait(server, known);
  if (was?.status === 'silent' && before)
    said.push(...broken(book, server, was, before, goodbye ? 'said goodbye' : 'is heard again', at, event.id));
  said.push(book.state(server, known));
  if (goodbye) said.push(...rosterGoes(book, server, goodbye.reason, at, event.id));
  return said;
}

/** Of twins the one that is shown is gone already, though that is not told yet: the other's farewell is the server's. */
function isLastOfTwins({ rivals }: Book, server: string, was: Known, boot: string, at: number): boolean {
  const rival = rivals.get(server);
  return rival?.told !== undefined && rival.boot === boot && at - rival.own > 2000 * was.interval;
}

/**
 * Whether to end what another roster told. What waited for us while we did not hear may be older than what that one has judged:
 * as for a verdict, it takes a whole limit of hearing.
 */
function isCorrecting(book: Book, server: string, was: Known, at: number): boolean {
  return book.telling.isAnothers(verdictKeyOf(server), 'silent') && book.isSettled(was, at);
}

/** The end of a silence: told where the silence was, and not where a group's alert spoke of it. */
export function broken(book: Book, server: string, was: Known, before: Beat, how: string, at: number, id: string): Spoken[] {
  if (was.within !== undefined) return [];
  if (book.telling.isAnothers(verdictKeyOf(server), 'silent') && !isCorrecting(book, server, was, at)) return [];
  return book.telling.over(verdictKey(server), silenceOver(server, before, how, at, id));
}

/** With the process that ends goes the roster in it, which says no goodbye of its own. One that still beats is back soon. */
function rosterGoes(book: Book, server: string, reason: string, at: number, id: string): Spoken[] {
  const roster = `${hostOf(server)}.${rosterWord}`;
  const was = book.servers.get(roster);
  if (!was || was.status === 'retired') return [];
  const { within: _, ...rest } = was;
  const known: Known = { ...rest, status: 'retired', since: at, reason };
  book.servers.set(roster, known);
  book.wait(roster, known);
  return [
    ...(was.status === 'silent' ? broken(book, roster, was, book.beatOf(roster, was), 'ended', at, id) : []),
    book.state(roster, known),
  ];
}

/** The alert key, made only where somebody else's alert is open. */
function verdictKeyOf(server: string): string {
  return isServer(server) ? `${server}.server` : verdictKey(server);
}

/** Refuses a name that leaves no room for what would have to be said of it: better now than when it falls silent. */
function checkSpeakable(server: string): void {
  const about = parse(server);
  key({ ...about, resource: ['alert', 'silent', 'server', ...about.resource] });
}

/** Whether a beat says what was known before, as almost all do. */
function isNoNews({ boot, interval, labels, versions, goodbye }: Said, was: Known, skew: number | undefined): boolean {
  return (
    was.status === (goodbye ? 'retired' : 'alive') &&
    boot === was.boot &&
    interval === was.interval &&
    skew === was.skew &&
    sameWords(few(labels), was.labels) &&
    sameWords(few(versions), was.versions)
  );
}

function sameWords(one: Words, other: Words): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** What is known of a server after a beat of its own. */
function knownFrom(data: Said, was: Known | undefined, at: number, skew: number | undefined): Known {
  const { boot, interval, labels, versions, goodbye } = data;
  const status = goodbye ? 'retired' : 'alive';
  const reason = reasonOf(data, was);
  return {
    status,
    since: was?.status === status && was.boot === boot ? was.since : at,
    first: was?.first ?? at,
    interval,
    boot,
    labels: few(labels),
    versions: few(versions),
    ...(skew !== undefined && { skew }),
    ...(reason !== undefined && { reason }),
  };
}

/** A server may call itself many things, but not so many that its state would be too large to send. */
function few(words: Words): Words {
  if (Object.keys(words).length <= 64) return words;
  return Object.fromEntries(Object.entries(words).slice(0, 64));
}

function reasonOf({ goodbye, boot }: Said, was: Known | undefined): string | undefined {
  if (goodbye) return goodbye.reason;
  if (was === undefined) return undefined;
  if (was.status === 'retired') return was.boot === boot ? 'heard again, though it was retired' : 'started again';
  if (was.boot === boot) return was.status === 'alive' ? was.reason : 'heard again';
  return 'restarted without a goodbye';
}
