/**
 * What a viewer sees of a metric: its series that are meant, put together as asked, and of those the largest. Which ones are shown
 * changes rarely: one that is shown stays until another is half as large again, so that no chart's lines come and go.
 */
import { foldAt } from './fold.ts';
import type { Metric, Series } from './memory.ts';
import type { Fold, Named } from './protocol.ts';
import type { Describable } from './select.ts';
import { valueAt } from './track.ts';

export interface Group {
  readonly id: string;
  readonly named: Named;
  readonly members: Series[];
  /** What it is called in frames; -1 while it is not shown. */
  index: number;
  /** How large it was when that was last looked at. */
  size: number;
  /** Seconds between its values, as was last said. */
  interval: number;
}

export interface Groups {
  join(series: Series): Group | undefined;
  /** The group that it was in. */
  leave(series: Series): Group | undefined;
  of(series: Series): Group | undefined;
  /** Joins and leaves where what a server says of itself has changed. */
  regroup(all: readonly Series[]): void;
  /** Chooses anew what is shown. Every so often: it looks at a minute of all of it. */
  choose(second: number, fold: Fold | undefined): void;
  /** What is shown, in the order in which it came to be. */
  readonly shown: ReadonlySet<Group>;
  readonly size: number;
}

/** Seconds by which the largest are told, and how much larger one has to be to take another's place. */
const looksBack = 60;
const clearly = 1.5;

export interface Chooses {
  readonly matches: (series: Describable) => boolean;
  readonly groupOf: (series: Describable) => { readonly id: string; readonly named: Named };
  readonly most: number;
}

export function createGroups({ matches, groupOf, most }: Chooses): Groups {
  const groups = new Map<string, Group>();
  const ofSeries = new Map<Series, Group>();
  const shown = new Set<Group>();
  /** Of a group that is gone, or not shown for now: it is the same when it comes again. */
  let next = 0;
  /** What was there at the first choice is shown by size, what comes later as it comes. */
  let chosen = false;

  const show = (group: Group) => {
    group.index = next++;
    group.interval = Math.round(intervalOf(group));
    shown.add(group);
  };
  const hide = (group: Group) => {
    shown.delete(group);
    group.index = -1;
  };

  const join = (series: Series): Group | undefined => {
    if (!matches(series)) return undefined;
    const { id, named } = groupOf(series);
    let group = groups.get(id);
    if (!group) {
      group = { id, named, members: [], index: -1, size: 0, interval: 1 };
      groups.set(id, group);
      if (chosen && shown.size < most) show(group);
    }
    group.members.push(series);
    ofSeries.set(series, group);
    return group;
  };
  const leave = (series: Series): Group | undefined => {
    const group = ofSeries.get(series);
    if (!group) return undefined;
    ofSeries.delete(series);
    const last = group.members.pop();
    if (last && last !== series) group.members[group.members.indexOf(series)] = last;
    if (group.members.length === 0) {
      groups.delete(group.id);
      shown.delete(group);
    }
    return group;
  };

  return {
    join,
    leave,
    of: (series) => ofSeries.get(series),
    regroup(all) {
      for (const series of all) {
        const now = matches(series) ? groupOf(series).id : undefined;
        if (now === ofSeries.get(series)?.id) continue;
        leave(series);
        join(series);
      }
    },
    choose(second, fold) {
      if (chosen && groups.size <= most) {
        for (const group of groups.values()) if (group.index < 0) show(group);
        return;
      }
      chosen = true;
      for (const group of groups.values()) group.size = sizeOf(group, fold, second);
      const inOrder = (one: Group, other: Group) => other.size - one.size;
      const outside = [...groups.values()].filter((group) => group.index < 0).sort(inOrder);
      const inside = [...shown].sort(inOrder);
      for (const group of outside) {
        const smallest = inside.at(-1);
        if (shown.size >= most) {
          if (!smallest || !(group.size > smallest.size * clearly)) return;
          inside.pop();
          hide(smallest);
        }
        show(group);
      }
    },
    shown,
    get size() {
      return groups.size;
    },
  };
}

/** The mean of what it was over the last minute, without its sign. */
function sizeOf(group: Group, fold: Fold | undefined, second: number): number {
  let [sum, count] = [0, 0];
  for (let at = second - looksBack; at <= second; at++) {
    const value = groupAt(group, fold, at);
    if (Number.isNaN(value)) continue;
    sum += Math.abs(value);
    count += 1;
  }
  return count > 0 ? sum / count : 0;
}

/** The value of a second: its only series' own, or what its members fold to. */
export function groupAt({ members }: Group, fold: Fold | undefined, second: number): number {
  const [only] = members;
  if (fold !== undefined) return foldAt(members, fold, second);
  return only ? valueAt(only, second) : Number.NaN;
}

/** Seconds between values: of several, of the one that measures most often. */
export function intervalOf({ members }: Pick<Group, 'members'>): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { interval } of members) shortest = Math.min(shortest, interval);
  return Number.isFinite(shortest) ? Math.max(1, shortest) : 1;
}

/** Takes up another interval where it is clearly another. */
export function settle(group: Group): boolean {
  const now = intervalOf(group);
  if (now > group.interval * 0.7 && now < group.interval * 1.6) return false;
  group.interval = Math.round(now);
  return true;
}

/** How those that come together become one where nobody says it: what adds up is summed. */
export function foldOf(by: readonly string[] | undefined, fold: Fold | undefined, type: Metric['type'] | undefined): Fold | undefined {
  if (!by) return undefined;
  return fold ?? (type === undefined || type === 'gauge' ? 'mean' : 'sum');
}
