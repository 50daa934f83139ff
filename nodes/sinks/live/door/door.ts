/**
 * The door: who comes, by what they show, and what becomes of those who may not come in.
 *
 *     Authorization: Bearer <token>    scripts, over HTTP and for the WebSocket
 *     a session's cookie               browsers, once they have shown their token; never for the WebSocket
 *     a ticket                         browsers' WebSockets: as a subprotocol, good once and for half a minute
 *     nothing                          on loopback, without TLS and without a proxy: reading
 *
 * A token is asked for in no URL and written into no log, error or record: of one of ours there stands its id. A right token is never
 * refused for others' wrong ones, since behind a proxy all come from one address: whoever shows a wrong one is slowed down instead.
 */
import type { IncomingMessage } from 'node:http';
import { type DataInput, SluiceError } from 'sluice';
import { anyone, type Looker } from '../looker.ts';
import { createBuckets } from './buckets.ts';
import { createRecord } from './record.ts';
import { createRegister, type Register } from './register.ts';
import { createSecrets } from './secrets.ts';

export interface Refused {
  readonly status: 401 | 403 | 429;
  readonly text: string;
}
export type Asked = { readonly looker: Looker; readonly by: 'nothing' | 'token' | 'cookie' | 'ticket' } | Refused;
/** As much of a request as the door looks at. */
export type Coming = Pick<IncomingMessage, 'headers' | 'method'> & { readonly socket: { readonly remoteAddress?: string | undefined } };

export interface Door {
  /** Whether nothing needs to be shown here. */
  readonly open: boolean;
  ask(request: Coming): Asked;
  /** The same for a WebSocket. */
  upgrade(request: Coming): Asked;
  /** Good once, for half a minute; undefined where none is needed. */
  ticket(looker: Looker): string | undefined;
  /** A `set-cookie` that keeps this looker signed in; `remember` until the token ends, else until the browser does. */
  signIn(request: Coming, looker: Looker, remember: boolean): string;
  signOut(request: Coming): string;
  /** When the looker's token ends, in milliseconds since 1970. */
  endOf(looker: Looker): number | undefined;
  /** Whether the looker may still look. */
  admits(looker: Looker): boolean;
  /** Writes down that somebody was refused what they asked for, or did something. */
  tell(who: Looker | Coming, did: string, more?: Pick<DataInput<'audit'>, 'to' | 'detail'>): void;
  tick(): void;
  close(): void;
}

export interface DoorOptions {
  /** Where the tokens are; undefined where none can be shown. */
  readonly tokens: string | undefined;
  /** Whether who comes without a token may look. */
  readonly open: boolean;
  readonly now: () => number;
  readonly audit: (what: DataInput<'audit'>) => Promise<void>;
  readonly say: (text: string) => void;
}

const cookie = '__Host-sluice';
/** The subprotocol that is spoken, and what a ticket stands behind as another one. */
export const protocol = 'sluice';
const ticketPrefix = 'ticket.';
const ticketMs = 30_000;
/** A page left open uses its session each time that its line comes back. */
const idleMs = 12 * 3_600_000;

const needsToken =
  'sluice: live: this page needs a token: sign in, or send it as Authorization: Bearer; on the hub: sluice token new --look viewer';
const whys = {
  unknown: 'sluice: live: this token is none of ours; copy the whole of it, or make another on the hub: sluice token new --look viewer',
  revoked: 'sluice: live: this token was revoked; ask whoever runs the hub for another',
  ended: 'sluice: live: this token has ended; ask whoever runs the hub for another',
} as const;

