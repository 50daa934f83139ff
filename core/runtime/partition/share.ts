/**
 * Who has which partition: each instance works it out by itself from who is there, and all come to the same. By rendezvous, so
 * that one that comes or goes moves few, and with a bound, so that none has more than its fair share.
 */
import { hash } from 'node:crypto';

const weight = (member: string, partition: number): string => hash('sha256', `${partition} ${member}`);

/** For each partition, the member that is to have it. None where there are no members. */
export function sharesOf(members: readonly string[], count: number): readonly (string | undefined)[] {
  const shares = new Array<string | undefined>(count).fill(undefined);
  const most = Math.ceil(count / Math.max(1, members.length));
  const held = new Map<string, number>();
  const wishes = members
    .flatMap((member) => Array.from({ length: count }, (_, partition) => ({ member, partition, weight: weight(member, partition) })))
    .sort((one, other) => (one.weight < other.weight ? 1 : one.weight > other.weight ? -1 : 0));
  for (const { member, partition } of wishes) {
    if (shares[partition] !== undefined || (held.get(member) ?? 0) >= most) continue;
    shares[partition] = member;
    held.set(member, (held.get(member) ?? 0) + 1);
  }
  return shares;
}
