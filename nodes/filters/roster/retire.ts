/**
 * A person's word that a server is gone for good: `sluice servers retire web-7 --reason "sold"`.
 *
 * command `retire` → state, the end of its alerts, an outcome, and the record of who did it. One that is alive is not retired:
 * it would only be heard again.
 */
import { type Event, key, parse } from 'sluice';
import type { Book } from './book.ts';
import { clockGone } from './skew.ts';
import { nameOf, silenceOver, twinsOver } from './speak.ts';
import type { Known } from './tables.ts';
import { iso, type Spoken, verdictKey } from './tell.ts';

export function retire(book: Book, event: Event<'command'>, at: number): Spoken[] {
  const { action, until, arguments: given } = event.data;
  const asked = parse(event.key);
  if (action !== 'retire' || asked.resource[0] !== 'server') return [];
  const server = key({ ...asked, resource: asked.resource.slice(1) });
  const about = verdictKey(server);
  const answer = (status: 'applied' | 'refused' | 'expired', detail: string): Spoken => ({
    kind: 'outcome',
    key: event.key,
    data: { command: event.id.slice(0, 255), status, detail },
    identity: `${status} ${event.id}`,
  });
  const was = book.servers.get(server);
  if (until !== undefined && Date.parse(until) < event.time) return [answer('expired', `it was good until ${until}`)];
  if (!was) return [answer('refused', `${nameOf(server)} is not known; sluice servers lists those that are`)];
  if (was.status === 'retired') return [answer('applied', `${nameOf(server)} was retired already (${was.reason ?? ''})`)];
  // One that is late, or that only spoke from a backlog, may be as dead as the person says.
  const { seen } = book.beatOf(server, was);
  if (was.status === 'alive' && book.isSettled(was, at) && at - seen <= 2000 * was.interval)
    return [answer('refused', `${nameOf(server)} is alive; stop sluice on it, which then says goodbye itself`)];

  const who = typeof given.by === 'string' && given.by !== '' ? given.by.slice(0, 100) : event.source.slice(0, 100);
  const why = typeof given.reason === 'string' && given.reason !== '' ? `: ${given.reason.slice(0, 120)}` : '';
  const { within: _, ...rest } = was;
  const known: Known = { ...rest, status: 'retired', since: at, person: true, reason: `retired by ${who}${why}` };
  book.servers.set(server, known);
  book.wait(server, known);
  const twin = book.rivals.get(server);
  book.rivals.delete(server);
  return [
    ...(book.telling.isTold(about, 'silent')
      ? book.telling.over(about, silenceOver(server, book.beatOf(server, was), `was retired by ${who}`, at, event.id))
      : []),
    ...(twin?.told === undefined ? [] : book.telling.over(about, twinsOver(server, event.id))),
    ...clockGone(book, server, event.id),
    book.state(server, known),
    answer('applied', `${nameOf(server)} is retired; heard again, it is alive again`),
    {
      kind: 'audit',
      key: event.key,
      data: {
        who: `${who} (${event.source})`.slice(0, 1024),
        did: 'retire',
        to: server,
        detail: { command: event.id, reason: known.reason ?? '', seen: iso(seen) },
      },
      identity: `retired ${event.id}`,
    },
  ];
}
