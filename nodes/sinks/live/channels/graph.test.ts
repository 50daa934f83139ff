import { type Event, virtualClock } from 'sluice';
import { testServices } from 'sluice/testing';
import { describe, expect, it } from 'vitest';
import { createFleet, createWriter, statesOf } from '../../../../test/browser/imitate.ts';
import { anyone, lookerOf } from '../looker.ts';
import { createMemory } from '../memory.ts';
import { createMeter } from '../meter.ts';
import { createPresent } from '../present.ts';
import { createGraph } from './graph.ts';

const start = virtualClock().now();

interface Frame {
  readonly set: Record<string, Record<string, unknown>>;
  readonly gone?: readonly string[];
  readonly all?: boolean;
  readonly total?: number;
}

function graphed() {
  const memory = createMemory({ ticks: 600, bytes: 1e7 });
  const present = createPresent({ ticks: 600, bytes: 1e7 });
  const meter = createMeter();
  const sort = createGraph({ present, meter, services: testServices() });
  return {
    write(events: readonly Event[]) {
      for (const event of events) {
        meter.take(event);
        const entry = memory.add(event);
        if (event.kind === 'state') present.take(event, entry);
      }
    },
    second() {
      memory.tick();
      present.tick(memory.now);
      meter.tick();
    },
    open(asked: object = {}, looker = anyone) {
      const channel = sort.open(sort.request.parse(asked), looker);
      const read = (body: unknown) => JSON.parse(`{${body as Buffer}}`) as Frame;
      return { channel, first: read(channel.snapshot()), next: () => read(channel.next()) };
    },
  };
}

describe('the graph, as a channel', () => {
  it('joins nodes of one name through pipes, with what flows in them', () => {
    const live = graphed();
    live.write(statesOf(['web-1', 'web-2', 'web-3'], start));
    const fleet = createFleet(['web-1', 'web-2', 'web-3']);
    for (let second = 0; second < 20; second++) {
      live.write(fleet(start + second * 1000).map((event) => ({ ...event, source: event.source.replace(/test$/, 'cpu') })));
      live.second();
    }
    const { set, all } = live.open().first;
    expect(all).toBe(true);
    // The last of them is silent.
    expect(set['node cpu']).toMatchObject({ size: 3, worst: 'silent', conditions: { running: 2, silent: 1 }, sort: 'monitor' });
    expect(set['kind metric']?.rate).toBeGreaterThan(5);
    expect(set['writes cpu metric']?.rate).toBe(set['kind metric']?.rate);
    expect(set['reads threshold metric']).toEqual({ node: 'threshold', kind: 'metric', rate: set['kind metric']?.rate });
    expect(set['reads live alert']).toMatchObject({ rate: 0 });
    expect(set['node threshold']).toMatchObject({ reads: set['kind metric']?.rate });
  });

  it('tells once a second what changed, and ends what is gone', () => {
    const live = graphed();
    const states = statesOf(['web-1'], start);
    live.write(states);
    const { channel, next } = live.open();
    expect(channel.waiting).toBe(false);
    live.second();
    channel.tick?.();
    expect(channel.waiting).toBe(true);
    expect(next().set['kind state']).toMatchObject({ rate: expect.any(Number) });
    const cpu = states.find(({ key }) => key.endsWith('.cpu')) as Event<'state'>;
    live.write([{ ...cpu, data: { of: 'node', value: null } }]);
    live.second();
    channel.tick?.();
    expect(next().gone).toEqual(expect.arrayContaining(['node cpu', 'writes cpu metric']));
  });

  it('shows writers that say nothing of themselves, and only what may be seen', () => {
    const live = graphed();
    const write = createWriter();
    live.write(statesOf(['web-1'], start));
    live.write([
      write({
        kind: 'incident',
        host: 'web-1',
        resource: ['door'],
        time: start,
        node: 'script',
        data: { what: 'opened', severity: 'info' },
      }),
    ]);
    live.second();
    expect(live.open().first.set['node script']).toMatchObject({ sort: 'other', size: 1 });
    expect(live.open({}, lookerOf('t1', 'viewer', 'acme.other')).first.set).toEqual({});
    expect(live.open({ servers: ['acme.shop.prod.web-9'] }).first.set).toEqual({});
  });

  it('opens a name into its servers', () => {
    const live = graphed();
    live.write(statesOf(['web-1', 'web-2'], start));
    const { set, total } = live.open({ of: 'cpu' }).first;
    expect(total).toBe(2);
    expect(Object.values(set).map(({ host, condition }) => [host, condition])).toEqual([
      ['web-2', 'silent'],
      ['web-1', 'running'],
    ]);
  });
});
