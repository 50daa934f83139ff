/** Makes, lists and revokes tokens: a record on the hub, and a user at the broker that may ask and nothing else. */
import { type Json, SluiceError, UsageError } from 'sluice';
import type { Clock } from '../../core/clock.ts';
import { readPart } from '../../core/part.ts';
import { auditor } from './audit.ts';
import { type EnrolConfig, fingerprintIn } from './hub.ts';
import { type Management, openManagement, removeUser } from './management.ts';
import { putTokenUser } from './prepare.ts';
import { openRecords, type TokenRecord, usesOf } from './records.ts';
import { formatToken, isTokenId, newToken, userOfToken } from './token.ts';

export interface Wanted {
  /** A part of the tree; default: the hub's place. */
  readonly scope?: string;
  /** Milliseconds until it ends. */
  readonly for: number;
  readonly uses?: number;
  readonly replace: boolean;
}

type Enrolling = EnrolConfig & { readonly authority?: string };
export type TokenStatus = 'open' | 'ended' | 'used up' | 'revoked';

const vhostOf = ({ bus }: EnrolConfig): string => decodeURIComponent(new URL(bus).pathname.slice(1)) || '/';

/** @returns its record, and the token: never to be seen again */
export async function makeToken(config: Enrolling, wanted: Wanted, clock: Clock): Promise<{ record: TokenRecord; token: string }> {
  const scope = wanted.scope ?? config.place;
  if (!readPart(scope) || scope.includes('*'))
    throw new UsageError(`"${scope}" is no part of the tree; write acme, acme.shop, acme.shop.prod or acme.shop.prod.web-1`);
  const token = newToken(fingerprintIn(config));
  const now = clock.now();
  const record: TokenRecord = {
    id: token.id,
    scope,
    made: new Date(now).toISOString(),
    ends: new Date(now + wanted.for).toISOString(),
    uses: wanted.uses ?? null,
    replace: wanted.replace,
  };
  // The record first: a user without one is refused, a record without a user is no way in.
  openRecords(config.records).putToken(record);
  await putTokenUser(openManagement(config), vhostOf(config), token.id, token.secret);
  told(config, clock, {
    did: 'made a token',
    to: scope,
    detail: { token: token.id, ends: record.ends, uses: record.uses, replace: record.replace },
  });
  return { record, token: formatToken(token) };
}

/** Ends a token now. Servers that came by it stay. */
export async function revokeToken(config: Enrolling, id: string, clock: Clock): Promise<void> {
  const records = openRecords(config.records);
  const record = isTokenId(id) ? records.token(id) : undefined;
  if (!record) throw new SluiceError(`there is no token ${id}; sluice token list shows those that are`);
  await removeUser(openManagement(config), userOfToken(id));
  if (record.revoked === undefined) records.putToken({ ...record, revoked: new Date(clock.now()).toISOString() });
  told(config, clock, { did: 'revoked a token', to: record.scope, detail: { token: id } });
}

export function listTokens(config: EnrolConfig, now: number): (TokenRecord & { used: number; status: TokenStatus })[] {
  const records = openRecords(config.records);
  const servers = records.servers();
  return records.tokens().map((record) => {
    const used = usesOf(record.id, servers);
    const isUsedUp = record.uses !== null && used >= record.uses;
    const status = record.revoked !== undefined ? 'revoked' : Date.parse(record.ends) <= now ? 'ended' : isUsedUp ? 'used up' : 'open';
    return { ...record, used, status };
  });
}

/** Takes a server's way in away, and lets another take its name. */
export async function forgetServer(config: Enrolling, user: string, clock: Clock): Promise<void> {
  const records = openRecords(config.records);
  if (!records.server(user)) throw new SluiceError(`no server came here as ${user}; write its place and host, as in acme.shop.prod.web-1`);
  const management: Management = openManagement(config);
  await removeUser(management, user);
  records.forgetServer(user);
  told(config, clock, { did: 'forgot a server', to: user });
}

/** A line in the record of who did what, from whoever sits at the hub. */
function told({ records, place }: EnrolConfig, clock: Clock, data: { did: string; to: string; detail?: Json }): void {
  const who = process.env.SUDO_USER ?? process.env.USER ?? `user ${process.getuid?.()}`;
  auditor(openRecords(records), place, clock)({ who: `${who} on the hub`, ...data });
}
