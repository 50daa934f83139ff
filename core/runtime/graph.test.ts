import { describe, expect, it } from 'vitest';
import { queueOf } from './graph.ts';

describe('the queue of a node', () => {
  const hub = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub.1' };

  it('is shared by all that run it, but a watcher has its own', () => {
    expect(queueOf('threshold')).toBe('sluice.threshold');
    expect(queueOf('roster', hub)).toBe('sluice.roster.acme.shop.prod.hub%2E1');
  });

  it('has a name that a broker takes, and no other has', () => {
    const [one, other] = ['x', 'y'].map((end) => queueOf('roster', { ...hub, host: 'é'.repeat(99) + end }));
    expect(one).not.toBe(other);
    for (const name of [one, other]) expect(`${name}.heartbeat`.length).toBeLessThan(255);
  });
});
