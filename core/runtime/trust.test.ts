/** Who may say what, case by case; and that what is refused leaves a bounded trace. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import type { Kind } from '../kinds.ts';
import { believing } from './believing.ts';
import type { Refused } from './decoding.ts';
import { identityOf, judgeOf, type Publisher } from './trust.ts';

const site = { bus: ['amqps://mq'], identity: '/etc/sluice/identity' };
const web = '/acme/shop/prod/web-1/cpu';
const about = 'acme.shop.prod.web-1.cpu';
const event = (kind: Kind = 'metric', source = web, key = about) => ({ id: '1', kind, source, key, time: 0, data: {} }) as unknown as Event;

/** `believed`, `unverified`, or why not. */
function verdict(config: Pick<Config, 'bus' | 'identity' | 'trust'>, from: Publisher, what = event()): string {
  const found = judgeOf(config)?.(what, from) ?? 'nobody to doubt';
  return found instanceof Reject ? found.message : found;
}

describe('a user that is named after a place', () => {
  it('speaks for that place, and an agent commands nobody', () => {
    for (const user of ['acme.shop.prod.web-1', 'acme.shop.prod', 'acme.shop.prod.*']) expect(verdict(site, { user })).toBe('believed');
    expect(verdict(site, { user: 'acme.shop.prod.db-1' })).toMatch(
      /user acme.shop.prod.db-1 wrote as .*web-1.cpu; it may speak for acme.shop.prod.db-1 alone/,
    );
    expect(verdict(site, { user: 'acme.shop.prod.web' })).toMatch(/wrote as/);
    expect(verdict(site, { user: 'acme.shop.test' })).toMatch(/wrote as/);
    const other = event('metric', web, 'acme.shop.prod.db-1.cpu');
    expect(verdict(site, { user: 'acme.shop.prod.web-1' }, other)).toMatch(/wrote about acme.shop.prod.db-1.cpu/);
    expect(verdict(site, { user: 'acme.shop.prod' }, other)).toBe('believed');
    for (const kind of ['command', 'policy'] as const) {
      expect(verdict(site, { user: 'acme.shop.prod' }, event(kind))).toBe('believed');
      for (const user of ['acme.shop.prod.web-1', 'acme.shop.prod.*'])
        expect(verdict(site, { user }, event(kind))).toMatch(/is an agent, and sent a/);
    }
    for (const kind of ['alert', 'audit'] as const) expect(verdict(site, { user: 'acme.shop.prod.web-1' }, event(kind))).toBe('believed');
  });
});

describe('any other user', () => {
  it('speaks for what the config names, and else for nothing', () => {
    for (const user of ['guest', 'acme', 'acme.shop', 'collector'])
      expect(verdict(site, { user })).toMatch(/is named after no place; name what/);
    const trust = { users: { collector: 'acme.shop', acme: 'acme', root: '*' } };
    for (const user of ['collector', 'acme', 'root']) expect(verdict({ ...site, trust }, { user })).toBe('believed');
    expect(verdict({ ...site, trust: { users: { collector: 'acme.shop.prod.web-1' } } }, { user: 'collector' }, event('command'))).toMatch(
      /an agent/,
    );
    expect(verdict({ ...site, trust: { users: { collector: 'acme.shop.test' } } }, { user: 'collector' })).toMatch(/wrote as/);
    // What is named goes before what a name means.
    expect(verdict({ ...site, trust: { users: { 'acme.shop.prod.web-1': 'acme.shop.test' } } }, { user: 'acme.shop.prod.web-1' })).toMatch(
      /wrote as/,
    );
  });

  it('is everybody where guest on loopback is all there is', () => {
    const alone = { bus: ['amqp://127.0.0.1:5672', 'amqp://localhost', 'amqp://[::1]/x'] };
    expect(verdict(alone, { user: 'guest' }, event('command'))).toBe('believed');
    expect(verdict({ ...alone, identity: 'i' }, { user: 'guest' })).toMatch(/no place/);
    expect(verdict({ bus: [...alone.bus, 'amqp://mq'] }, { user: 'guest' })).toMatch(/no place/);
    expect(verdict({ bus: ['amqp://127.0.0.1.example.com'] }, { user: 'guest' })).toMatch(/no place/);
    expect(judgeOf({ bus: 'embedded' })).toBeUndefined();
  });
});

describe('an event without a user', () => {
  it('is refused, or marked where the config says so, and never believed where somebody would act on it', () => {
    expect(verdict(site, {})).toMatch(/no user that the broker vouches for; set user_id/);
    for (const config of [{ ...site, trust: { unverified: 'accept' as const } }, { bus: ['amqp://localhost'] }]) {
      for (const kind of ['metric', 'log', 'state', 'heartbeat', 'outcome'] as const)
        expect(verdict(config, {}, event(kind))).toBe('unverified');
      for (const kind of ['command', 'policy', 'audit', 'alert'] as const)
        expect(verdict(config, {}, event(kind))).toMatch(/none is believed/);
    }
  });
});