export function createDoor({ tokens, open, now, audit, say }: DoorOptions): Door {
  const record = createRecord(audit);
  const said = new Set<string>();
  const register: Register | undefined =
    tokens === undefined
      ? undefined
      : createRegister(tokens, {
          now,
          changed: ({ id, role, scope, ends, by, revoked }, did) =>
            record.tell(
              did === 'made'
                ? { who: `${by} on the hub`, did: 'made a token to look', to: `token ${id}`, detail: { role, scope, ends } }
                : { who: `${revoked?.by ?? by} on the hub`, did: 'revoked a token to look', to: `token ${id}` },
            ),
          tell(flaw) {
            if (said.size < 100 && !said.has(flaw)) say(flaw);
            said.add(flaw);
          },
        });
  const failures = createBuckets({ rate: 0.2, burst: 10, most: 2000, now });
  const requests = createBuckets({ rate: 50, burst: 300, most: 2000, now });
  const ticketing = createBuckets({ rate: 1, burst: 30, most: 2000, now });
  const tickets = createSecrets({ now, most: 1000, each: 50 });
  const sessions = createSecrets({ now, idle: idleMs, most: 2000, each: 50 });

  const tell: Door['tell'] = (who, did, more = {}) =>
    record.tell({ who: 'name' in who ? nameOf(who) : `address ${addressOf(who)}`, did, ...more });

  /** Why somebody is not let in; the wrong ones come slower and slower. */
  const refuse = (request: Coming, did: string, text: string, more: Pick<DataInput<'audit'>, 'to' | 'detail'> = {}): Refused => {
    tell(request, did, more);
    if (failures.take(addressOf(request))) return { status: 401, text };
    return { status: 429, text: 'sluice: live: too many wrong tokens came from your address; wait five seconds, then send the right one' };
  };
  const bearer = (request: Coming, text: string): Asked => {
    const shown = register?.look(text) ?? { why: 'unknown' as const };
    if ('looker' in shown) return counted({ looker: shown.looker, by: 'token' });
    const known = 'id' in shown ? { to: `token ${shown.id}` } : {};
    return refuse(
      request,
      shown.why === 'unknown'
        ? 'was refused: an unknown token'
        : `was refused: a token that ${shown.why === 'ended' ? 'has ended' : 'was revoked'}`,
      whys[shown.why],
      known,
    );
  };
  const counted = (asked: Exclude<Asked, Refused>): Asked => {
    if (requests.take(asked.looker.name)) return asked;
    tell(asked.looker, 'was slowed down: too many requests');
    return { status: 429, text: 'sluice: live: too many requests with this token; ask 50 times a second at most' };
  };
  const shownBearer = ({ headers }: Coming): string | undefined => /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];

  return {
    open,
    ask(request) {
      const { headers, method } = request;
      const text = shownBearer(request);
      if (text !== undefined) return bearer(request, text);
      const session = cookieOf(headers.cookie);
      const id = session === undefined ? undefined : sessions.idOf(session);
      const looker = id === undefined ? undefined : register?.lookerOf(id);
      if (looker) {
        // Our own page says where it stands; whatever does not is no page of ours.
        if (method !== 'GET' && method !== 'HEAD' && headers.origin === undefined)
          return { status: 403, text: 'sluice: live: a browser says its Origin with this; scripts show their token instead of a cookie' };
        return counted({ looker, by: 'cookie' });
      }
      if (open) return { looker: anyone, by: 'nothing' };
      if (headers.authorization !== undefined) return refuse(request, 'was refused: an unknown token', whys.unknown);
      tell(request, 'was refused: no token');
      return { status: 401, text: needsToken };
    },
    upgrade(request) {
      const text = shownBearer(request);
      if (text !== undefined) return bearer(request, text);
      if (open) return { looker: anyone, by: 'nothing' };
      const shown = ticketOf(request.headers['sec-websocket-protocol']);
      if (shown === undefined) {
        tell(request, 'was refused: no token');
        return { status: 401, text: needsToken };
      }
      const id = tickets.take(shown);
      const looker = id === undefined ? undefined : register?.lookerOf(id);
      if (looker) return { looker, by: 'ticket' };
      return refuse(
        request,
        'was refused: a ticket that is not good',
        'sluice: live: this ticket is not good, or not any more; ask for one at /api/ticket',
      );
    },
    ticket(looker) {
      if (looker === anyone) return undefined;
      if (!ticketing.take(looker.name)) throw new SluiceError('live: too many tickets; ask for one a second at most');
      return tickets.make(looker.name, now() + ticketMs);
    },
    signIn(request, looker, remember) {
      const ends = register?.endOf(looker.name) ?? 0;
      const old = cookieOf(request.headers.cookie);
      if (old !== undefined) sessions.end(old);
      tell(looker, 'signed in', { detail: { address: addressOf(request) } });
      const seconds = Math.max(0, Math.floor((ends - now()) / 1000));
      return cookieText(sessions.make(looker.name, ends), remember ? `; Max-Age=${seconds}` : '');
    },
    signOut(request) {
      const session = cookieOf(request.headers.cookie);
      const id = session === undefined ? undefined : sessions.take(session);
      const looker = id === undefined ? undefined : register?.lookerOf(id);
      if (looker) tell(looker, 'signed out');
      return cookieText('', '; Max-Age=0');
    },
    endOf: (looker) => (looker === anyone ? undefined : register?.endOf(looker.name)),
    admits: (looker) => (looker === anyone ? open : (register?.admits(looker) ?? false)),
    tell,
    tick() {
      register?.tick();
      tickets.tick();
      sessions.tick();
      record.tick();
    },
    close: record.close,
  };
}

const nameOf = ({ name }: Looker): string => (name === anyone.name ? name : `token ${name}`);

/** Of a network of IPv6 all addresses are one: whoever has it has them all. What a proxy says of others is believed in nothing. */
function addressOf({ socket: { remoteAddress = 'unknown' } }: Coming): string {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const words = head === '' ? [] : head.split(':');
  const rest = tail ? tail.split(':') : [];
  const filled = tail === undefined ? words : [...words, ...Array<string>(Math.max(0, 8 - words.length - rest.length)).fill('0'), ...rest];
  return `${filled.slice(0, 4).join(':')}::/64`;
}

const cookieText = (value: string, age: string): string => `${cookie}=${value}; Path=/; HttpOnly; Secure; SameSite=Strict${age}`;
const cookieOf = (header: string | undefined): string | undefined =>
  header
    ?.split(/; */)
    .find((one) => one.startsWith(`${cookie}=`))
    ?.slice(cookie.length + 1);
const ticketOf = (header: string | undefined): string | undefined =>
  header
    ?.split(/ *, */)
    .find((one) => one.startsWith(ticketPrefix))
    ?.slice(ticketPrefix.length);
