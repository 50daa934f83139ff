import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judge, type Known, type Wish } from './judge.ts';
import { type ServerRecord, type TokenRecord, usesOf } from './records.ts';
import { formatToken, newToken, parseToken, tokenOfUser, userOfToken } from './token.ts';

const now = Date.UTC(2026, 0, 10);
const token: TokenRecord = {
  id: '0123456789ab',
  scope: 'acme.shop.prod',
  made: '2026-01-09T00:00:00.000Z',
  ends: '2026-01-11T00:00:00.000Z',
  uses: null,
  replace: false,
};
const proof = () => randomBytes(32).toString('base64url');
const web: Wish = { host: 'web-2', proof: proof(), replace: false };

function known(over: Partial<Known> = {}, servers: readonly ServerRecord[] = []): Known {
  const home = 'acme.shop.prod';
  return { token, used: usesOf(token.id, servers), home, server: (user) => servers.find((one) => one.user === user), now, ...over };
}
/** Lets one in, and says what the hub then remembers. */
function admitted(wish: Wish, over: Partial<Known> = {}): ServerRecord {
  const verdict = judge(wish, known(over));
  if ('refuse' in verdict) throw new Error(verdict.refuse);
  return verdict.admit.record;
}
const refusal = (wish: Wish, given: Known): string => {
  const verdict = judge(wish, given);
  return 'refuse' in verdict ? verdict.refuse : `admitted ${verdict.admit.user}`;
};

describe('judging who may come in', () => {
  it('lets a server into the part of its token, and keeps no secret of it', () => {
    const verdict = judge(web, known());
    expect(verdict).toMatchObject({ admit: { user: 'acme.shop.prod.web-2', place: 'acme.shop.prod', host: 'web-2' } });
    expect(JSON.stringify(verdict)).not.toContain(web.proof);
  });

  it('refuses a token that is unknown, revoked or ended, to the millisecond', () => {
    expect(refusal(web, known({ token: undefined }))).toMatch(/does not know the token/);
    expect(refusal(web, known({ token: { ...token, revoked: token.made } }))).toMatch(/was revoked at/);
    const ends = Date.parse(token.ends);
    expect(refusal(web, known({ now: ends - 1 }))).toMatch(/^admitted/);
    expect(refusal(web, known({ now: ends }))).toMatch(/ended at .* sluice token new/);
  });

  it('refuses what lies outside of its part, whatever the words look like', () => {
    const one = (scope: string, over: Partial<Wish> = {}) => refusal({ ...web, ...over }, known({ token: { ...token, scope } }));
    expect(one('acme.shop.prod', { place: 'acme.shop.test' })).toMatch(/good for acme\.shop\.prod, and not for acme\.shop\.test\.web-2/);
    expect(one('acme.shop.pro')).toMatch(/^admitted acme\.shop\.pro\.web-2/);
    expect(one('acme.shop.pro', { place: 'acme.shop.prod' })).toMatch(/not for/);
    expect(one('acme.shop', { place: 'acme.shop.test' })).toMatch(/^admitted acme\.shop\.test\.web-2/);
    expect(one('acme.shop.prod.web-2')).toMatch(/^admitted/);
    expect(one('acme.shop.prod.web-1')).toMatch(/not for acme\.shop\.prod\.web-2/);
    // A dot in a name is no step down the tree, and a star no wildcard.
    expect(one('acme.shop.prod', { host: 'web.2' })).toBe('admitted acme.shop.prod.web%2E2');
    expect(one('acme.shop.prod', { host: '*' })).toBe('admitted acme.shop.prod.%2A');
    expect(one('acme.shop.prod', { host: 'enrol' })).toMatch(/no server can be named enrol/);
    expect(one('acme.shop.prod', { place: 'acme.shop' })).toMatch(/company\.system\.environment/);
    expect(one('acme.shop.prod', { place: 'acme.*.prod' })).toMatch(/company\.system\.environment/);
  });

  it('sends a server that names no place home, or asks', () => {
    const wide = { ...token, scope: 'acme' };
    expect(refusal(web, known({ token: wide }))).toBe('admitted acme.shop.prod.web-2');
    expect(refusal(web, known({ token: wide, home: 'other.a.b' }))).toMatch(/say where the server belongs/);
  });

  it('counts servers, and not how often one of them asks', () => {
    const one = { ...token, uses: 1 };
    const first = admitted(web, { token: one });
    expect(refusal({ ...web, host: 'web-3', proof: proof() }, known({ token: one }, [first]))).toMatch(
      /good for one server, and is used up/,
    );
    // The answer was lost: the same machine asks again.
    const verdict = judge(web, known({ token: one }, [first]));
    expect(verdict).toMatchObject({ admit: { record: { came: [{ token: one.id }] } } });
  });

  it('takes two machines of one name for two, unless the token says that one may replace the other', () => {
    const first = admitted(web);
    const other = { ...web, proof: proof() };
    expect(refusal(other, known({}, [first]))).toMatch(/another server is .* already; give this one another name/);
    expect(refusal({ ...other, replace: true }, known({}, [first]))).toMatch(/may not replace it; on the hub: sluice token new --replace/);
    const replacing = { ...token, id: 'ba9876543210', replace: true };
    expect(refusal(other, known({ token: replacing }, [first]))).toMatch(/another server/);
    const verdict = judge({ ...other, replace: true }, known({ token: replacing }, [first]));
    const hash = createHash('sha256').update(other.proof).digest('hex');
    expect(verdict).toMatchObject({ admit: { record: { proof: hash, came: [{ token: token.id }, { token: replacing.id }] } } });
  });
});

describe('a token', () => {
  it('is read back as it was made, with a fingerprint or without', () => {
    for (const made of [newToken(), newToken('ab'.repeat(32))]) {
      expect(parseToken(` ${formatToken(made)}\n`)).toEqual(made);
      expect(tokenOfUser(userOfToken(made.id))).toBe(made.id);
    }
    expect(tokenOfUser('acme.shop.prod')).toBeUndefined();
  });

  it('is refused when any of it is missing or changed, and never repeated', () => {
    const text = formatToken(newToken('ab'.repeat(32)));
    for (let at = 0; at < text.length - 1; at++) {
      const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
      for (const wrong of [text.slice(0, at), changed]) {
        expect(() => parseToken(wrong)).toThrow(/copy the whole line/);
        if (at > 20) expect(() => parseToken(wrong)).not.toThrow(wrong.slice(10, 20));
      }
    }
  });
});
