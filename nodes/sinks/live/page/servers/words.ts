/** What is said of a server, in the same words wherever it stands. */
import { formatAge, plural } from '../parts/format.ts';
import { inert } from '../parts/inert.ts';
import type { Server } from './fleet.ts';
import type { Counts } from './order.ts';

/** How it fares, and since when: `alive`, `heard 3 s ago`. */
export function ageOf({ status, since, heard }: Server, now: number): string {
  if (status === 'alive') return `heard ${formatAge(now - heard)} ago`;
  return `for ${formatAge(now - since)}`;
}

/** The same where there is little room: `3 s`. */
export function shortAgeOf({ status, since, heard }: Server, now: number): string {
  return formatAge(now - (status === 'alive' ? heard : since)).replace(/^(\d+ \w+) .*/, '$1');
}

export const percent = (value: number | undefined): string => (value === undefined ? '–' : `${value} %`);

/** 137 % of a core's load is a load of 1.37 for each core. */
export const loadOf = (value: number | undefined): string => (value === undefined ? '–' : (value / 100).toFixed(2));

export function alertsOf({ alerts }: Server): string {
  return alerts ? `${plural(alerts[0], 'alert')}, ${alerts[1]}` : '';
}

/** `40 of 41 alive`; where there are hubs alone, how many. */
export function tallyOf({ all, alive, hubs, retired }: Counts): string {
  if (all > 0) return `${alive} of ${all} alive`;
  if (hubs > 0) return plural(hubs, 'hub');
  return `${retired} retired`;
}

/** For those who hear it. */
export function nameOf(server: Server): string {
  const { host, place, status, hub } = server;
  return inert([host, place, ...(hub ? ['a hub'] : []), status, alertsOf(server)].filter(Boolean).join(', '));
}
