/**
 * Alerts as episodes, from the first that fires to the one that resolves it, and two lists of them side by side.
 *
 *     fired       ├──────┤        ├────┤
 *     would fire     ├───┤  ├──┤              the first is the same (later), the second new, the third gone
 */
import type { Event } from '../event.ts';
import type { Severity } from '../kinds.ts';

/** Times are milliseconds since 1970, of the events. */
export interface Episode {
  readonly rule: string;
  readonly key: string;
  /** The worst that it came to. */
  readonly severity: Severity;
  readonly from: number;
  /** Undefined while it fires. */
  readonly to?: number;
  /** The event that fired first. */
  readonly id: string;
  readonly summary: string;
}

export const badness: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** Follows alerts in the order that they came. What is resolved and did not fire before is left out. */
export function episodesOf(alerts: Iterable<Event<'alert'>>): Episode[] {
  const all = new Map<number, Episode>();
  const open = new Map<string, number>();
  for (const { id, key, time, data } of alerts) {
    const about = `${data.rule}\n${key}`;
    const index = open.get(about);
    const known = index === undefined ? undefined : all.get(index);
    if (data.status === 'resolved') {
      open.delete(about);
      if (index !== undefined && known) all.set(index, { ...known, to: time });
    } else if (index === undefined || !known) {
      open.set(about, all.size);
      all.set(all.size, { rule: data.rule, key, severity: data.severity, from: time, id, summary: data.summary });
    } else if (badness[data.severity] > badness[known.severity]) all.set(index, { ...known, severity: data.severity });
  }
  return [...all.values()];
}

export interface Compared {
  readonly same: readonly { readonly now: Episode; readonly before: Episode }[];
  /** In `now` alone. */
  readonly added: readonly Episode[];
  /** In `before` alone. */
  readonly gone: readonly Episode[];
}

/** How far apart two may lie and still be about the same trouble. */
const slackMs = 60_000;

/** Pairs those of one rule and key that overlap, each once, the earliest first. */
export function compare(now: readonly Episode[], before: readonly Episode[]): Compared {
  const left = new Map<string, Episode[]>();
  for (const one of inTime(before)) left.set(aboutOf(one), [...(left.get(aboutOf(one)) ?? []), one]);
  const same: { now: Episode; before: Episode }[] = [];
  const added: Episode[] = [];
  for (const one of inTime(now)) {
    const others = left.get(aboutOf(one)) ?? [];
    const index = others.findIndex((other) => overlap(one, other));
    const [other] = index < 0 ? [] : others.splice(index, 1);
    if (other) same.push({ now: one, before: other });
    else added.push(one);
  }
  return { same, added, gone: inTime([...left.values()].flat()) };
}

const aboutOf = ({ rule, key }: Episode): string => `${rule}\n${key}`;
const endOf = ({ to }: Episode): number => to ?? Number.POSITIVE_INFINITY;
const overlap = (one: Episode, other: Episode): boolean => one.from <= endOf(other) + slackMs && other.from <= endOf(one) + slackMs;
const inTime = (episodes: readonly Episode[]): Episode[] => [...episodes].sort((one, other) => one.from - other.from);
