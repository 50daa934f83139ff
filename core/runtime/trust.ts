/**
 * Who is believed. A broker checks that a message's `user_id` is the one who published it; here that user is held against each
 * event: source and key must lie in the part of the tree that its name means (core/part.ts), and an agent commands nobody.
 * Permissions alone would not do: before RabbitMQ 4 they do not look at CC and BCC, and never into a message.
 *
 * An event without a user may be anyone's. It is refused, unless `trust: {unverified: accept}`; then it is marked, and refused
 * still where it would make somebody act: command, policy, audit, alert.
 *
 * Over a federation a user is another broker's word: it counts where the upstream has `trust-user-id`, and only within what
 * `trust: upstreams:` names for it. Whoever forges the header that tells of an upstream can only narrow what they may say.
 */
import { parseAddress } from '../bus/address.ts';
import type { Delivery } from '../bus/bus.ts';
import type { Config } from '../config.ts';
import { ConfigError, Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import { type Identity, readIdentity } from '../identity.ts';
import { escapeWord } from '../key.ts';
import { holdsKey, holdsSource, type Part, partOf, readPart } from '../part.ts';

/** What a delivery says of its publisher. */
export type Publisher = Pick<Delivery, 'user' | 'upstream'>;

/** `unverified`: nobody vouches for it, and the config lets it pass all the same. */
export type Verdict = Reject | 'unverified' | 'believed';
export type Judge = (event: Event, from: Publisher) => Verdict;

/** Kinds that make somebody act, or that say who did. */
const grave: ReadonlySet<string> = new Set(['command', 'policy', 'audit', 'alert']);
/** What an agent never writes. */
const commanding: ReadonlySet<string> = new Set(['command', 'policy']);

/** One publisher, worked out once: the parts that each of its events must lie in, or why it is not believed at all. */
type Speaker = { readonly within: readonly Part[]; readonly commands: boolean; readonly who: string } | { readonly reason: Reject };

/** Publishers are a stranger's to invent: past this many, all are forgotten. */
const mostKnown = 10_000;

/** What the config makes of publishers. Undefined for a bus within this process, where there are none but itself. */
export function judgeOf(config: Pick<Config, 'bus' | 'identity' | 'trust'>): Judge | undefined {
  if (config.bus === 'embedded') return undefined;
  // Bare guest on loopback is one person's own machine. Whoever gives this process a name has others to tell apart.
  const alone = config.identity === undefined && config.bus.every(isLoopback);
  const users = new Map(Object.entries(config.trust?.users ?? (alone ? { guest: '*' } : {})));
  const upstreams = new Map(Object.entries(config.trust?.upstreams ?? {}).map(([address, part]) => [placeOf(address), part]));
  const lenient = (config.trust?.unverified ?? (alone ? 'accept' : 'refuse')) === 'accept';

  const speaker = ({ user, upstream }: Required<Pick<Publisher, 'user'>> & Publisher): Speaker => {
    const within: Part[] = [];
    const who = upstream === undefined ? `user ${user}` : `user ${user} of ${upstream}`;
    const named = users.get(user);
    const part = named === '*' ? '*' : named !== undefined ? readPart(named) : placePart(user);
    if (part === undefined)
      return { reason: new Reject(`trust: user ${quoted(user)} is named after no place; name what it may speak for in trust: users:`) };
    if (part !== '*') within.push(part);
    if (upstream !== undefined) {
      const limit = upstreams.get(placeOf(upstream));
      if (limit === undefined)
        return { reason: new Reject(`trust: came over the upstream ${quoted(upstream)}; name what it may speak for in trust: upstreams:`) };
      if (limit !== '*') within.push(partOf(limit));
    }
    return { within, commands: part === '*' || part.sort === 'hub', who };
  };
  const known = new Map<string, Speaker>();

  return (event, from) => {
    const { user, upstream } = from;
    if (user === undefined) {
      if (lenient && upstream === undefined && !grave.has(event.kind)) return 'unverified';
      return unvouched(event, upstream, lenient);
    }
    const name = upstream === undefined ? user : `${user} ${upstream}`;
    let speaks = known.get(name);
    if (speaks === undefined) {
      if (known.size >= mostKnown) known.clear();
      speaks = speaker({ user, ...(upstream !== undefined && { upstream }) });
      known.set(name, speaks);
    }
    if ('reason' in speaks) return speaks.reason;
    for (const part of speaks.within) {
      if (!holdsSource(part, event.source)) return outside(speaks.who, part, `wrote as ${quoted(event.source)}`);
      if (!holdsKey(part, event.key)) return outside(speaks.who, part, `wrote about ${quoted(event.key)}`);
    }
    if (!speaks.commands && commanding.has(event.kind)) return new Reject(`trust: ${speaks.who} is an agent, and sent a ${event.kind}`);
    return 'believed';
  };
}

/**
 * The identity that a process shows to the broker. @throws ConfigError when it may not speak for the process's own place: all
 * that it wrote would be refused by everyone.
 */
export function identityOf(config: Pick<Config, 'identity' | 'place' | 'host'>): Identity | undefined {
  if (config.identity === undefined) return undefined;
  const identity = readIdentity(config.identity);
  const part = placePart(identity.username);
  const { company, system, environment } = config.place;
  const own = partOf([company, system, environment, config.host].map(escapeWord).join('.')).words.join('.');
  if (part === undefined || holdsKey(part, own)) return identity;
  throw new ConfigError(
    `identity: ${config.identity} is of ${identity.username}, and this is ${own}; correct place: or host:, or use the identity of this server`,
  );
}

/** Words that are a place by themselves: three are an environment, four a server. Shorter names may be anyone's. */
function placePart(user: string): Part | undefined {
  return user.split('.').length >= 3 ? readPart(user) : undefined;
}

function unvouched(event: Event, upstream: string | undefined, lenient: boolean): Reject {
  if (upstream !== undefined)
    return new Reject(`trust: came over the upstream ${quoted(upstream)} without its user; set trust-user-id on that upstream`);
  const advice = lenient ? `of a ${event.kind} none is believed` : 'or set trust: {unverified: accept}';
  return new Reject(`trust: no user that the broker vouches for; set user_id when publishing, ${advice}`);
}

const outside = (who: string, { words }: Part, what: string): Reject =>
  new Reject(`trust: ${who} ${what}; it may speak for ${words.join('.')} alone`);

/** At most so much of what a stranger wrote. */
const quoted = (text: string): string => text.slice(0, 200);

const isLoopback = (address: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(parseAddress(address).hostname);

/** Scheme, host and port: what tells one upstream from another. */
function placeOf(address: string): string {
  try {
    const { protocol, hostname, port } = parseAddress(address);
    return `${protocol}://${hostname}:${port}`;
  } catch {
    return address;
  }
}
