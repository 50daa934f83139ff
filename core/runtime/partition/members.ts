/**
 * Who shares a node: each instance says every now and then, in a changelog that all of them read, that it is there and what it
 * holds. Nobody is asked and nobody leads. Who is not heard for a while is gone; who does not hear itself is gone too, since then
 * the others do not hear it either.
 */
import { z } from 'zod';
import type { Changelog } from '../../bus/bus.ts';
import type { Clock } from '../../clock.ts';

/** How often an instance is heard, and after how long without that it is gone, in milliseconds. */
export const beatEvery = 1500;
export const silentAfter = 6000;
/** An instance has heard of all others after this long. */
const settleMs = 2 * beatEvery;

const beat = z.object({
  by: z.string().min(1).max(200),
  host: z.string().max(300),
  /** The partitions that it has, or has not yet let go of. */
  holds: z.array(z.int().min(0).max(63)).max(64),
  /** It has heard the others for long enough to know its share. */
  ready: z.boolean(),
  leaving: z.boolean().optional(),
});

export type Member = z.output<typeof beat>;

export interface Members {
  /** Those who are there; nobody while this instance does not hear itself. */
  present(): readonly Member[];
  /** Says at once what this instance holds. */
  tell(): void;
  /** Says goodbye. */
  leave(): void;
}

export interface MembersOptions {
  readonly changelog: Changelog;
  readonly clock: Clock;
  /** This instance, unlike any other's. */
  readonly me: string;
  readonly host: string;
  readonly holds: () => readonly number[];
  /** Somebody came, went, or changed what it holds; and once in a while. */
  readonly changed: () => void;
}

export async function joinMembers({ changelog, clock, me, host, holds, changed }: MembersOptions): Promise<Members> {
  const heard = new Map<string, { readonly member: Member; readonly at: number }>();
  // Since when this instance hears itself without a break: who was there before a break is given the same time to be heard again.
  let since = 0;
  let gone = false;

  const isDeaf = (): boolean => clock.monotonic() - (heard.get(me)?.at ?? Number.NEGATIVE_INFINITY) > silentAfter;
  const present = (): Member[] => {
    if (isDeaf()) return [];
    const now = clock.monotonic();
    for (const [id, { at }] of heard) if (now - Math.max(at, since) > silentAfter) heard.delete(id);
    return [...heard.values()].map(({ member }) => member);
  };
  const tell = (leaving = false): void => {
    const ready = !isDeaf() && clock.monotonic() - since >= settleMs;
    const member: Member = { by: me, host, holds: [...holds()], ready, ...(leaving && { leaving }) };
    changelog.append(Buffer.from(JSON.stringify(member)));
  };
  await changelog.read('next', (_place, record) => {
    const member = read(record);
    if (!member || gone) return;
    const now = clock.monotonic();
    if (member.by === me && isDeaf()) since = now;
    if (member.leaving) heard.delete(member.by);
    else heard.set(member.by, { member, at: now });
    changed();
  });
  const beating = (): void => {
    if (gone) return;
    tell();
    changed();
    clock.after(beatEvery, beating);
  };
  beating();
  return {
    present,
    tell: () => tell(),
    leave() {
      tell(true);
      gone = true;
    },
  };
}

function read(record: Buffer): Member | undefined {
  try {
    const checked = beat.safeParse(JSON.parse(record.toString()));
    return checked.success ? checked.data : undefined;
  } catch {
    return undefined;
  }
}
