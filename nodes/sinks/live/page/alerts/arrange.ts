/**
 * Which alerts are shown, and in which order: what needs somebody first, the worst and the newest on top; then what is over, the
 * latest first.
 *
 * episodes and what was asked for → groups with their rows.
 */
import type { Severity } from 'sluice';
import type { Episode } from '../../episodes.ts';
import { natural } from '../parts/natural.ts';

export const groupings = ['none', 'rule', 'server', 'severity', 'place'] as const;
export type Grouping = (typeof groupings)[number];

export interface Asked {
  readonly text: string;
  /** Words of `state`, of `severity`, places and keys of servers: none of a sort asks for all. */
  readonly states: readonly string[];
  readonly severities: readonly string[];
  readonly place: string;
  readonly servers: readonly string[];
  readonly by: Grouping;
}

export interface Group {
  /** Empty where nothing is grouped. */
  readonly title: string;
  readonly rows: readonly Episode[];
  /** How many of them are not over. */
  readonly open: number;
}

export const severities = ['critical', 'warning', 'info'] as const satisfies readonly Severity[];
/** The words that are known, as they are listed; others stand behind them. */
const words = ['firing', 'held', 'resolved', 'unknown'];
const rankOf = (word: string): number => (words.includes(word) ? words.indexOf(word) : words.length);

/** Over is what ended, or what nobody speaks of any more. */
export const isOver = ({ state }: Episode): boolean => state === 'resolved' || state === 'unknown';
/** When it last changed: what is over is listed by its end. */
const moment = (episode: Episode): number => episode.ended ?? episode.since;

export const placeOf = ({ key }: Episode): string => key.split('.', 3).join('.');
export const serverOf = ({ key }: Episode): string => key.split('.', 4).join('.');
export const hostOf = ({ key }: Episode): string => unescapeWord(key.split('.', 4)[3] ?? '');

export function byUrgency(one: Episode, other: Episode): number {
  if (isOver(one) !== isOver(other)) return isOver(one) ? 1 : -1;
  if (isOver(one)) return moment(other) - moment(one);
  const held = Number(one.state === 'held') - Number(other.state === 'held');
  return (
    held || severities.indexOf(one.severity) - severities.indexOf(other.severity) || other.since - one.since || natural(one.key, other.key)
  );
}

export function arrange(episodes: Iterable<Episode>, asked: Asked): Group[] {
  const rows = [...episodes].filter((each) => fits(each, asked)).sort(byUrgency);
  if (asked.by === 'none') return rows.length === 0 ? [] : [groupOf('', rows)];
  const groups = new Map<string, Episode[]>();
  for (const row of rows) {
    const title = titleOf(row, asked.by);
    const group = groups.get(title);
    if (group) group.push(row);
    else groups.set(title, [row]);
  }
  // In the order of their first rows: the most urgent.
  return [...groups].map(([title, some]) => groupOf(title, some));
}

const groupOf = (title: string, rows: readonly Episode[]): Group => ({ title, rows, open: rows.filter((each) => !isOver(each)).length });

function titleOf(row: Episode, by: Grouping): string {
  if (by === 'rule') return row.rule;
  if (by === 'server') return hostOf(row);
  return by === 'place' ? placeOf(row) : row.severity;
}

function fits(episode: Episode, { text, states, severities: wanted, place, servers }: Asked): boolean {
  if (states.length > 0 && !states.includes(episode.state)) return false;
  if (wanted.length > 0 && !wanted.includes(episode.severity)) return false;
  if (place !== '' && placeOf(episode) !== place) return false;
  if (servers.length > 0 && !servers.includes(serverOf(episode))) return false;
  if (text === '') return true;
  const { rule, summary, action, severity, state, key } = episode;
  const all = [rule, summary, action, severity, state, unescapeWord(key)].join('\n').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** How many there are of each word, the known ones first, so that the buttons of a filter stay where they are. */
export function countBy(episodes: Iterable<Episode>, of: 'state' | 'severity'): [word: string, count: number][] {
  const known = of === 'state' ? words.slice(0, 3) : severities;
  const counts = new Map<string, number>(known.map((word) => [word, 0]));
  for (const episode of episodes) counts.set(episode[of], (counts.get(episode[of]) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => (of === 'state' ? rankOf(one) - rankOf(other) : 0));
}

/** What live knows, and what the store kept, each episode once: live knows how it stands now. */
export function merge(live: Iterable<Episode>, past: Iterable<Episode>): Episode[] {
  const all = new Map<string, Episode>();
  for (const episode of past) {
    const before = all.get(conditionOf(episode));
    if (!before || !isOver(before) || before.state === 'unknown') all.set(conditionOf(episode), episode);
  }
  for (const episode of live) {
    const kept = all.get(conditionOf(episode));
    // The store may know which event it was, where live came too late to hear it.
    all.set(conditionOf(episode), episode.event === undefined && kept?.event !== undefined ? { ...episode, event: kept.event } : episode);
  }
  return [...all.values()];
}

const conditionOf = ({ key, rule, since }: Episode): string => `${key} ${rule} ${since}`;

function unescapeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
