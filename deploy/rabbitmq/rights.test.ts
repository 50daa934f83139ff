/** What the expressions let through. What a broker makes of them is tested in `forgery.test.ts`. */
import { describe, expect, it } from 'vitest';
import { holdsKey, holdsSource, partOf, readPart } from '../../core/part.ts';
import { definitionsOf, type Rights, rightsOf } from './rights.ts';

/** JavaScript has no `\z`, and its `$` is one. */
const allows = (expression: string, name: string) => new RegExp(expression.replaceAll('\\z', '$'), 'u').test(name);
function topic(rights: Rights, kind: string) {
  const found = rights.topics.find(({ exchange }) => exchange === `sluice.${kind}`);
  if (!found) throw new Error(kind);
  return found;
}

describe('a part of the tree', () => {
  it('is read from the name of a user, in one spelling only', () => {
    expect(partOf('acme.shop.prod.web-1')).toEqual({ words: ['acme', 'shop', 'prod', 'web-1'], sort: 'agent' });
    expect(partOf('acme.shop.prod')).toEqual({ words: ['acme', 'shop', 'prod'], sort: 'hub' });
    expect(partOf('acme.shop.prod.*')).toEqual({ words: ['acme', 'shop', 'prod'], sort: 'agent' });
    expect(partOf('acme.*.*.*')).toEqual({ words: ['acme'], sort: 'agent' });
    for (const name of [
      '',
      'a.b.c.d.e',
      'a..c',
      'a.*.c.d',
      '*.*.*.*',
      '*',
      'a.b.*',
      'a.b.c.web%2d1',
      'a.b.c.web%2D1',
      'a.b.c.wéb',
      'a.b.c.%',
      'a.b.c.x y',
    ])
      expect([name, readPart(name)]).toEqual([name, undefined]);
    expect(readPart(`a.b.c.${'x'.repeat(195)}`)).toBeUndefined();
    expect(() => partOf('a b')).toThrow(/is no part of the tree; write acme/);
  });

  it('holds what is in it, by whole words', () => {
    const web = partOf('acme.shop.prod.web-1');
    expect(['acme.shop.prod.web-1', 'acme.shop.prod.web-1.cpu'].every((key) => holdsKey(web, key))).toBe(true);
    expect(['acme.shop.prod.web-12', 'acme.shop.prod', 'x.acme.shop.prod.web-1', ''].some((key) => holdsKey(web, key))).toBe(false);
    expect(holdsSource(web, '/acme/shop/prod/web-1/cpu')).toBe(true);
    expect(['/acme/shop/prod/web-12/cpu', '/acme/shop/prod/web-1', 'acme/shop/prod/web-1/cpu'].some((at) => holdsSource(web, at))).toBe(
      false,
    );
    expect(holdsSource(partOf('acme.shop.prod.a/b'), '/acme/shop/prod/a%2Fb/cpu')).toBe(true);
    expect(holdsSource(partOf('acme.shop.prod.a'), '/acme/shop/prod/a%2Fb/cpu')).toBe(false);
  });
});

