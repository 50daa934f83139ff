import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNet, fileName, linesOf } from './caught.ts';
import { applyFrame, type Graph, type GraphNode, graphFrom, troublesOf } from './graph.ts';
import { layOut } from './layout.ts';

const name = fc.string({ minLength: 1, maxLength: 8 });
const node = fc.record({ name, sort: fc.constantFrom('monitor', 'filter', 'sink', 'actuator', 'process', 'other') });

/** Any graph: names that mean something elsewhere, circles, nothing at all. */
const graphs = fc
  .record({
    nodes: fc.uniqueArray(node, { selector: (each) => each.name, maxLength: 14 }),
    kinds: fc.uniqueArray(name, { maxLength: 10 }),
    joints: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { maxLength: 60 }),
  })
  .map(({ nodes, kinds, joints }): Graph => {
    const joined = nodes.length === 0 || kinds.length === 0 ? [] : joints;
    const ends = joined.map(([at, to, writes]) => ({
      node: nodes[at % nodes.length]?.name ?? '',
      kind: kinds[to % kinds.length] ?? '',
      rate: to % 3,
      writes,
    }));
    const once = [...new Map(ends.map((each) => [`${each.writes} ${each.node} ${each.kind}`, each])).values()];
    return {
      nodes: nodes as unknown as GraphNode[],
      kinds: kinds.map((kind) => ({ kind, rate: 1, total: 1 })),
      writes: once.filter(({ writes }) => writes),
      reads: once.filter(({ writes }) => !writes),
      processes: undefined,
      lost: [],
    };
  });

describe('the layout', () => {
  it('puts everything somewhere, nothing over another, and every line between its ends', () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 300, max: 2000 }), (graph, wanted) => {
        const { boxes, wires, width, height } = layOut(graph, wanted);
        const all = [...boxes.values()];
        expect(all).toHaveLength(graph.nodes.length + graph.kinds.length);
        expect(wires).toHaveLength(graph.writes.length + graph.reads.length);
        for (const box of all) {
          expect(box.x).toBeGreaterThanOrEqual(0);
          expect(box.x + box.width).toBeLessThanOrEqual(width);
          expect(box.y + box.height).toBeLessThanOrEqual(height);
        }
        for (const [index, one] of all.entries())
          for (const other of all.slice(index + 1))
            expect(
              one.x + one.width <= other.x ||
                other.x + other.width <= one.x ||
                one.y + one.height <= other.y ||
                other.y + other.height <= one.y,
            ).toBe(true);
        for (const { path } of wires) expect(path).toMatch(/^M[\d.-]+ [\d.-]+C[\d. CL-]+$/);
      }),
    );
  });

  it('stays as it is when only numbers change', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const more = { ...graph, writes: graph.writes.map((each) => ({ ...each, rate: each.rate * 10 + 1 })) };
        expect([...layOut(more, 1200).boxes]).toEqual([...layOut(graph, 1200).boxes]);
      }),
    );
  });
});

describe('the graph', () => {
  it('is put together from frames, without pipes that nobody writes and only sinks would read', () => {
    const sink = { name: 'live', sort: 'sink' };
    const set = {
      'node live': sink,
      'kind policy': { kind: 'policy', rate: 0, total: 0 },
      'reads live policy': { node: 'live', kind: 'policy', rate: 0 },
      'kind metric': { kind: 'metric', rate: 5, total: 9 },
    };
    const known = applyFrame(new Map([['node old', {}]]), { set, all: true });
    expect(graphFrom(known)).toMatchObject({ nodes: [sink], kinds: [{ kind: 'metric' }], reads: [] });
    expect([...applyFrame(known, { set: {}, gone: ['kind metric'] }).keys()]).not.toContain('kind metric');
  });

  it('says what is wrong, and of how many', () => {
    const events = { in: 0, out: 0, dead: 2, dropped: 0, holes: 0, repeats: 0 };
    const troubled = {
      conditions: { running: 3, failing: 1 },
      size: 4,
      errors: 1,
      events,
      lag: 61_000,
      sort: 'filter',
      in: [{ kind: 'metric', pattern: '#' }],
    } as unknown as GraphNode;
    expect(troublesOf(troubled).map(({ words }) => words)).toEqual(['1 of 4 failing', '2 dead', '1 error', '61 s behind']);
  });
});

describe('what was caught', () => {
  const event = (id: string, at: number) => ({
    id,
    type: 'sluice.metric.v1',
    subject: 'a.b.c.d',
    source: '/a/b/c/d/e',
    time: new Date(at).toISOString(),
    data: {},
  });

  it('is in the order received, each once', () => {
    const net = createNet();
    net.add([event('1', 1000), event('2', 500)], 'past');
    net.add([event('2', 500), event('3', 900)], 5000);
    expect(net.all.map(({ received, event: { id } }) => [id, received])).toEqual([
      ['1', 1000],
      ['2', 1000],
      ['3', 5000],
    ]);
    expect(linesOf(net.all).trim().split('\n')).toHaveLength(3);
  });

  it('is bounded, and has a name for any shell', () => {
    const net = createNet();
    for (let round = 0; round < 6; round++)
      net.add(
        Array.from({ length: 1000 }, (_, index) => event(`${round}.${index}`, 1)),
        'past',
      );
    expect(net.all).toHaveLength(5000);
    expect(fileName('metric', '/a/b;rm -rf/$(x)')).toBe('caught-metric--a-b-rm--rf-x-.jsonl');
  });
});
