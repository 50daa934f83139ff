/** The pipes seen from the command line, over the bus in process; RabbitMQ passes the same suite of the port (`test/contract/bus.ts`). */
import { afterEach, describe, expect, it } from 'vitest';
import { embeddedBus } from '../bus/embedded.ts';
import { systemClock } from '../clock.ts';
import { encode } from '../event.ts';
import type { NodeState } from '../states.ts';
import type { Remote, Taken } from './remote.ts';
import { busRemote } from './remote-bus.ts';

const place = { company: 'acme', system: 'shop', environment: 'test' };
const remotes: Remote[] = [];
afterEach(async () => {
  for (const remote of remotes.splice(0)) await remote.close();
});

function open() {
  const bus = embeddedBus({ clock: systemClock });
  const remote = busRemote(bus, { place, host: 'web-1' });
  remotes.push(remote);
  const say = (key: string, value: unknown) => {
    const event = { id: key, kind: 'state' as const, key, source: '/a/b/c/d/e', time: 0, data: { of: 'node', value: value as never } };
    return bus.publish({ kind: 'state', keys: [key], body: Buffer.from(encode(event)), batch: false });
  };
  return { bus, remote, say };
}

const node: NodeState = {
  name: 'cpu',
  use: 'cpu',
  sort: 'monitor',
  doc: 'd',
  host: 'web-1',
  process: 'p',
  status: 'running',
  since: '2026-01-01T00:00:00Z',
  in: [],
  out: ['metric'],
  events: { in: 0, out: 1, dead: 0, dropped: 0, holes: 0, repeats: 0 },
  errors: 0,
};

describe('the states', () => {
  it('are the last of each key, without those that ended and those that are none', async () => {
    const { remote, say } = open();
    await say('a.b.c.web-1.node.cpu', { ...node, status: 'starting' });
    await say('a.b.c.web-1.node.cpu', node);
    await say('a.b.c.web-2.node.cpu', node);
    await say('a.b.c.web-2.node.cpu', null);
    await say('a.b.c.web-3.node.cpu', { name: 'no node' });
    expect(await remote.states('node')).toEqual([{ ...node, key: 'a.b.c.web-1.node.cpu' }]);
    expect(await remote.states('server')).toEqual([]);
  });
});

describe('a tap', () => {
  it('gets what is emitted and matches, until it is ended', async () => {
    const { remote } = open();
    const end = new AbortController();
    const taken = remote.tap({ kind: 'metric', resource: 'queue' }, end.signal)[Symbol.asyncIterator]();
    const first = taken.next();
    // The tap is bound within this turn: nothing on this bus is slower than a few promises.
    await systemClock.sleep(0);
    await remote.emit({ kind: 'metric', key: ['disk'], data: { points: [{ name: 'x', value: 1 }] } });
    const id = await remote.emit({ kind: 'metric', key: ['queue', 'orders'], data: { points: [{ name: 'x', value: 2 }] } });
    const { value } = (await first) as IteratorYieldResult<Taken>;
    expect(value).toMatchObject({
      events: [{ id, key: 'acme.shop.test.web-1.queue.orders', source: '/acme/shop/test/web-1/emit' }],
      refused: [],
    });
    end.abort();
    expect((await taken.next()).done).toBe(true);
  });

  it('says what was no event, and goes on', async () => {
    const { bus, remote } = open();
    const end = new AbortController();
    const taken = remote.tap({ kind: 'log' }, end.signal)[Symbol.asyncIterator]();
    const first = taken.next();
    await systemClock.sleep(0);
    await bus.publish({ kind: 'log', keys: ['a.b.c.d'], body: Buffer.from('{'), batch: false });
    await bus.publish({ kind: 'log', keys: ['a.b.c.d'], body: Buffer.from('no gzip'), batch: false, encoding: 'gzip' });
    await remote.emit({ kind: 'log', key: [], data: { lines: [{ body: 'fine' }] } });
    expect((await first).value).toMatchObject({ events: [], refused: [expect.stringContaining('not JSON')] });
    expect((await taken.next()).value).toMatchObject({ events: [], refused: [expect.any(String)] });
    expect((await taken.next()).value).toMatchObject({ events: [{ key: 'acme.shop.test.web-1' }] });
    end.abort();
  });

  it('refuses to look back, since a pipe remembers nothing', async () => {
    const { remote } = open();
    const taken = remote.tap({ kind: 'log', since: '5m' }, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(taken.next()).rejects.toThrow('sluice: --since needs a running sluice that remembers');
  });
});

it('emits nothing that a reader would refuse', async () => {
  const { remote } = open();
  await expect(remote.emit({ kind: 'metric', key: ['x'], data: { points: [] } })).rejects.toThrow('data of sluice.metric.v1: points');
  await expect(remote.emit({ kind: 'metric', key: ['x'.repeat(300)], data: { points: [{ name: 'x', value: 1 }] } })).rejects.toThrow(
    'the limit is 255',
  );
});