describe('the rights of an agent', () => {
  const rights = rightsOf('acme.shop.prod.web-1');

  it('end at its own names', () => {
    expect(allows(rights.configure, 'sluice.agent.acme.shop.prod.web-1.commands')).toBe(true);
    for (const name of [
      'sluice.agent.acme.shop.prod.web-12.x',
      'sluice.agent.acme.shop.prod.web-1',
      'sluice.agent.acmeXshop.prod.web-1.x',
      'sluice.metric',
      'sluice.threshold.telemetry',
      'amq.gen-x',
      '',
    ])
      expect([name, allows(rights.configure, name)]).toEqual([name, false]);
  });

  it('let it hear who looks, and not pretend to', () => {
    expect(allows(rights.read, 'sluice.look')).toBe(true);
    expect(allows(rights.write, 'sluice.look')).toBe(false);
    expect(allows(rights.configure, 'sluice.look')).toBe(false);
    expect(allows(rights.configure, 'sluice.agent.acme.shop.prod.web-1.look.0123456789ab')).toBe(true);
    const hub = rightsOf('acme.shop.prod');
    for (const name of ['sluice.look', 'sluice.look.0123456789ab']) expect(allows(hub.write, name)).toBe(true);
  });

  it('let it write its own events and nothing that commands', () => {
    for (const kind of ['metric', 'log', 'heartbeat', 'state', 'outcome', 'audit'])
      expect(allows(rights.write, `sluice.${kind}`)).toBe(true);
    for (const name of ['sluice.command', 'sluice.policy', 'amq.default', '', 'sluice.threshold.telemetry', 'sluice.metric2'])
      expect([name, allows(rights.write, name)]).toEqual([name, false]);
    for (const key of ['acme.shop.prod.web-1', 'acme.shop.prod.web-1.cpu']) expect(allows(topic(rights, 'metric').write, key)).toBe(true);
    for (const key of ['~63', '~p7']) expect(allows(topic(rights, 'metric').write, key)).toBe(true);
    expect(allows(topic(rights, 'heartbeat').write, '~63')).toBe(true);
    expect(allows(topic(rights, 'alert').write, '~63')).toBe(false);
    for (const key of [
      'acme.shop.prod.db-1.cpu',
      'acme.shop.prod.web-12',
      'acme.shop.prod.web-1Xcpu',
      'acme.shopXprod.web-1',
      '~63.acme',
      '',
    ])
      expect([key, allows(topic(rights, 'metric').write, key)]).toEqual([key, false]);
    expect(allows(topic(rights, 'command').write, 'acme.shop.prod.web-1')).toBe(false);
  });

  it('let it read its commands, the policy and the stream of states', () => {
    for (const kind of ['command', 'policy', 'state']) expect(allows(rights.read, `sluice.${kind}`)).toBe(true);
    for (const name of ['sluice.metric', 'sluice.threshold.telemetry', 'sluice.agent.acme.shop.prod.db-1.x', 'sluice.states'])
      expect([name, allows(rights.read, name)]).toEqual([name, false]);
    expect(allows(topic(rights, 'command').read, 'acme.shop.prod.web-1.#')).toBe(true);
    for (const pattern of ['#', '*.*.*.*', 'acme.shop.prod.*.#']) expect(allows(topic(rights, 'command').read, pattern)).toBe(false);
    for (const pattern of ['#', '', 'acme.shop.prod.web-1']) expect(allows(topic(rights, 'state').read, pattern)).toBe(false);
  });

  it('take what regular expressions would read as syntax as it is', () => {
    const odd = rightsOf("a+b.$h(o)p.p'$.w=(e)b!");
    expect(allows(topic(odd, 'log').write, "a+b.$h(o)p.p'$.w=(e)b!.x")).toBe(true);
    expect(allows(topic(odd, 'log').write, "aab.$h(o)p.p'$.w=(e)b!.x")).toBe(false);
    expect(allows(odd.configure, "sluice.agent.a+b.$h(o)p.p'$.w=(e)b!.q")).toBe(true);
  });

  it('are the same for servers that share a name, for any server there', () => {
    const shared = rightsOf('acme.shop.prod.*');
    expect(allows(topic(shared, 'metric').write, 'acme.shop.prod.db-1.cpu')).toBe(true);
    expect(allows(topic(shared, 'metric').write, 'acme.shop.test.db-1.cpu')).toBe(false);
    expect(allows(shared.write, 'sluice.command')).toBe(false);
    expect(allows(shared.configure, 'sluice.agent.acme.shop.prod.*.x')).toBe(true);
    expect(allows(shared.configure, 'sluice.agent.acme.shop.prod.web-1.x')).toBe(false);
    expect(shared.limits).toBeUndefined();
  });
});

describe('the rights of a hub', () => {
  const rights = rightsOf('acme.shop.prod');

  it("are all of sluice, the agents' own queues apart, and events of its part", () => {
    for (const name of ['sluice.metric', 'sluice.threshold.telemetry', 'sluice.state', 'amq.gen-1'])
      expect(allows(rights.configure, name)).toBe(true);
    for (const name of ['sluice.agent.acme.shop.prod.web-1.x', 'orders', 'amq.default', 'xsluice.metric', ''])
      expect([name, allows(rights.write, name), allows(rights.read, name)]).toEqual([name, false, false]);
    expect(allows(topic(rights, 'command').write, 'acme.shop.prod.web-1')).toBe(true);
    expect(allows(topic(rights, 'command').write, 'acme.shop.test.web-1')).toBe(false);
    expect(allows(topic(rightsOf('acme'), 'command').write, 'acme.shop.test.web-1')).toBe(true);
  });
});

it('makes definitions that set a secret only where one is given', () => {
  const made = definitionsOf('/', [
    { name: 'acme.shop.prod.web-1', secret: { password: 'p' } },
    { name: 'acme.shop.prod', secret: 'certificate' },
    { name: 'acme' },
  ]);
  expect(made.users).toEqual([
    { name: 'acme.shop.prod.web-1', password: 'p', tags: '', limits: { 'max-connections': 10, 'max-channels': 100 } },
    { name: 'acme.shop.prod', password_hash: '', tags: '', limits: {} },
  ]);
  expect(made.permissions.map(({ user }) => user)).toEqual(['acme.shop.prod.web-1', 'acme.shop.prod', 'acme']);
  expect(made.topic_permissions).toHaveLength(36);
});
