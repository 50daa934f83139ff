/**
 * Judges whose time has come: silent, or, of those that may come and go, retired; and forgets whom nobody needs to know of.
 * A process is not told apart from its server: when both are silent, the server's alert says it.
 *
 * the servers that are due → alerts, a group's where a group is lost, and states.
 */
import { type Book, hostOf, isRoster, isServer } from './book.ts';
import { type Ended, endGroups, findGroups } from './group.ts';
import { goneOf, silence } from './speak.ts';
import type { Known } from './tables.ts';
import { type Spoken, verdictKey } from './tell.ts';

/** What a process's silence is told within, in place of a group. */
const withItsServer = 'server';

export interface Judge {
  /** To be called at each tick at which the roster hears. */
  judge(at: number): Spoken[];
}

export function judging(book: Book): Judge {
  // Whose silence another's alert tells, so that a tick need not look for them.
  const covered = new Set<string>();
  for (const [server, { within }] of book.servers.entries()) if (within !== undefined) covered.add(server);

  /** In what a roster may live: its server's agent, or whichever process runs it. */
  const homesOf = (host: string): string[] =>
    [...book.servers.entries()].map(([server]) => server).filter((server) => hostOf(server) === host && !isRoster(server));
  /** Whether the server of a process is silent too, or was not heard since a time. */
  const isParentOut = (server: string, since: number | undefined, at: number): boolean => {
    if (isServer(server)) return false;
    const host = hostOf(server);
    return (isRoster(server) ? homesOf(host) : [host]).some((one) => {
      const known = book.servers.get(one);
      if (!known || known.status === 'retired') return false;
      if (since === undefined) return book.isOut(one, known, at);
      // A server that is back is given the time of a beat to bring up its processes.
      return known.status === 'silent' || book.beatOf(one, known).seen <= since || at - known.since < book.limitOf(known);
    });
  };
  const fallSilent = (server: string, known: Known, within: string | undefined, at: number): Spoken[] => {
    const silent: Known = {
      ...known,
      status: 'silent',
      since: at,
      reason: 'no heartbeat, and no goodbye',
      ...(within !== undefined && { within }),
    };
    book.servers.set(server, silent);
    if (within !== undefined) {
      covered.add(server);
      return [book.state(server, silent)];
    }
    return [...tellSilent(server, silent, at), book.state(server, silent)];
  };
  /** `token`: what the loss of its group was told by. One roster may have heard its last beat, and another not. */
  const tellSilent = (server: string, known: Known, at: number, token?: string): Spoken[] => {
    const { evidence, ...what } = silence(server, book.beatOf(server, known), book.limitOf(known), at);
    return book.telling.fire(verdictKey(server), {
      ...what,
      evidence: [...new Set(token === undefined ? evidence : [token, ...evidence])],
    });
  };

  /** Those whose limit has passed. What has become of the others is told at once. */
  const overdue = (at: number): { silent: string[]; said: Spoken[] } => {
    const silent: string[] = [];
    const said: Spoken[] = [];
    for (const server of book.due.take(at)) {
      const known = book.servers.get(server);
      if (!known || known.status === 'silent') continue;
      if (book.deadline(server, known, book.beatOf(server, known)) > at) book.wait(server, known);
      else if (known.status === 'retired') {
        book.forget(server);
        said.push(goneOf(server));
      } else if (book.isEphemeral(server, known)) {
        const retired: Known = { ...known, status: 'retired', since: at, reason: 'went without a goodbye, as it may' };
        book.servers.set(server, retired);
        book.wait(server, retired);
        said.push(book.state(server, retired));
      } else silent.push(server);
    }
    return { silent, said };
  };
  /** Those whose silence was another's to tell, and is theirs again. */
  const uncover = (at: number, ended: Ended): Spoken[] => {
    const said: Spoken[] = [];
    for (const server of [...covered].sort()) {
      const known = book.servers.get(server);
      if (known?.within === undefined) {
        covered.delete(server);
        continue;
      }
      if (known.within === withItsServer ? isParentOut(server, known.since, at) : book.groups.get(known.within) !== undefined) continue;
      covered.delete(server);
      const { within, ...own } = known;
      book.servers.set(server, own);
      said.push(...tellSilent(server, own, at, ended.tokenOf(within)));
    }
    return said;
  };

  return {
    judge(at) {
      const { silent, said } = overdue(at);
      const groups = findGroups(book, silent.filter(isServer), at);
      said.push(...groups.said);
      for (const server of silent) {
        const known = book.servers.get(server);
        if (!known) continue;
        const within = isParentOut(server, undefined, at) ? withItsServer : groups.within(server);
        said.push(...fallSilent(server, known, within, at));
      }
      const ended = endGroups(book, at);
      said.push(...ended.said);
      if (covered.size > 0) said.push(...uncover(at, ended));
      return said;
    },
  };
}
