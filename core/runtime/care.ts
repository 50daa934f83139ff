/**
 * Handles a delivery that an earlier run may have died of: what it is read from, and then its events, each noted before, so that
 * the next run knows. Together at first; one by one where a run died amid them.
 */
import { hash } from 'node:crypto';
import type { Delivery } from '../bus/bus.ts';
import type { Event } from '../event.ts';
import type { Refused } from './decoding.ts';
import type { Suspicion } from './suspicion.ts';

type Read = Event | Refused;

export async function withCare(
  suspicion: Suspicion,
  node: string,
  { message }: Delivery,
  read: () => readonly Read[],
  give: (reads: readonly Read[]) => Promise<void>,
): Promise<void> {
  const itself = `message ${hash('sha256', message.body, 'hex').slice(0, 32)}`;
  const reason = suspicion.verdict(node, itself);
  if (reason) return give([{ reason, kind: message.kind, raw: message.body.toString('utf8', 0, 1024) }]);
  let reads: readonly Read[] = [];
  await suspicion.alone(node, [itself], async () => {
    reads = read();
  });
  const isParted = (one: Read): boolean => one.id !== undefined && suspicion.parted(node, one.id);
  const groups = [reads.filter((one) => !isParted(one)), ...reads.filter(isParted).map((one) => [one])];
  for (const group of groups) {
    const ids = group.flatMap(({ id }) => id ?? []);
    if (group.length > 0) await suspicion.alone(node, ids, () => give(group));
  }
}
