/**
 * What comes into the pipes from outside of any node: an event that a person or a program asks to have published, and the record of
 * who did what. Each resolves once it is kept, and not before.
 */
import { Reject } from '../errors.ts';
import type { DataInput } from '../kinds.ts';
import type { Draft } from '../node.ts';
import type { Context } from './context.ts';

type Of = Pick<Context, 'authorOf' | 'clock' | 'committer' | 'outbox'> & Partial<Pick<Context, 'announcer'>>;

/**
 * Publishes a draft under the name `emit`. Resolves with its id.
 * @param may whether it may be about this key
 * @throws Reject when it may not, or when the draft does not fit
 */
export async function emit(
  { authorOf, clock, committer, outbox, announcer }: Of,
  draft: Draft,
  may?: (key: string) => boolean,
): Promise<string> {
  await outbox.room();
  const author = authorOf('emit');
  const key = author.keyOf(draft.key);
  if (may && !may(key)) throw new Reject(`emit: ${key} is not yours to speak of`);
  const event = author.original({ ...draft, key } as Draft, clock.now());
  await committer.commit({ events: [event], apply: (transaction) => announcer?.note(transaction, 'emit', [event]) });
  return event.id;
}

export async function audit({ authorOf, clock, committer }: Of, node: string, data: DataInput<'audit'>): Promise<void> {
  await committer.commit({ events: [authorOf(node).original({ kind: 'audit', key: [node], data }, clock.now())] });
}
