/** When a channel that refuses is opened anew. That it must be is seen in `test/faults/cluster.test.ts`. */
import { expect, it } from 'vitest';
import { virtualClock } from '../clock.ts';
import { createRenewal } from './renewal.ts';

function made() {
  const clock = virtualClock();
  const renewal = createRenewal(clock);
  let renewed = 0;
  const open = () =>
    renewal.opened(() => {
      renewed += 1;
    });
  return { clock, renewal, open, renewed: () => renewed };
}

it('opens anew a channel that refuses from the start, after a second, once however much it refuses', async () => {
  const { clock, renewal, open, renewed } = made();
  open();
  for (let count = 0; count < 100; count++) renewal.refused();
  await clock.advance(999);
  expect(renewed()).toBe(0);
  await clock.advance(1);
  expect(renewed()).toBe(1);
  await clock.advance(60_000);
  expect(renewed()).toBe(1);
});

it('leaves alone a channel that was well for a while, one that is gone, and one that takes everything', async () => {
  const { clock, renewal, open, renewed } = made();
  open();
  await clock.advance(10_001);
  renewal.refused();
  open();
  renewal.refused();
  renewal.closed();
  renewal.refused();
  open();
  await clock.advance(60_000);
  expect(renewed()).toBe(0);
});

it('tries five times on a connection, ever more slowly, and again on the next', async () => {
  const { clock, renewal, open, renewed } = made();
  const times: number[] = [];
  for (let round = 0; round < 8; round++) {
    open();
    renewal.refused();
    const before = renewed();
    let waited = 0;
    for (; waited < 60 && renewed() === before; waited++) await clock.advance(1000);
    times.push(waited);
  }
  expect(times).toEqual([1, 2, 4, 8, 16, 60, 60, 60]);
  renewal.connected();
  open();
  renewal.refused();
  await clock.advance(1000);
  expect(renewed()).toBe(6);
});
