/**
 * What is lost together is told once: "40 of 41 silent in rack r12". Whatever servers have in common by their own words, a
 * rack, a broker, an environment, may be what was lost.
 *
 *     members' last beats  ││ │││ ││           all within one interval: whoever is due first speaks for those who
 *     limits                      ╎╎ ╎╎╎ ╎╎    could only beat once more before theirs, so nobody is told late
 *     group                       └ one alert, until four in five are heard
 *
 * servers that are due → the groups that they are told within, and an alert for each that is new. Of several that would do,
 * the one with most silent members; of those that differ little, the one in which fewest are heard.
 */
import { hash } from 'node:crypto';
import { escapeWord, key, parse, unescapeWord } from 'sluice';
import { tableKey } from '../shared/alert.ts';
import { type Book, isServer, wordOf } from './book.ts';
import type { Known } from './tables.ts';
import type { Firing, Spoken } from './tell.ts';

/** A group is lost when as many are silent, and four in five of those that can be told; it is back when four in five are heard. */
const least = 3;
const isMost = (part: number, whole: number): boolean => part * 5 >= whole * 4;
/** How much less a group may explain, and still be the better name for what was lost. */
const nearly = 0.9;
/** How many silent members an alert names. */
const named = 5;

/** Something that servers have in common. */
interface Group {
  readonly id: string;
  /** The name of the label, or a word of the place. */
  readonly of: string;
  readonly value: string;
}

interface Tally extends Group {
  total: number;
  readonly out: string[];
  /** When its latest silent member was heard. */
  last: number;
  /** By when one of those that fall silent now would have been heard again, had it lived: what was lost together was lost by then. */
  by: number;
  /** When its members that are not silent were heard. */
  readonly heard: number[];
}

export interface Found {
  readonly said: Spoken[];
  /** The group that tells of a server. */
  within(server: string): string | undefined;
}

/** @param due servers whose limit has passed, and which are not silent yet */
export function findGroups(book: Book, due: readonly string[], at: number): Found {
  const said: Spoken[] = [];
  const within = new Map<string, string>();
  const left = new Map<string, readonly Group[]>();
  for (const server of due) {
    const known = book.servers.get(server);
    if (!known) continue;
    const groups = groupsOf(book, server, known);
    const { seen } = book.beatOf(server, known);
    // A member that was not heard since its group was lost; one that came back and went again speaks for itself.
    const told = groups.find(({ id }) => seen <= (book.groups.get(id)?.since ?? 0));
    if (told) within.set(server, told.id);
    else left.set(server, groups);
  }
  if (left.size > 0) {
    const tallies = count(book, new Set([...left.values()].flat().map(({ id }) => id)), at);
    while (left.size > 0) {
      const candidates = new Set([...left.values()].flat().map(({ id }) => id));
      const best = bestOf(
        book,
        [...tallies.values()].filter(({ id }) => candidates.has(id)),
      );
      if (!best) break;
      said.push(...tellGroup(book, best, [...tallies.values()], at));
      for (const [server, groups] of left) {
        if (!groups.some(({ id }) => id === best.id)) continue;
        within.set(server, best.id);
        left.delete(server);
      }
    }
  }
  return { said, within: (server) => within.get(server) };
}

export interface Ended {
  readonly said: Spoken[];
  /** What the loss of a group that ended now was told by, the same at every roster. */
  tokenOf(group: string): string | undefined;
}

/** The groups that are heard again, or have no members any more. */
export function endGroups(book: Book, at: number): Ended {
  const tokens = new Map<string, string>();
  const lost = [...book.groups.entries()];
  const tallies = lost.length === 0 ? new Map<string, Tally>() : count(book, new Set(lost.map(([id]) => id)), at);
  const said = lost.flatMap(([id, group]) => {
    const { total, heard } = tallies.get(id) ?? { total: 0, heard: [] };
    const back = heard.filter((seen) => seen > group.since).length;
    if (!isMost(back, total)) return [];
    if (group.token !== undefined) tokens.set(id, group.token);
    book.groups.delete(id);
    const summary = `${group.name} is heard again: ${back} of ${total}`;
    return book.telling.over(group.key, { rule: 'silent', severity: 'critical', summary, evidence: [] });
  });
  return { said, tokenOf: (group) => tokens.get(group) };
}

/** Of each server as it is known now: a lost group is counted twice a second. */
const remembered = new WeakMap<Known, readonly Group[]>();

/** The groups that a server is in by its own words, in the order of the config. */
function groupsOf(book: Book, server: string, known: Known): readonly Group[] {
  const before = remembered.get(known);
  if (before) return before;
  const groups = groupsFrom(book, server, known);
  remembered.set(known, groups);
  return groups;
}

