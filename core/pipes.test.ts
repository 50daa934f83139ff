import { describe, expect, it } from 'vitest';
import { groupNodes, groupProcesses, type Keyed, serverOf, silentOf, waysOf } from './pipes.ts';
import type { NodeState, ProcessState, ServerState } from './states.ts';

function node(host: string, name: string, more: Partial<NodeState> = {}): Keyed<NodeState> {
  return {
    key: `acme.shop.prod.${host}.node.${name}`,
    ...{ name, use: name, sort: 'filter', doc: `${name}.`, host, process: 'b1', status: 'running', since: '2026-01-01T00:00:00.000Z' },
    ...{ in: [], out: [], events: { in: 1, out: 2, dead: 0, dropped: 0, holes: 0, repeats: 0 }, errors: 0 },
    ...more,
  };
}
const monitor = (host: string, name: string, more: Partial<NodeState> = {}) =>
  node(host, name, { sort: 'monitor', out: ['metric'], ...more });

describe('the graph', () => {
  it('takes nodes of one name for one, with the worst of them, and their sums', () => {
    const [cpu, rollup] = groupNodes([
      monitor('web-1', 'cpu', { lag: 10 }),
      monitor('web-2', 'cpu', { status: 'failing', errors: 3, error: 'no /proc', lag: 70 }),
      monitor('web-3', 'cpu', { status: 'stopped' }),
      node('hub', 'rollup', { in: [{ kind: 'metric', pattern: '#' }] }),
    ]);
    expect(cpu).toMatchObject({
      name: 'cpu',
      size: 3,
      worst: 'failing',
      conditions: { running: 1, failing: 1, stopped: 1 },
      errors: 3,
      error: 'no /proc',
      lag: 70,
      events: { in: 3, out: 6 },
    });
    expect(rollup).toMatchObject({ name: 'rollup', size: 1, worst: 'running', in: [{ kind: 'metric', pattern: '#' }] });
  });

  it('tells nodes whose server is silent', () => {
    const silent = silentOf([{ key: 'acme.shop.prod.web-2.server', status: 'silent' } as Keyed<ServerState>]);
    expect(groupNodes([monitor('web-1', 'cpu'), monitor('web-2', 'cpu')], silent)).toMatchObject([
      { worst: 'silent', conditions: { running: 1, silent: 1 } },
    ]);
  });

  it('joins only where a key can match both ends', () => {
    const ways = waysOf([
      monitor('web-1', 'cpu'),
      monitor('web-2', 'disk'),
      node('hub', 'all', { in: [{ kind: 'metric', pattern: '#' }], out: ['alert'] }),
      node('hub', 'one', { in: [{ kind: 'metric', pattern: 'acme.shop.prod.web-1.#' }], out: ['stat'] }),
      node('hub', 'none', {
        in: [
          { kind: 'metric', pattern: 'acme.shop.staging.*.#' },
          { kind: 'alert', pattern: 'acme.shop.staging.#' },
        ],
      }),
      node('hub', 'gone', { in: [{ kind: 'metric', pattern: '#' }], status: 'stopped' }),
      node('hub', 'beats', { in: [{ kind: 'heartbeat', pattern: '*.*.*.web-2.#' }] }),
    ]);
    expect(ways.map(({ from, to, kind }) => `${from} ${kind} ${to}`).sort()).toEqual([
      'all alert none',
      'cpu metric all',
      'cpu metric one',
      'disk metric all',
      'sluice heartbeat beats',
    ]);
  });

  it('is made in no time for a thousand servers', () => {
    const names = Array.from({ length: 12 }, (_, index) => `monitor-${index}`);
    const nodes = Array.from({ length: 1000 }, (_, host) => names.map((name) => monitor(`web-${host}`, name))).flat();
    nodes.push(node('hub', 'narrow', { in: [{ kind: 'metric', pattern: '*.*.*.*.cpu.#' }] }));
    expect(groupNodes(nodes)).toHaveLength(13);
    expect(waysOf(nodes)).toHaveLength(12);
  });

  it('adds up what processes gave, and what waits', () => {
    const one = {
      status: 'running',
      connected: true,
      blocked: false,
      sent: 5,
      dropped: 1,
      expired: 0,
      refused: 0,
      bus: 'embedded',
      spooled: { durable: { events: 1, bytes: 10 }, telemetry: { events: 2, bytes: 20 } },
    };
    expect(groupProcesses([one, { ...one, blocked: true }, { ...one, status: 'stopped', connected: false }] as ProcessState[])).toEqual({
      size: 3,
      apart: 1,
      stopped: 1,
      sent: 15,
      dropped: 3,
      expired: 0,
      refused: 0,
      waiting: { events: 9, bytes: 90 },
      buses: ['embedded'],
    });
  });

  it('finds the server of a key', () => {
    expect(['a.b.c.d', 'a.b.c.d.e.f', 'a.b'].map(serverOf)).toEqual(['a.b.c.d', 'a.b.c.d', 'a.b']);
  });
});
