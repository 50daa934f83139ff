import { type Event, virtualClock } from 'sluice';
import { describe, expect, it } from 'vitest';
import { createWriter, statesOf } from '../../../test/browser/imitate.ts';
import { createMemory } from './memory.ts';
import { createPresent } from './present.ts';

const time = virtualClock().now();
const write = createWriter();
const log = (bytes: number): Event =>
  write({ kind: 'log', host: 'a', resource: ['log'], time, data: { lines: [{ body: 'x'.repeat(bytes), severity: 'info' }] } });
const metric = (attributes = {}): Event<'metric'> =>
  write({
    kind: 'metric',
    host: 'a',
    resource: ['cpu'],
    time,
    data: { points: [{ name: 'load', value: 1, attributes }] },
  }) as Event<'metric'>;
const metrics: ReadonlySet<Event['kind']> = new Set(['metric']);
const both: ReadonlySet<Event['kind']> = new Set(['metric', 'log']);

describe('memory', () => {
  it('forgets after its time', () => {
    const memory = createMemory({ ticks: 3, bytes: 1e6 });
    memory.add(metric());
    for (let tick = 0; tick < 3; tick++) memory.tick();
    memory.add(metric());
    expect(memory.size).toBe(2);
    memory.tick();
    expect(memory.size).toBe(1);
    for (let tick = 0; tick < 3; tick++) memory.tick();
    expect([memory.size, memory.bytes]).toEqual([0, 0]);
  });

  it('keeps the latest log lines of a quiet machine, however old', () => {
    const memory = createMemory({ ticks: 3, bytes: 1e6 });
    for (let index = 0; index < 80; index++) memory.add(log(10));
    for (let tick = 0; tick < 5; tick++) memory.tick();
    expect(memory.size).toBe(50);
  });

  it('stays within its bytes, and a flood of one kind costs the others nothing', () => {
    const memory = createMemory({ ticks: 600, bytes: 100_000 });
    memory.add(metric());
    for (let index = 0; index < 1000; index++) {
      memory.add(log(1000));
      expect(memory.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(memory.entries(metrics)).toHaveLength(1);
    const orders = memory.entries(both).map((entry) => entry.order);
    expect(orders).toEqual([...orders].sort((one, other) => one - other));
    expect(orders.at(-1)).toBe(1000);
  });
});

describe('the present', () => {
  it('keeps the last of each key, within its bytes, while it is said', () => {
    const memory = createMemory({ ticks: 600, bytes: 1e6 });
    const present = createPresent({ ticks: 2, bytes: 20_000 });
    const say = (host: string) => {
      for (const event of statesOf([host], time)) present.take(event as Event<'state'>, memory.add(event));
    };
    say('a');
    say('a');
    expect(present.entries()).toHaveLength(4);
    for (let index = 0; index < 100; index++) say(`host-${index}`);
    expect(present.bytes).toBeLessThanOrEqual(20_000);
    expect(present.all('server').some((server) => server.host === 'host-99')).toBe(true);
    for (let tick = 0; tick < 3; tick++) memory.tick();
    present.tick(memory.now);
    expect([present.entries(), present.bytes]).toEqual([[], 0]);
  });
});
