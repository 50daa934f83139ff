/** Forecast on synthetic weeks: noise, rotations, gaps, clocks; what it says, and when it lets go. */
import type { Step } from 'sluice';
import { keyOn, play } from 'sluice/testing';
import { describe, expect, test } from 'vitest';
import { courseOf, type Look } from './course.ts';
import forecast from './forecast.ts';

const attributes = { 'system.filesystem.mountpoint': '/var', 'system.filesystem.state': 'used' };
const look = (minute: number, share: number, more: Record<string, string> = {}, arrives = minute): Step => ({
  at: `${arrives}m`,
  event: {
    kind: 'metric',
    key: keyOn('web-1', 'filesystem'),
    time: `${minute}m`,
    data: { points: [{ name: 'system.filesystem.utilization', value: Math.min(1, share), attributes: { ...attributes, ...more } }] },
  },
});
const weeks = (hours: number, share: (hour: number) => number, more?: Record<string, string>): Step[] =>
  Array.from({ length: hours * 12 }, (_, index) => look(index * 5, share(index / 12), more));
const alerts = (steps: Step[]) => play(forecast, {}, steps).came.flatMap((came) => (came.kind === 'alert' ? [came] : []));
const brief = (steps: Step[]) => alerts(steps).map(({ at, data }) => `${Math.round(at / 3_600_000)}h ${data.status} ${data.severity}`);
/** From -1 to 1, the same each time. */
const noise = (hour: number): number => ((Math.round(hour * 12) * 7919) % 2001) / 1000 - 1;

describe('says when it will be full', () => {
  test('through noise, with a time that is near the truth', () => {
    const came = alerts(weeks(96, (hour) => 0.4 + 0.01 * Math.max(0, hour - 30) + 0.004 * noise(hour)));
    expect(came.map(({ data }) => `${data.status} ${data.severity}`)).toEqual(['firing warning', 'firing critical']);
    const [warning] = came;
    const full = 90 * 3600;
    const said = (warning?.at ?? 0) / 1000 + (warning?.data.value ?? 0);
    expect(Math.abs(said - full)).toBeLessThan(0.2 * (full - (warning?.at ?? 0) / 1000));
    expect(warning?.data.summary).toMatch(/^\/var is 7\d % full and grows \d\.\d % an hour: full in about \d+h\d+m \(\d+h\d+m to .+\)$/);
    expect(warning?.data.action).toContain('du -xh');
  });

  test('of inodes too, and each mount by itself', () => {
    const filling = (hour: number) => 0.3 + 0.012 * hour;
    const steps = weeks(50, filling).flatMap((step): Step[] => {
      if (!('event' in step)) return [];
      const inodes = structuredClone(step);
      const [point] = (inodes.event.data as { points: { name: string }[] }).points;
      if (point) point.name = 'system.filesystem.inodes.utilization';
      return [step, inodes];
    });
    expect(new Set(alerts(steps).map(({ data }) => data.rule))).toEqual(
      new Set(['filesystem-space-forecast', 'filesystem-inodes-forecast']),
    );
  });

  test('over an hour of which nothing is known', () => {
    const steps = weeks(46, (hour) => 0.3 + 0.012 * hour);
    expect(brief([...steps.slice(0, 380), ...steps.slice(392)])[0]).toBe('35h firing warning');
  });
});

describe('stays quiet', () => {
  test.each([
    ['a daily rotation, for weeks', 24 * 21, (hour: number) => 0.5 + 0.012 * (hour % 24) + 0.003 * noise(hour)],
    ['a rotation each six hours', 24 * 7, (hour: number) => 0.6 + 0.04 * (hour % 6)],
    ['a drift far from full', 24 * 14, (hour: number) => 0.2 + 0.001 * hour + 0.004 * noise(hour)],
    ['a drift near full, slow as it is', 24 * 7, (hour: number) => 0.85 + 0.0003 * hour + 0.002 * noise(hour)],
    ['noise alone', 24 * 7, (hour: number) => 0.8 + 0.02 * noise(hour)],
    ['a fast rise far from full', 48, (hour: number) => (hour < 30 ? 0.1 : Math.min(0.65, 0.1 + 0.1 * (hour - 30)))],
    ['a daily wave', 24 * 14, (hour: number) => 0.75 + 0.04 * Math.sin((hour * Math.PI) / 12)],
  ])('on %s', (_, hours, share) => {
    expect(brief(weeks(hours, share))).toEqual([]);
  });

  test('on what cannot fill up', () => {
    const filling = (hour: number) => 0.3 + 0.012 * hour;
    expect(brief(weeks(50, filling, { 'system.filesystem.mode': 'ro' }))).toEqual([]);
    expect(brief(weeks(50, filling, { 'system.filesystem.type': 'squashfs' }))).toEqual([]);
    expect(brief(weeks(50, (hour) => 1 - filling(hour), { 'system.filesystem.state': 'free' }))).toEqual([]);
  });
});

test('a rotation that no longer comes is told once its peak is passed', () => {
  const rotating = (hour: number) => 0.5 + 0.012 * (hour % 24) + 0.01 * Math.floor(hour / 24);
  expect(brief(weeks(24 * 4, rotating))).toEqual([]);
  expect(brief(weeks(110, (hour) => (hour < 72 ? rotating(hour) : 0.5 + 0.012 * (hour - 72))))[0]).toBe('100h firing warning');
});

describe('lets go', () => {
  const filling = (hour: number) => 0.3 + 0.012 * hour;

  test('when it grows no more, and not before it is sure', () => {
    const stops = (hour: number) => filling(Math.min(hour, 40)) + 0.002 * noise(hour);
    const came = brief(weeks(60, stops));
    expect(came).toHaveLength(2);
    expect(came[1]).toMatch(/^4[12]h resolved warning$/);
  });

  test('of one that is silent for an hour, but not while the pipe is broken', () => {
    const steps = weeks(40, filling);
    expect(brief([...steps, { at: '43h' }]).at(-1)).toBe('41h resolved warning');
    const cut: Step = { at: '40h', pipe: { connected: false, caughtUp: false } };
    expect(brief([...steps, cut, { at: '60h' }])).toEqual(['35h firing warning']);
  });

  test('of nothing because of points of the future, or of the past', () => {
    const steps = weeks(40, filling);
    const odd = [look(40 * 60 * 24, 0.1, {}, 2400), look(10, 0.1, {}, 2401)];
    const later = Array.from({ length: 24 }, (_, index) => look(2405 + index * 5, filling(40 + index / 12)));
    expect(brief([...steps, ...odd, ...later])).toEqual(['35h firing warning']);
  });
});

test('a course needs six hours that are known well', () => {
  const looks = (count: number, every = 1): Look[] => Array.from({ length: count }, (_, index) => [index * every, index / 1000]);
  expect(courseOf(looks(70))).toBeUndefined();
  expect(courseOf(looks(36, 2))).toBeUndefined();
  expect(courseOf([])).toBeUndefined();
  expect(courseOf(looks(72))).toMatchObject({ share: 0.071, rate: expect.closeTo(0.012) });
});