describe('what came over a federation', () => {
  const trust = { upstreams: { 'amqps://mq.site-b': 'acme.shop' } };
  const upstream = 'amqps://mq.site-b:5671/sluice';

  it('is believed within what the config names for the upstream, and within what its user may say', () => {
    expect(verdict({ ...site, trust }, { user: 'acme.shop.prod.web-1', upstream })).toBe('believed');
    expect(verdict({ ...site, trust }, { user: 'acme.shop.prod.db-1', upstream })).toMatch(/of amqps:.*site-b.* wrote as/);
    expect(verdict({ ...site, trust: { upstreams: { 'amqps://mq.site-b': 'acme.other' } } }, { user: 'acme', upstream })).toMatch(
      /no place/,
    );
    const narrow = { upstreams: { 'amqps://mq.site-b': 'acme.other' }, users: { acme: 'acme' } };
    expect(verdict({ ...site, trust: narrow }, { user: 'acme', upstream })).toMatch(/may speak for acme.other alone/);
    expect(verdict({ ...site, trust: narrow }, { user: 'acme' })).toBe('believed');
  });

  it('is refused where the upstream is not named, or tells no user', () => {
    expect(verdict({ ...site, trust }, { user: 'acme.shop.prod.web-1', upstream: 'amqps://mq.site-c' })).toMatch(
      /name what it may speak for in trust: upstreams:/,
    );
    expect(verdict({ ...site, trust }, { user: 'acme.shop.prod.web-1', upstream: '' })).toMatch(/upstreams:/);
    expect(verdict({ ...site, trust: { ...trust, unverified: 'accept' } }, { upstream })).toMatch(/without its user; set trust-user-id/);
  });

  it('gains nothing by a forged list of upstreams', () => {
    // The broker vouches for the user alone; what it may say shrinks.
    expect(verdict({ ...site, trust }, { user: 'acme.shop.prod.db-1', upstream })).toMatch(/wrote as/);
    expect(verdict({ ...site, trust }, { user: 'collector', upstream })).toMatch(/no place/);
  });
});

describe('an identity', () => {
  it("is that of the process's own place", () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-trust-'));
    const file = join(folder, 'identity');
    const of = (username: string) => {
      writeFileSync(file, `username: "${username}"\npassword: x\n`);
      chmodSync(file, 0o600);
      return () => identityOf({ identity: file, place: { company: 'acme', system: 'shop', environment: 'prod' }, host: 'web.1' });
    };
    try {
      for (const name of ['acme.shop.prod.web%2E1', 'acme.shop.prod', 'acme.shop.prod.*', 'acme', 'web-1'])
        expect(of(name)()?.username).toBe(name);
      for (const name of ['acme.shop.prod.web-2', 'acme.shop.test', 'acme.shop.prod.web'])
        expect(of(name)).toThrow(/is of acme.* and this is acme.shop.prod.web%2E1; correct place: or host:/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('what is not believed', () => {
  const told: { who?: string | undefined; count: unknown }[] = [];
  const clock = virtualClock();
  const made = () => {
    told.length = 0;
    return believing({ judge: judgeOf(site), clock, tell: ({ who, fields }) => told.push({ who, count: fields?.count }) });
  };

  it('is parted from what is, event by event', () => {
    const { believe, refused } = made();
    const [mine, forged] = [event(), event('metric', '/acme/shop/prod/db-1/cpu')];
    const unread: Refused = { reason: new Reject('not JSON'), kind: 'metric', raw: '' };
    const all = [mine, forged, unread, mine];
    const sifted = believe(all, { user: 'acme.shop.prod.web-1' });
    expect(sifted).toEqual([
      mine,
      { reason: expect.any(Reject), kind: 'metric', key: about, id: '1', raw: expect.stringContaining('db-1') },
      unread,
      mine,
    ]);
    expect(refused()).toBe(1);
    expect(believe([mine], { user: 'acme.shop.prod.web-1' })).toEqual([mine]);
    expect(told).toEqual([{ who: 'acme.shop.prod.web-1', count: 1 }]);
  });

  it('is told at once, then once a minute and publisher with its number, and dead-lettered up to a bound', async () => {
    const { believe, refused, stop } = made();
    const user = 'acme.shop.prod.db-1';
    const letters = Array.from({ length: 3000 }, () => believe([event()], { user })).flat();
    expect(letters).toHaveLength(1000);
    expect(refused()).toBe(3000);
    expect(told).toEqual([{ who: user, count: 1 }]);
    await clock.advance(60_000);
    expect(told.slice(1)).toEqual([{ who: user, count: 2999 }]);
    expect(believe([event()], { user })).toHaveLength(1);
    expect(told).toHaveLength(2);
    await clock.advance(60_000);
    expect(told.slice(2)).toEqual([{ who: user, count: 1 }]);
    await clock.advance(300_000);
    expect(told).toHaveLength(3);
    believe([event()], { user });
    expect(told).toHaveLength(4);
    stop();
  });

  it('is told of a bounded number of publishers, and of the others together', async () => {
    const { believe, stop } = made();
    for (let index = 0; index < 500; index++) believe([event()], { user: `acme.shop.prod.x-${index}` });
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toEqual({ who: 'others', count: 1 });
    await clock.advance(60_000);
    expect(told.slice(21)).toEqual([{ who: 'others', count: 479 }]);
    stop();
  });

  it('is marked where it passes without anyone vouching for it', () => {
    const { believe } = believing({ judge: judgeOf({ bus: ['amqp://localhost'] }), clock, tell: () => {} });
    const [marked] = believe([event()], {});
    expect(marked).toEqual({ ...event(), unverified: true });
    expect(Object.isFrozen(marked)).toBe(true);
  });
});
