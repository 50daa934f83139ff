import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DataInput, virtualClock } from 'sluice';
import { afterEach, describe, expect, it } from 'vitest';
import { anyone } from '../looker.ts';
import { createBuckets } from './buckets.ts';
import { type Asked, type Coming, createDoor, type Refused } from './door.ts';
import { createRecord } from './record.ts';
import { createSecrets } from './secrets.ts';
import { type LookToken, newLookToken, readTokens, writeToken } from './tokens.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function bench({ open = false } = {}) {
  const state = mkdtempSync(join(tmpdir(), 'sluice-door-'));
  folders.push(state);
  const tokens = join(state, 'lookers');
  const clock = virtualClock();
  const audited: DataInput<'audit'>[] = [];
  const said: string[] = [];
  const door = createDoor({ tokens, open, now: clock.now, audit: async (what) => void audited.push(what), say: (text) => said.push(text) });
  const make = (more: Partial<LookToken> = {}) => {
    const { text, id, hash } = newLookToken();
    const made = new Date(clock.now()).toISOString();
    const ends = new Date(clock.now() + 3_600_000).toISOString();
    const token: LookToken = { id, hash, role: 'viewer', scope: 'acme.shop', made, ends, by: 'root', ...more };
    writeToken(tokens, token);
    return { text, token };
  };
  const bearer = (text: string, more: Partial<Coming> = {}) => coming({ authorization: `Bearer ${text}` }, more);
  return { tokens, clock, audited, said, door, make, bearer };
}

const coming = (headers: Coming['headers'] = {}, more: Partial<Coming> = {}): Coming => ({
  method: 'GET',
  headers,
  socket: { remoteAddress: '192.0.2.7' },
  ...more,
});
const refused = (asked: Asked): Refused => {
  if (!('status' in asked)) throw new Error(`${asked.looker.name} was let in`);
  return asked;
};
const letIn = (asked: Asked) => {
  if ('status' in asked) throw new Error(asked.text);
  return asked;
};

