/**
 * What is not believed leaves a trace: a dead letter with the reason, as for anything refused, and an incident, so that an attempt
 * is seen. Both are bounded, or forging would be a way to fill what must never be lost: past the bound it is counted.
 */
import type { Cancel, Clock } from '../clock.ts';
import type { Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import type { DataInput } from '../kinds.ts';
import type { Refused } from './decoding.ts';
import { refusalOf } from './inlet.ts';
import type { Judge, Publisher } from './trust.ts';

/** What was read of one delivery → what of it is believed, and what a reader must dead-letter. */
export type Believe = (read: readonly (Event | Refused)[], from: Publisher) => readonly (Event | Refused)[];

export interface Believing {
  readonly believe: Believe;
  /** Events that were not believed since the process began, once for each node that read them. */
  readonly refused: () => number;
  stop(): void;
}

export interface BelievingOptions {
  /** None: there is nobody to doubt. */
  readonly judge: Judge | undefined;
  readonly clock: Clock;
  /** Told at once of the first of a publisher, then of all others each minute. */
  readonly tell: (incident: DataInput<'incident'>) => void;
}

const everyMs = 60_000;
/** In that time: dead letters, and publishers who have an incident of their own. */
const mostLetters = 1000;
const mostPublishers = 20;

/** What one publisher did since it was last told. */
interface Attempts {
  count: number;
  last: { readonly event: Event; readonly reason: Reject };
}

export function believing({ judge, clock, tell }: BelievingOptions): Believing {
  const attempts = new Map<string, Attempts>();
  let letters = 0;
  let refused = 0;
  let cancel: Cancel | undefined;

  const report = (user: string, { count, last: { event, reason } }: Attempts): void => {
    tell({
      what: 'forged event',
      who: user === '' ? 'unknown' : user.slice(0, 1024),
      where: event.source.slice(0, 1024),
      severity: 'warning',
      fields: { count, reason: reason.message.slice(0, 1024), kind: event.kind, key: event.key },
    });
  };
  const nextMinute = (): void => {
    letters = 0;
    const told = [...attempts].filter(([, { count }]) => count > 0);
    attempts.clear();
    for (const [user, made] of told) {
      report(user, made);
      // It stays known for one more minute: who goes on is told once in each.
      attempts.set(user, { count: 0, last: made.last });
    }
    if (attempts.size > 0) return;
    cancel?.();
    cancel = undefined;
  };
  const note = (event: Event, reason: Reject, from: Publisher): Refused[] => {
    refused += 1;
    cancel ??= clock.every(everyMs, nextMinute);
    const user = attempts.has(from.user ?? '') || attempts.size < mostPublishers ? (from.user ?? '') : 'others';
    const before = attempts.get(user);
    const made: Attempts = { count: (before?.count ?? 0) + 1, last: { event, reason } };
    attempts.set(user, made);
    if (before === undefined) {
      report(user, made);
      made.count = 0;
    }
    if (letters === mostLetters) return [];
    letters += 1;
    return [refusalOf(reason, event)];
  };

  return {
    believe(read, from) {
      if (judge === undefined) return read;
      // Nearly always all of it is.
      let sifted: (Event | Refused)[] | undefined;
      for (const [index, one] of read.entries()) {
        const verdict = 'reason' in one ? 'believed' : judge(one, from);
        if (verdict === 'believed') sifted?.push(one);
        else {
          sifted ??= read.slice(0, index);
          const event = one as Event;
          if (verdict === 'unverified') sifted.push(Object.freeze({ ...event, unverified: true }));
          else sifted.push(...note(event, verdict, from));
        }
      }
      return sifted ?? read;
    },
    refused: () => refused,
    stop: () => cancel?.(),
  };
}
