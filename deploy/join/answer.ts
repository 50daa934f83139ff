/**
 * The hub's side of joining: hears what servers ask, judges it, makes their users at the broker, and answers. Every decision is
 * an `audit` event that is on disk before the answer goes out.
 *
 *     question + the token's user, by the broker's word ──▶ judge ──▶ record ──▶ user at the broker ──▶ audit ──▶ answer
 *
 * A crash at any arrow leaves nothing that anybody can use: the same server asks again, and gets another password.
 */
import { randomBytes } from 'node:crypto';
import { messageOf, z } from 'sluice';
import type { Bus } from '../../core/bus/bus.ts';
import type { Clock } from '../../core/clock.ts';
import { topic } from '../../core/event.ts';
import { auditor } from './audit.ts';
import { judge, type Question, question, type Reply, type Wish } from './judge.ts';
import { hasUser, type Management, removeUser } from './management.ts';
import { putUser } from './prepare.ts';
import { type Records, usesOf } from './records.ts';
import { tokenOfUser, userOfToken } from './token.ts';

export interface AnswerOptions {
  readonly records: Records;
  readonly management: Management;
  /** To hear who beats. */
  readonly bus: Bus;
  readonly vhost: string;
  /** The hub's own place. */
  readonly place: string;
  readonly clock: Clock;
  report(level: 'info' | 'warn' | 'error', text: string): void;
}

/** How long a token that has ended is still told so, before its user is taken away. */
const rememberMs = 7 * 86_400_000;

export interface Answerer {
  /** Never throws. */
  answer(question: Buffer, user: string): Promise<Buffer>;
  /** Takes away the users of tokens that ended long ago. */
  tidy(): Promise<void>;
}

export function answerer({ records, management, bus, vhost, place, clock, report }: AnswerOptions): Answerer {
  const audit = auditor(records, place, clock);

  async function enrol(wish: Wish, token: string): Promise<Reply> {
    const record = records.token(token);
    const verdict = judge(wish, {
      token: record,
      // All servers are looked through only where it matters how many came.
      used: record && record.uses !== null ? usesOf(token, records.servers()) : 0,
      home: place,
      server: records.server,
      now: clock.now(),
    });
    if ('refuse' in verdict) return refuse(verdict.refuse, verdict.about ?? wish.host);
    const { user, host, place: at, record: server } = verdict.admit;
    const replaced = records.server(user) !== undefined;
    // Somebody else made it, by hand or for a certificate: its name is taken, whoever asks.
    if (!replaced && (await hasUser(management, user)))
      return refuse(`the broker has a user ${user} already, which joined elsewhere; give this server another name with --host`, user);
    const password = randomBytes(24).toString('base64url');
    records.putServer(server);
    await putUser(management, vhost, user, password);
    audit({ who: `token ${token}`, did: replaced ? 'enrolled again' : 'enrolled', to: user });
    report('info', `${user} joined, by token ${token}`);
    return { enrolled: { user, password, place: at, host } };

    function refuse(reason: string, about: string): Reply {
      report('warn', `refused ${about}, by token ${token}: ${reason}`);
      audit({ who: `token ${token}`, did: 'refused', to: about, detail: { reason } });
      return { refused: reason };
    }
  }

  async function heard({ user, ms }: Extract<Question, { heard: unknown }>['heard'], token: string): Promise<Reply> {
    if (!records.server(user)?.came.some((one) => one.token === token)) return { refused: `${user} did not come by this token` };
    const [beats, rosters] = await Promise.all([hears(bus, user, ms, clock), rostersAt(management, vhost)]);
    return { heard: beats, ...(rosters !== undefined && { rosters }) };
  }

  async function decide(asked: Buffer, user: string): Promise<Reply> {
    const token = tokenOfUser(user);
    if (token === undefined) return { refused: 'only a token lets a server in' };
    let read: Question;
    try {
      read = question.parse(JSON.parse(asked.toString('utf8')));
    } catch {
      return { refused: 'the hub does not understand the question; run the same version of sluice on both' };
    }
    if ('heard' in read) return heard(read.heard, token);
    // One after the other: how often a token was used is known once the one before has come in.
    const mine = last.then(() => enrol(read.enrol, token));
    last = mine.catch(() => {});
    return mine;
  }
  let last: Promise<unknown> = Promise.resolve();

  return {
    async answer(asked, user) {
      const reply = await decide(asked, user).catch((thrown: unknown): Reply => {
        report('error', `a server could not be let in: ${messageOf(thrown)}`);
        // What is wrong at the hub is the hub's affair, and not a stranger's to read.
        return { refused: 'the hub could not do it; look at what "sluice hub enrol" says there, and try again' };
      });
      return Buffer.from(JSON.stringify(reply));
    },
    async tidy() {
      for (const token of records.tokens()) {
        const { id, ends, revoked } = token;
        const over = Date.parse(ends) + rememberMs < clock.now();
        if (over && revoked === undefined) {
          await removeUser(management, userOfToken(id));
          records.putToken({ ...token, revoked: new Date(clock.now()).toISOString() });
        }
      }
    },
  };
}

/** Whether a heartbeat of this user comes by within `ms`. Nothing is taken from anyone: it is a viewer's queue. */
async function hears(bus: Bus, user: string, ms: number, clock: Clock): Promise<boolean> {
  let heard: (beats: boolean) => void = () => {};
  const beats = new Promise<boolean>((resolve) => {
    heard = resolve;
  });
  const subscribed = await bus.subscribe(
    { topics: [topic('heartbeat', `${user}.#`)], queue: 'viewer', prefetch: 1 },
    {
      deliver(delivery) {
        // Only what the broker vouches for: anyone's heartbeat may have this key.
        if (delivery.user === user) heard(true);
        delivery.ack();
      },
      pipe() {},
    },
  );
  const answer = await Promise.race([beats, clock.sleep(ms).then(() => false)]);
  await subscribed.close();
  return answer;
}

const found = z.object({ items: z.array(z.object({ name: z.string() })) });
const read = z.object({ consumer_details: z.array(z.unknown()) });

/** How many rosters read heartbeats there. A queue's own counts lag by seconds; who reads it does not. */
async function rostersAt(management: Management, vhost: string): Promise<number | undefined> {
  try {
    const query = { page: '1', page_size: '100', name: '^sluice\\.roster\\..*heartbeat$', use_regex: 'true', columns: 'name' };
    const { items } = found.parse(await management.call('GET', ['queues', vhost], undefined, query));
    const readers = await Promise.all(
      items.map(async ({ name }) => read.parse(await management.call('GET', ['queues', vhost, name])).consumer_details.length),
    );
    return readers.filter((count) => count > 0).length;
  } catch {
    return undefined;
  }
}