describe('the door', () => {
  it('lets a token look at its part, from the moment that it is made until it is revoked', () => {
    const { door, make, bearer, tokens, audited } = bench();
    const { text, token } = make();
    const { looker } = letIn(door.ask(bearer(text)));
    expect(looker).toMatchObject({ name: token.id, role: 'viewer', part: 'acme.shop' });
    expect([looker.sees('acme.shop.prod.web-1.cpu'), looker.sees('acme.shopping.prod.a'), looker.sees('acme')]).toEqual([
      true,
      false,
      false,
    ]);
    // Those who look with one token are one looker: what is made for them is made once.
    expect(letIn(door.ask(bearer(text))).looker).toBe(looker);
    expect(door.admits(looker)).toBe(true);
    writeToken(tokens, { ...token, revoked: { at: token.made, by: 'ann' } });
    door.tick();
    expect(door.admits(looker)).toBe(false);
    expect(refused(door.ask(bearer(text)))).toMatchObject({ status: 401, text: expect.stringContaining('was revoked') });
    expect(audited).toMatchObject([
      { who: 'root on the hub', did: 'made a token to look', to: `token ${token.id}` },
      { who: 'ann on the hub', did: 'revoked a token to look' },
      { who: 'address 192.0.2.7', did: 'was refused: a token that was revoked', to: `token ${token.id}` },
    ]);
    expect(JSON.stringify(audited)).not.toContain(text.slice(-20));
  });

  it('ends with the token', async () => {
    const { door, make, bearer, clock } = bench();
    const { text } = make();
    const { looker } = letIn(door.ask(bearer(text)));
    await clock.advance(3_600_000);
    expect(door.admits(looker)).toBe(false);
    expect(refused(door.ask(bearer(text))).text).toContain('has ended');
  });

  it('tells nobody whether it was the id or the secret that was wrong, and slows down whoever guesses', () => {
    const { door, make, bearer } = bench();
    const { text, token } = make();
    const wrong = [`slk1_${token.id}_${'A'.repeat(43)}`, `slk1_${'0'.repeat(12)}_${'A'.repeat(43)}`, 'secret', `${text}x`];
    const texts = wrong.map((each) => refused(door.ask(bearer(each))).text);
    expect(new Set(texts).size).toBe(1);
    const statuses = Array.from({ length: 10 }, () => refused(door.ask(bearer('wrong'))).status);
    expect(statuses.at(-1)).toBe(429);
    // Behind a proxy all come from there: who has the right token is not shut out.
    expect(letIn(door.ask(bearer(text))).looker.name).toBe(token.id);
    expect(refused(door.ask(coming({ authorization: 'Basic cm9vdDo=' }, { socket: { remoteAddress: '192.0.2.8' } }))).status).toBe(401);
  });

  it('wants something shown where it is not open, and nothing but the truth where it is', () => {
    const closed = bench();
    expect(refused(closed.door.ask(coming()))).toMatchObject({ status: 401, text: expect.stringContaining('sluice token new --look') });
    expect(refused(closed.door.upgrade(coming())).status).toBe(401);
    const open = bench({ open: true });
    expect(letIn(open.door.ask(coming())).looker).toBe(anyone);
    expect(letIn(open.door.upgrade(coming())).looker).toBe(anyone);
    expect(open.door.ticket(anyone)).toBeUndefined();
    expect(refused(open.door.ask(open.bearer('wrong'))).status).toBe(401);
    const { text } = open.make({ role: 'operator' });
    expect(letIn(open.door.ask(open.bearer(text))).looker.role).toBe('operator');
  });

  it('gives a ticket that opens one socket, soon', async () => {
    const { door, make, bearer, clock, tokens } = bench();
    const { text, token } = make();
    const { looker } = letIn(door.ask(bearer(text)));
    const shown = (ticket: string | undefined) => door.upgrade(coming({ 'sec-websocket-protocol': `sluice, ticket.${ticket}` }));
    const ticket = door.ticket(looker);
    expect(letIn(shown(ticket)).looker).toBe(looker);
    expect(refused(shown(ticket)).status).toBe(401);
    const late = door.ticket(looker);
    await clock.advance(30_000);
    expect(refused(shown(late)).status).toBe(401);
    const revoked = door.ticket(looker);
    writeToken(tokens, { ...token, revoked: { at: token.made, by: 'ann' } });
    expect(refused(shown(revoked)).status).toBe(401);
  });

  it('keeps a browser signed in by a cookie that no script reads, that opens no socket, and that asks from the page alone', async () => {
    const { door, make, bearer, clock } = bench();
    const { text } = make();
    const { looker } = letIn(door.ask(bearer(text)));
    const set = door.signIn(bearer(text), looker, false);
    expect(set).toMatch(/^__Host-sluice=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(door.signIn(bearer(text), looker, true)).toMatch(/; Max-Age=3600$/);
    const cookie = set.split(';')[0];
    expect(letIn(door.ask(coming({ cookie: `a=b; ${cookie}` })))).toMatchObject({ looker: { name: looker.name }, by: 'cookie' });
    expect(refused(door.upgrade(coming({ cookie }))).status).toBe(401);
    expect(refused(door.ask(coming({ cookie }, { method: 'POST' })))).toMatchObject({ status: 403 });
    expect(letIn(door.ask(coming({ cookie, origin: 'https://ours' }, { method: 'POST' }))).by).toBe('cookie');
    expect(door.signOut(coming({ cookie }))).toContain('Max-Age=0');
    expect(refused(door.ask(coming({ cookie }))).status).toBe(401);
    const other = door.signIn(bearer(text), looker, true).split(';')[0];
    await clock.advance(3_600_001);
    expect(refused(door.ask(coming({ cookie: other }))).status).toBe(401);
  });

  it('lets a looker ask so often and no more', () => {
    const { door, make, bearer } = bench();
    const { text } = make();
    const asked = Array.from({ length: 400 }, () => door.ask(bearer(text)));
    expect(asked.filter((one) => 'status' in one).length).toBe(100);
  });

  it('takes all of a network of IPv6 for one', () => {
    const { door, bearer, audited } = bench();
    for (const remoteAddress of ['2001:db8::1', '2001:db8:0:0:ffff::2', '::ffff:192.0.2.9', '::1'])
      door.ask(bearer('wrong', { socket: { remoteAddress } }));
    expect(audited.map(({ who }) => who)).toEqual([
      'address 2001:db8:0:0::/64',
      'address 2001:db8:0:0::/64',
      'address 192.0.2.9',
      'address 0:0:0:0::/64',
    ]);
  });
});

describe('what is kept', () => {
  it('keeps no secret, for its owner alone, and takes nothing damaged for a token', async () => {
    const { make, tokens } = bench();
    const { text, token } = make();
    const [name = ''] = readdirSync(tokens);
    expect(readFileSync(join(tokens, name), 'utf8')).not.toContain(text.slice(18));
    expect([statSync(tokens).mode & 0o777, statSync(join(tokens, name)).mode & 0o777]).toEqual([0o700, 0o600]);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(tokens, '000000000000.json'), '{');
    writeFileSync(join(tokens, '111111111111.json'), JSON.stringify(token));
    const flaws: string[] = [];
    expect(readTokens(tokens, (flaw) => flaws.push(flaw)).map(({ id }) => id)).toEqual([token.id]);
    expect(flaws).toEqual([expect.stringMatching(/000000000000\.json is damaged/)]);
  });

  it('is bounded: the oldest gives way', () => {
    const now = () => 0;
    const secrets = createSecrets({ now, most: 3, each: 2 });
    const [one, two, three] = [secrets.make('a', 1), secrets.make('a', 1), secrets.make('a', 1)];
    expect([one, two, three].map((secret) => secrets.idOf(secret ?? ''))).toEqual([undefined, 'a', 'a']);
    secrets.make('b', 1);
    secrets.make('c', 1);
    expect(secrets.idOf(two ?? '')).toBeUndefined();
    const buckets = createBuckets({ rate: 1, burst: 1, most: 2, now });
    expect(['a', 'a', 'b', 'c', 'a'].map(buckets.take)).toEqual([true, false, true, true, true]);
  });

  it('records a few of a sort, then how many more there were', () => {
    const audited: DataInput<'audit'>[] = [];
    const record = createRecord(async (what) => void audited.push(what));
    for (let count = 0; count < 1000; count++) record.tell({ who: 'address 192.0.2.7', did: 'was refused' });
    for (let count = 0; count < 1000; count++) record.tell({ who: `address 2001:db8:${count}`, did: 'was refused' });
    expect(audited.length).toBeLessThanOrEqual(120);
    for (let tick = 0; tick < 60; tick++) record.tick();
    expect(audited).toContainEqual({ who: 'address 192.0.2.7', did: 'was refused', detail: { more: 995 } });
    expect(audited.filter(({ who }) => who === 'others').length).toBeGreaterThan(0);
    expect(audited.length).toBeLessThan(400);
  });
});
