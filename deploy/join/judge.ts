/**
 * Whether a server may come in: what it asks for, and what is known of its token and its name → its user at the broker, or
 * why not. Pure, so that every refusal is a line of a test.
 */
import { createHash } from 'node:crypto';
import { escapeWord, unescapeWord, z } from 'sluice';
import type { ServerRecord, TokenRecord } from './records.ts';

/** As a config takes it. */
const hostName = /^[^\s/\p{C}]{1,100}$/u;

/** What a server asks. `proof` is a secret of its installation: with it, it is known again. */
export const question = z.union([
  z.strictObject({
    enrol: z.strictObject({
      host: z.string().regex(hostName),
      place: z.string().min(1).max(200).optional(),
      proof: z.string().regex(/^[\w-]{43}$/),
      replace: z.boolean().default(false),
    }),
  }),
  /** Whether a heartbeat of this user, which came by the same token, reaches the broker. */
  z.strictObject({ heard: z.strictObject({ user: z.string().min(1).max(255), ms: z.int().min(0).max(60_000) }) }),
]);

export const reply = z.union([
  z.strictObject({ enrolled: z.strictObject({ user: z.string(), password: z.string(), place: z.string(), host: z.string() }) }),
  /** `rosters`: how many judge by heartbeats, or undefined where that could not be told. */
  z.strictObject({ heard: z.boolean(), rosters: z.int().optional() }),
  z.strictObject({ refused: z.string() }),
]);

export type Question = z.output<typeof question>;
export type Wish = Extract<Question, { enrol: unknown }>['enrol'];
export type Reply = z.output<typeof reply>;

/** The host that a hub's own records speak as: no server may have its name. */
export const enrolHost = 'enrol';

export interface Known {
  readonly token: TokenRecord | undefined;
  /** How many servers came by the token. */
  readonly used: number;
  /** Where servers go that name no place, when it is in the token's part. */
  readonly home: string;
  server(user: string): ServerRecord | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type Verdict =
  | { readonly admit: { readonly user: string; readonly place: string; readonly host: string; readonly record: ServerRecord } }
  | { readonly refuse: string; readonly about?: string };

export function judge({ host, place: asked, proof, replace }: Wish, { token, used, home, server, now }: Known): Verdict {
  if (!token) return { refuse: 'this hub does not know the token; make one with "sluice token new" on the hub that this broker has' };
  if (token.revoked !== undefined) return { refuse: `the token was revoked at ${token.revoked}; ask for another` };
  if (Date.parse(token.ends) <= now) return { refuse: `the token ended at ${token.ends}; make a new one on the hub: sluice token new` };

  const place = asked ?? placeWithin(token.scope, home);
  if (place === undefined) return { refuse: `the token is good for ${token.scope}; say where the server belongs, as in --place ${home}` };
  if (place.split('.').length !== 3 || !place.split('.').every((part) => /^[\p{L}\p{N}_-]{1,63}$/u.test(part)))
    return { refuse: 'a place reads company.system.environment, as in --place acme.shop.prod' };
  if (host === enrolHost) return { refuse: `no server can be named ${enrolHost}: the hub's own records are; give another with --host` };
  const user = [...place.split('.'), host].map(escapeWord).join('.');
  if (Buffer.byteLength(user) > 200)
    return { refuse: 'the name of place and host is longer than 200 bytes; give a shorter one with --host', about: user };
  if (!isWithin(user, token.scope))
    return { refuse: `the token is good for ${token.scope}, and not for ${user}; ask for one that is`, about: user };

  const known = server(user);
  const hash = createHash('sha256').update(proof).digest('hex');
  const again = known?.proof === hash;
  const cameByIt = known?.came.some((one) => one.token === token.id && one.proof === hash) ?? false;
  if (token.uses !== null && used >= token.uses && !cameByIt)
    return {
      refuse: `the token was good for ${token.uses === 1 ? 'one server' : `${token.uses} servers`}, and is used up; make a new one`,
      about: user,
    };
  if (known && !again && !(replace && token.replace)) {
    return {
      refuse: replace
        ? `another server is ${user} already, and this token may not replace it; on the hub: sluice token new --replace, or sluice hub forget ${user}`
        : `another server is ${user} already; give this one another name with --host, or if it is gone, on the hub: sluice hub forget ${user}`,
      about: user,
    };
  }
  const at = new Date(now).toISOString();
  // One entry for each machine and token, so that coming again uses nothing up.
  const before = known?.came.filter((one) => one.token !== token.id || one.proof !== hash) ?? [];
  const came = [...before, { token: token.id, at, proof: hash }];
  return { admit: { user, place, host, record: { user, proof: hash, came } } };
}

/** Whether a user's part lies in the token's. */
export function isWithin(user: string, scope: string): boolean {
  return user === scope || user.startsWith(`${scope}.`);
}

/** The place of a server that names none. */
function placeWithin(scope: string, home: string): string | undefined {
  const words = scope.split('.');
  if (words.length >= 3) return words.slice(0, 3).map(unescapeWord).join('.');
  return isWithin(home, scope) ? home : undefined;
}
