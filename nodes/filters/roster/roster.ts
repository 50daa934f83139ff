/**
 * Knows the servers by their heartbeats alone, and tells which are alive, silent or retired: a server that says nothing is
 * the one failure that no monitor on it can report.
 *
 *     beats  │ │ │ │ │           │ │        ╎ = the limit: `missed` beats, at least `atLeast`
 *     status alive────────╎silent╎alive──
 *
 * heartbeat → state of each server, on change; alerts `silent` (of a server, or of a group that was lost together), `twins`,
 * `skew`, `expected`. command `retire` → outcome. alert → so that of several rosters one tells. Its own heartbeat says that it
 * watches, for the other rosters and for `ping`.
 *
 * Judged on the receiving clock only. While the watcher is cut off, or its queue is not drained, or this process stood
 * still, or does not hear its own server, there is no verdict; after it each server has its whole limit anew. So it never takes
 * its own deafness for another's silence, and is up to one limit late after it. Without an earlier state it learns servers
 * only as they beat.
 */
import { defineFilter, type Event, key, parse } from 'sluice';
import { hostOf, isRoster, openBook, rosterWord } from './book.ts';
import { config } from './config.ts';
import { examples } from './examples.ts';
import { expecting } from './expect.ts';
import { hear } from './hear.ts';
import { judging } from './judge.ts';
import { retire } from './retire.ts';
import { findTime } from './skew.ts';
import { tables } from './tables.ts';
import type { Spoken } from './tell.ts';
import { hearOwn, hearPipe, look } from './watch.ts';

const tickEvery = 500;
/** How long it may be blind before that is worth telling of every server: a restart is none. */
const blindMs = 5000;
/** Seconds between its own heartbeats. */
const beatEvery = 5;

export { config };

export default defineFilter({
  name: 'roster',
  doc: 'Knows the servers by their heartbeats alone, and tells which are alive, silent or retired.',
  config,
  in: [{ kind: 'heartbeat' }, { kind: 'command', resource: 'server' }, { kind: 'alert', resource: 'server' }],
  out: ['state', 'alert', 'heartbeat', 'outcome', 'audit'],
  tables,
  tickEvery,
  shard: 'each',
  examples,
  create(settings, memory, here) {
    const book = openBook(settings, memory, here);
    const judge = judging(book);
    const expect = expecting(book);
    const own = sourceOf(book.here);

    /** All that are alive, when it becomes true or untrue that nobody can tell. */
    const alive = (): Spoken[] =>
      [...book.servers.entries()].filter(([, { status }]) => status === 'alive').map(([server, known]) => book.state(server, known));
    /** Runs what may end its deafness, and says so of the servers where it had been said. */
    const listening = (listen: () => 'hears' | 'anew' | 'deaf'): Spoken[] => {
      const { told } = book.self();
      return listen() === 'anew' && told ? alive() : [];
    };
    const heartbeat = (event: Event<'heartbeat'>, at: number): Spoken[] => {
      const server = key(parse(event.key));
      // Its own beat as a roster proves nothing: it is made by whom it would be judged by.
      if (isRoster(server) && server === `${book.here}.${rosterWord}`) return [];
      return [...listening(() => hearOwn(book, server, event, at)), ...hear(book, server, event, at)];
    };
    /** Once it hears its own server it can say that it watches: the beat goes the way that an alert would go. */
    const watches = (at: number): Spoken[] => {
      const self = book.self();
      const round = Math.floor(at / (beatEvery * 1000));
      if (self.own === undefined || round === self.round) return [];
      book.watcher.set('self', { ...self, round });
      return [{ kind: 'heartbeat', key: [rosterWord], data: { boot: rosterWord, interval: beatEvery } }];
    };
    const stillDeaf = (at: number): Spoken[] => {
      const self = book.self();
      if (self.told || at - (self.blind ?? at) < blindMs || book.servers.size === 0) return [];
      book.watcher.set('self', { ...self, told: true, looked: at });
      return alive();
    };
    /**
     * Two rosters say different things at one time, and one whose clock was set back comes to a time again: their words have ids
     * of their own, but for what all tell alike.
     */
    const signed = (trigger: string, drafts: readonly Spoken[]): Spoken[] => {
      const run = book.self().own?.id ?? '';
      return drafts.map((draft, index) =>
        draft.identity === undefined ? { ...draft, identity: `${book.here} ${run} ${trigger} ${index}` } : draft,
      );
    };

    return {
      event(event, at) {
        if (event.kind === 'heartbeat') return signed(event.id, heartbeat(event, at));
        if (event.kind === 'command') return signed(event.id, retire(book, event, at));
        // Nobody's word counts of his own silence: an agent could have itself forgotten.
        const isOfItself = event.data.rule === 'silent' && event.source.startsWith(sourceOf(event.key));
        if (!event.source.startsWith(own) && !isOfItself) book.telling.hear(event);
        return [];
      },
      tick(at) {
        let said: Spoken[] = [];
        const hearing = look(book, at);
        if (hearing === 'deaf') said = stillDeaf(at);
        else {
          if (hearing === 'hears') said = [...judge.judge(at), ...expect.expect(at)];
          findTime(book, at);
          said.push(...watches(at));
        }
        return signed(`tick ${at}`, said);
      },
      pipe: (pipe, at) =>
        signed(
          `pipe ${at} ${pipe.connected} ${pipe.caughtUp}`,
          listening(() => hearPipe(book, pipe, at)),
        ),
    };
  },
});

/** How the sources of all that runs on a server begin. */
const sourceOf = (about: string): string => `/${hostOf(about).replaceAll('/', '%2F').replaceAll('.', '/')}/`;
