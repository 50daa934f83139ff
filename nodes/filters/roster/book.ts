/**
 * The book of servers: its tables, the limits that they are judged by, and who must be looked at when. What is held beside
 * the tables is made of them again at each start.
 */
import { type About, duration, escapeWord, key } from 'sluice';
import type { Config, Expectation, Selector } from './config.ts';
import { type DueQueue, dueQueue } from './due.ts';
import { stateOf } from './speak.ts';
import type { Beat, Known, Memory, Watcher } from './tables.ts';
import { type Spoken, type Telling, telling } from './tell.ts';

export type Here = Omit<About, 'resource'>;

export interface Book extends Memory {
  readonly config: Config;
  /** In milliseconds. */
  readonly spans: { readonly least: number; readonly skew: number };
  /** The key of the server on which this roster runs. */
  readonly here: string;
  readonly due: DueQueue;
  readonly telling: Telling;
  self(): Watcher;
  /** Milliseconds that it may be silent. */
  limitOf(known: Known): number;
  /** When it must be looked at next: its limit, or the end of its time in the book. */
  deadline(server: string, known: Known, beat: Beat): number;
  beatOf(server: string, known: Known): Beat;
  isEphemeral(server: string, known: Known): boolean;
  /** Silent, or so near to it that only one more of its beats can come: what is lost together falls silent within one interval. */
  isOut(server: string, known: Known, at: number): boolean;
  /** Whether all there is was heard for its whole limit: what comes of it now cannot have waited for long. */
  isSettled(known: Known, at: number): boolean;
  wait(server: string, known: Known): void;
  waitAll(): void;
  state(server: string, known: Known): Spoken;
  forget(server: string): void;
  /** Grows with each change of a server, for what need not be counted anew while there is none. */
  readonly changes: number;
}

/** Not connected yet. */
const unborn: Watcher = { blind: 0, told: false, reason: 'the roster is cut off from the pipe', clear: 0, looked: 0 };
/** An ephemeral server is nobody's to remember for a month. */
const ephemeralKeep = 86_400_000;
/** Clocks, queues and ticks between servers that were lost together. */
const slack = 1000;

export function openBook(config: Config, memory: Memory, at: Here): Book {
  const { servers, beats, rivals, clocks, watcher } = memory;
  const [least, keep, skew] = [duration(config.atLeast) ?? 0, duration(config.forget) ?? 0, duration(config.skew) ?? 0];
  const { missed, ephemeral } = config;
  let changes = 0;
  const counted: Memory['servers'] = {
    get: (server) => servers.get(server),
    entries: () => servers.entries(),
    set(server, known) {
      changes++;
      servers.set(server, known);
    },
    delete(server) {
      changes++;
      servers.delete(server);
    },
    get size() {
      return servers.size;
    },
  };
  const book: Book = {
    ...memory,
    servers: counted,
    get changes() {
      return changes;
    },
    config,
    spans: { least, skew },
    here: key({ ...at, resource: [] }),
    due: dueQueue(),
    telling: telling(memory),
    self: () => watcher.get('self') ?? unborn,
    limitOf: ({ interval }) => Math.max(missed * interval * 1000, least),
    deadline: (server, known, beat) =>
      known.status === 'retired'
        ? known.since + (book.isEphemeral(server, known) ? Math.min(keep, ephemeralKeep) : keep)
        : Math.max(beat.seen, book.self().clear) + book.limitOf(known),
    beatOf: (server, { since }) => beats.get(server) ?? { seen: since, id: '', ahead: 0 },
    isEphemeral: (server, { labels }) => labels.ephemeral === 'true' || ephemeral.some((selector) => selects(selector, server, labels)),
    isOut(server, known, now) {
      if (known.status !== 'alive') return known.status === 'silent';
      const limit = book.limitOf(known);
      const interval = known.interval * 1000;
      const ahead = Math.max(0, Math.min(interval + slack, limit - 1.5 * interval));
      return book.deadline(server, known, book.beatOf(server, known)) <= now + ahead;
    },
    isSettled(known, now) {
      const { blind, clear } = book.self();
      return blind === undefined && now - clear >= book.limitOf(known);
    },
    wait(server, known) {
      if (known.status !== 'silent') book.due.by(server, book.deadline(server, known, book.beatOf(server, known)));
    },
    waitAll() {
      for (const [server, known] of servers.entries()) book.wait(server, known);
    },
    state: (server, known) => stateOf(server, known, book.beatOf(server, known), book.self()),
    forget(server) {
      for (const one of [counted, beats, rivals, clocks]) one.delete(server);
    },
  };
  book.waitAll();
  return book;
}

/** The words of where a server is, as they stand in its key. */
const places = ['company', 'system', 'environment', 'host'] as const;

/** What a server has under a name: a label, or where it is. */
export function wordOf(server: string, labels: Known['labels'], name: string): string | undefined {
  const place = (places as readonly string[]).indexOf(name);
  return place < 0 ? labels[name] : server.split('.')[place];
}

export function selects(selector: Selector, server: string, labels: Known['labels']): boolean {
  for (const name in selector) {
    const wanted = selector[name] ?? '';
    const isPlace = (places as readonly string[]).includes(name);
    if (wordOf(server, labels, name) !== (isPlace ? escapeWord(wanted) : wanted)) return false;
  }
  return true;
}

/** A server, and not a process that beats beside its agent. */
export const isServer = (server: string): boolean => server.split('.', 5).length === 4;

/** The server on which a process runs. */
export const hostOf = (server: string): string => server.split('.', 4).join('.');

/** Beats of a roster itself, by which rosters watch each other. */
export const rosterWord = 'roster';
export const isRoster = (server: string): boolean => server.endsWith(`.${rosterWord}`) && !isServer(server);

export type { Expectation };
