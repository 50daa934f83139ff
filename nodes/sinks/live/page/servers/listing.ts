/**
 * The list as it is looked at: it follows the servers, but does not move under a pointer or a finger on a key. An order by figures
 * that change each second is made anew only each few, and one by urgency not so often that hundreds of servers jump about.
 */
import type { Fleet, Server } from './fleet.ts';
import { type Counts, count, type Group, group, type Sort, search } from './order.ts';

export const onlys = ['all', 'silent', 'blind', 'alerts', 'retired'] as const;
export type Only = (typeof onlys)[number];

export interface Wanted {
  readonly by: string;
  readonly sort: Sort;
  readonly text: string;
  readonly only: Only;
}

export interface Listing {
  readonly groups: readonly Group[];
  /** Of all that are known. */
  readonly counts: Counts;
  readonly found: number;
}

/** Milliseconds for which an order that changes by itself stands. */
const standing: Partial<Record<Sort, number>> = { cpu: 5_000, memory: 5_000, urgency: 20_000 };

/** @param held is whether somebody points at it, or goes through it by keys */
export function createListing(): (fleet: Pick<Fleet, 'all' | 'facts'>, wanted: Wanted, now: number, held: boolean) => Listing {
  let last: { readonly listing: Listing; readonly wanted: string; readonly facts: number; readonly at: number } | undefined;

  return (fleet, wanted, now, held) => {
    const asked = JSON.stringify(wanted);
    const same = last?.wanted === asked;
    const stands = standing[wanted.sort] ?? 0;
    if (last && same && last.facts === fleet.facts.value && (stands === 0 || held || now - last.at < stands)) return last.listing;
    const found = search(fleet.all.values(), wanted.text).filter((server) => fits(server, wanted));
    let groups = group(found, wanted.by, wanted.sort);
    const isYoung = last !== undefined && now - last.at < stands;
    if (last && same && (held || isYoung)) groups = groups.map(keeping(last.listing.groups));
    const at = isYoung && same ? (last?.at ?? now) : now;
    last = { listing: { groups, counts: count(fleet.all.values()), found: found.length }, wanted: asked, facts: fleet.facts.value, at };
    return last.listing;
  };
}

/** Who retired is looked for by name, or asked for. */
function fits({ status, alerts }: Server, { only, text }: Wanted): boolean {
  if (only === 'all') return status !== 'retired' || text !== '';
  return only === 'alerts' ? alerts !== undefined && alerts[1] !== 'info' : status === only;
}

/** Who was there stays where it was; who is new comes last. */
function keeping(before: readonly Group[]): (group: Group) => Group {
  const ranks = new Map(before.flatMap(({ servers }) => servers).map(({ n }, rank) => [n, rank]));
  const rank = ({ n }: Server) => ranks.get(n) ?? ranks.size;
  return (group) => ({ ...group, servers: [...group.servers].sort((one, other) => rank(one) - rank(other)) });
}
