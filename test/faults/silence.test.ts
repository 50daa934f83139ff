/**
 * A day of a fleet on a time of its own: servers that are killed, shut down, suspended, cloned, retired, lost by the rack, whose
 * clocks are an hour off; watchers that are killed, cut off for minutes, stopped and suspended, whose own clocks are wrong; a
 * broker that takes nothing for a while. What must be told is found by an oracle that looks at the whole day at once.
 */
import { describe, expect, it } from 'vitest';
import { judgedDay } from '../fixtures/fleet/judged.ts';

const minute = 60_000;
const short = process.env.SLUICE_SHORT === '1';
const hours = short ? 2 : 24;
const servers = short ? 80 : 200;

describe(`${hours} hours of ${servers} servers`, { timeout: 3_600_000 }, () => {
  it.each([
    { watchers: 1, seed: 2026 },
    { watchers: 2, seed: 2026 },
    { watchers: 2, seed: 2027 },
  ])('with $watchers watchers, seed $seed: 0 false, 0 missed, at most a second late', ({ watchers, seed }) => {
    const day = judgedDay(seed, { hours, servers, watchers, faultEvery: 40 * minute, troubleEvery: 20 * minute });
    console.log(day.text);
    expect({ wrong: day.wrong, missed: day.missed, late: day.late, untrue: day.untrue }).toEqual({
      ...{ wrong: [], missed: [], late: [], untrue: [] },
    });
    if (short) return;
    // A day in which nothing happened would prove nothing.
    for (const fault of [
      'kill -9',
      'clean shutdown',
      'suspended or cut off',
      'clock wrong',
      'cloned image',
      'retired by a person',
      'scale-in',
    ])
      expect(day.faults[fault], fault).toBeGreaterThan(50);
    for (const trouble of [
      'rack lost',
      'zone lost',
      'broker held up',
      'watcher cut',
      'watcher killed',
      'watcher stopped',
      'watcher suspended',
    ])
      expect(day.faults[trouble], trouble).toBeGreaterThan(2);
  });
});
