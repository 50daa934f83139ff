/**
 * Two hours of a fleet on a time of its own, with all that is taken for a death elsewhere: every verdict right, none missing,
 * none late. The whole day is in `test/faults/silence.test.ts`.
 */
import { expect, it } from 'vitest';
import { judgedDay } from '../fixtures/fleet/judged.ts';

const minute = 60_000;

it('two hours, two rosters: every silence told once and in time, and nothing else', { timeout: 180_000 }, () => {
  const day = judgedDay(7, { hours: 2, servers: 80, watchers: 2, faultEvery: 30 * minute, troubleEvery: 15 * minute });
  console.log(day.text);
  expect({ wrong: day.wrong, missed: day.missed, late: day.late, untrue: day.untrue }).toEqual({
    wrong: [],
    missed: [],
    late: [],
    untrue: [],
  });
  expect(day.right).toBeGreaterThan(100);
  expect(day.states).toBeGreaterThan(10_000);
});
