/**
 * Tells two runs under one name from a restart: once, it is a restart; to and fro, they both live. A cloned image has
 * everything in common with its original but its boot, so the boot is what is looked at.
 *
 *     one    │   │   │   │        a restart   │ │ │
 *     other    │   │   │   │                        │ │ │
 *                        └ twins
 */
import type { Event } from 'sluice';
import type { Book } from './book.ts';
import { twins, twinsOver } from './speak.ts';
import type { Known, Rival } from './tables.ts';
import { type Spoken, verdictKey } from './tell.ts';

/** A beat that comes late makes two turns; only a run that lives makes a third. */
const turnsOfTwins = 3;

export function rivalry(book: Book, server: string, was: Known, event: Event<'heartbeat'>, at: number): Spoken[] {
  const { rivals, telling } = book;
  const { boot, goodbye, labels } = event.data;
  const rival = rivals.get(server);
  const { blind, clear } = book.self();
  // Who was not heard while nobody was is not quiet.
  const isQuiet = (seen: number): boolean => blind === undefined && at - Math.max(seen, clear) > book.limitOf(was);
  const about = verdictKey(server);
  const over = (): Spoken[] => {
    rivals.delete(server);
    // Also what another roster told, which may be gone by now.
    return rival?.told === undefined && !telling.isTold(about, 'twins') ? [] : telling.over(about, twinsOver(server, event.id));
  };
  if (boot === was.boot) {
    if (!rival) {
      // Another roster told of a rival that this one never heard: it is heard from now on, or it is over.
      if (telling.isAnothers(about, 'twins')) rivals.set(server, { boot: '', seen: at, own: at, turns: 0, labels: {} });
      return [];
    }
    if (goodbye || isQuiet(rival.seen)) return over();
    rivals.set(server, { ...rival, own: at });
    return [];
  }
  if (goodbye) return rival?.boot === boot ? over() : [];
  if (was.status === 'retired') return [];
  if (rival?.told !== undefined) {
    if (isQuiet(rival.own)) return over();
    rivals.set(server, { ...rival, boot, labels, seen: at });
    return [];
  }
  const turns = rival?.boot === boot ? rival.turns + 1 : 0;
  if (turns < turnsOfTwins) {
    rivals.set(server, { boot: was.boot, seen: at, own: at, turns, labels: was.labels });
    return [];
  }
  const next: Rival = { boot, seen: at, own: at, turns, labels, told: at };
  rivals.set(server, next);
  return telling.fire(about, twins(server, next, was, at, event.id));
}

/** Of two that share a name the first stays the one that is shown, or its state would change with each beat. */
export function isSecond({ rivals }: Book, server: string, boot: string): boolean {
  const rival = rivals.get(server);
  return rival?.told !== undefined && rival.boot === boot;
}
