import { expect, it } from 'vitest';
import { virtualClock } from '../clock.ts';
import type { Event } from '../event.ts';
import { author } from './author.ts';
import { startLosing } from './losing.ts';

it('tells for five minutes what was lost within them, however much, and then that all is well', async () => {
  const clock = virtualClock();
  const told: (readonly [string, number])[][] = [];
  const counts = { holes: 1000, dropped: 0 };
  const changed: number[] = [];
  const placed = { name: 'probe', health: { counts } };
  const place = { company: 'a', system: 'b', environment: 'c' };
  const stop = startLosing(
    {
      clock,
      authorOf: (name) => author({ place, host: 'hub-1', bootid: 'boot' }, name),
      committer: {
        commit: async ({ events }) =>
          void told.push((events as Event<'metric'>[]).flatMap(({ data }) => data.points.map((one) => [one.name, one.value] as const))),
        stop() {},
      },
      outbox: { counts } as never,
    },
    [placed as never],
    (nodes) => void changed.push(nodes.length),
  );
  // What an earlier run lost is no news.
  await clock.advance(60_000);
  expect(told).toEqual([]);
  counts.holes += 5000;
  counts.dropped = 7;
  await clock.advance(30_000);
  counts.holes -= 1;
  await clock.advance(330_000);
  const values = told.map((points) => points.map(([, value]) => value));
  expect(values.slice(0, 3)).toEqual([
    [5000, 7],
    [4999, 7],
    [4999, 7],
  ]);
  expect(values.filter(([lost]) => lost !== 0)).toHaveLength(10);
  expect(values.at(-1)).toEqual([0, 0]);
  expect(changed).toEqual([1, 1]);
  stop();
});
