import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMeter, nodeOf, rateOf } from './meter.ts';

const at = (node: string, key = 'acme.shop.prod.web-1.cpu', kind = 'metric' as const) => ({
  kind,
  source: `/acme/shop/prod/web-1/${node}`,
  key,
});

describe('the meter', () => {
  it('counts each stream by itself, in seconds that are over', () => {
    const meter = createMeter();
    for (let second = 0; second < 20; second++) {
      meter.take(at('cpu'));
      for (let times = 0; times < 5; times++) meter.take(at('disk'));
      meter.tick();
    }
    meter.take(at('cpu'));
    const [cpu, disk] = meter.streams();
    expect(cpu).toMatchObject({ node: 'cpu', recent: 10, minute: 20, total: 21 });
    expect(disk).toMatchObject({ node: 'disk', recent: 50, minute: 100, total: 100 });
    expect([cpu, disk].map((stream) => stream && rateOf(stream, meter.seconds))).toEqual([1, 5]);
  });

  it('agrees with a plain count, whatever comes when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 90 }),
        (seconds, pause) => {
          const meter = createMeter();
          const counted: number[] = [];
          for (const [index, count] of seconds.entries()) {
            for (let times = 0; times < count; times++) meter.take(at('cpu'));
            counted.push(count);
            meter.tick();
            // Now and then nothing comes for long, longer than a ring goes round.
            for (let quiet = 0; index % 97 === 0 && quiet < pause; quiet++) {
              meter.tick();
              counted.push(0);
            }
          }
          const sum = (last: number) => counted.slice(-last).reduce((all, each) => all + each, 0);
          const [stream] = meter.streams();
          if (stream) expect([stream.recent, stream.minute]).toEqual([sum(10), sum(60)]);
          else expect(counted.every((count) => count === 0)).toBe(true);
        },
      ),
    );
  });

  it('forgets what was silent for long, and holds no more than it may', () => {
    const meter = createMeter(3);
    for (const name of ['a', 'b', 'c', 'd', 'e']) meter.take(at(name));
    expect(meter.streams().map(({ node, total }) => [node, total])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
      ['', 2],
    ]);
    for (let second = 0; second < 700; second++) {
      meter.take(at('a'));
      meter.tick();
    }
    expect(meter.streams().map(({ node }) => node)).toEqual(['a', '']);
    meter.take(at('new'));
    meter.tick();
    expect(meter.streams().find(({ node }) => node === 'new')).toMatchObject({ recent: 1, minute: 1 });
  });

  it('takes the name of a writer from its source, and of a stranger all', () => {
    expect(['/a/b/c/d/cpu', '/a/b/c/d/x%2Fy', 'script', '/a/b/c/d/%zz'].map(nodeOf)).toEqual(['cpu', 'x/y', 'script', '%zz']);
  });
});