function groupsFrom(book: Book, server: string, { labels }: Known): Group[] {
  return book.config.groups.flatMap((of) => {
    const word = wordOf(server, labels, of);
    if (word === undefined || word === '') return [];
    const [company = '', system = ''] = server.split('.', 2);
    const path = { company: [], system: [company], environment: [company, system] };
    // A rack is one of its company, whichever systems share it.
    const within = of in path ? path[of as keyof typeof path] : [company];
    return [{ id: tableKey([of, ...within, word]), of, value: of in path ? unescapeWord(word) : word }];
  });
}

function count(book: Book, wanted: ReadonlySet<string>, at: number): Map<string, Tally> {
  const tallies = new Map<string, Tally>();
  for (const [server, known] of book.servers.entries()) {
    // Who comes and goes is in no group.
    if (known.status === 'retired' || !isServer(server) || book.isEphemeral(server, known)) continue;
    const groups = groupsOf(book, server, known).filter(({ id }) => wanted.has(id));
    if (groups.length === 0) continue;
    const isOut = book.isOut(server, known, at);
    const { seen } = book.beatOf(server, known);
    for (const group of groups) {
      const tally = tallies.get(group.id) ?? { ...group, total: 0, out: [], last: 0, by: Number.POSITIVE_INFINITY, heard: [] };
      tallies.set(group.id, tally);
      tally.total++;
      if (isOut) {
        tally.out.push(server);
        tally.last = Math.max(tally.last, seen);
        if (known.status === 'alive') tally.by = Math.min(tally.by, Math.max(seen, book.self().clear) + known.interval * 1000);
      } else tally.heard.push(seen);
    }
  }
  return tallies;
}

/** The group that explains most. */
function bestOf(book: Book, tallies: readonly Tally[]): Tally | undefined {
  const lost = tallies.filter(isLost);
  const most = Math.max(...lost.map(({ out }) => out.length));
  const order = ({ of }: Tally) => book.config.groups.indexOf(of);
  const shareOf = ({ out, total }: Tally) => out.length / total;
  return lost
    .filter(({ out }) => out.length >= most * nearly)
    .sort((one, other) => shareOf(other) - shareOf(one) || order(one) - order(other) || (one.id < other.id ? -1 : 1))[0];
}

/** A slow heart that was not heard since says neither that the group is lost nor that it is not. */
function isLost({ out, heard, by, total }: Tally): boolean {
  const alive = heard.filter((seen) => seen > by).length;
  return out.length >= least && out.length * 2 >= total && isMost(out.length, out.length + alive);
}

function tellGroup(book: Book, best: Tally, all: readonly Tally[], at: number): Spoken[] {
  if (book.groups.get(best.id)) return [];
  const about = keyOf(best);
  // A name without room for what is to be said of it: its members speak for themselves.
  if (about === undefined) return [];
  const name = nameOf(best);
  const out = [...best.out].sort();
  const alike = all.filter(
    (one) =>
      one !== best && one.total === best.total && one.out.length === out.length && one.out.every((server) => best.out.includes(server)),
  );
  const more = out.length - named;
  const who = `${out
    .slice(0, named)
    .map((server) => parse(server).host)
    .join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  // Those that fall silent now come first: who was silent long before was so at the last loss of this group too.
  const isNew = (server: string): boolean => book.servers.get(server)?.status === 'alive';
  const beatsOf = (servers: readonly string[]): string[] => servers.flatMap((server) => book.beats.get(server)?.id ?? []).sort();
  const firing: Firing = {
    rule: 'silent',
    severity: 'critical',
    summary: `${out.length} of ${best.total} silent in ${name}${alike.length > 0 ? ` (all of ${alike.map(nameOf).join(', ')} too)` : ''}`,
    action: `look at what they share before you look at each: ${who}`,
    value: out.length,
    threshold: Math.ceil((best.total * 4) / 5),
    unit: '{server}',
    since: best.last,
    // Sorted: every roster names the same one first, and it is named for no other loss.
    evidence: [...beatsOf(out.filter(isNew)), ...beatsOf(out.filter((server) => !isNew(server)))].slice(0, 100),
  };
  const said = book.telling.fire(about, firing);
  // Kept here: another roster may have told it first, and its end too before this one finds it.
  const token = book.telling.tokenOf(about, 'silent');
  book.groups.set(best.id, { key: about, name, since: at, ...(token !== undefined && { token }) });
  return said;
}

const nameOf = ({ of, value }: Group): string => `${of} ${value}`.slice(0, 200);

/** The key of a group: the part of the tree that its members have in common, and its name where a host's would be. */
function keyOf(tally: Tally): string | undefined {
  const paths = tally.out.map((server) => parse(server));
  const common = (word: 'company' | 'system' | 'environment'): string => {
    const [first, ...rest] = new Set(paths.map((path) => path[word]));
    return first === undefined || rest.length > 0 ? '-' : first;
  };
  const name = nameOf(tally);
  const host = escapeWord(name).length <= 90 ? name : `${name.slice(0, 20)} ${hash('sha256', tally.id, 'base64url').slice(0, 22)}`;
  try {
    return key({ company: common('company'), system: common('system'), environment: common('environment'), host, resource: ['server'] });
  } catch {
    return undefined;
  }
}
