/** Rules evolved from made weeks: what they catch, how often they fire, what is admitted, and that the number is the replay's own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { seeded } from '../../test/fixtures/day.ts';
import { paintFor } from '../cli/screen.ts';
import type { Event } from '../event.ts';
import type { Coverage, Received } from '../history.ts';
import type { PlacedFilter } from '../node.ts';
import { memoryHistory } from '../testing/history.ts';
import { backtest } from './backtest.ts';
import { frequency } from './frequency.ts';
import { type Asked, type Proposed, propose } from './propose.ts';
import { addTo, type Entry } from './rule.ts';
import { rulesOf, showProposed } from './show-propose.ts';
import { writeEntry } from './write.ts';

const start = Date.UTC(2026, 2, 2);
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const folder = mkdtempSync(join(tmpdir(), 'sluice-propose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tried = (config: object): PlacedFilter => ({
  name: 'threshold',
  node: threshold,
  config: threshold.config.parse(config),
  confighash: 'abc',
  reads: threshold.in,
});
const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
const today = { about, filters: [tried({})] };

/** A value each five minutes. */
function past(days: number, value: (at: number) => number, name = 'system.memory.utilization', unit = '1'): Received[] {
  return Array.from({ length: days * 288 }, (_, index): Received => {
    const time = start + index * 5 * minute;
    const attributes = { 'system.memory.state': 'used' };
    const data = { points: [{ name, unit, attributes, value: value(time) }] };
    const event: Event<'metric'> = {
      id: `m${index}`,
      kind: 'metric',
      key: 'acme.shop.prod.web-1.memory',
      source: '/a/b/c/web-1/memory',
      time,
      data,
    };
    return { event, received: time + 50 };
  });
}

/** Peaks of ten minutes each six hours, and 40 minutes of trouble on the 5th, 12th and 25th day. */
function weeks(): Received[] {
  const random = seeded(11);
  const troubles = [5, 12, 25].map((each) => start + each * day + 3 * hour);
  return past(28, (at) => {
    if (troubles.some((from) => at >= from && at < from + 40 * minute)) return 0.94 + 0.01 * random();
    if ((at - start) % (6 * hour) < 10 * minute) return 0.97;
    return 0.5 + 0.1 * Math.sin(((at - start) / day) * 2 * Math.PI) + 0.02 * random();
  });
}

const asked: Asked = {
  ...{ host: 'web-1', resource: 'memory', from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
  ...{ alerts: 1, side: 'above', severity: 'warning', marks: [] },
};
const evolve = (kept: readonly Received[], more: Partial<Asked> = {}, coverage?: readonly Coverage[]): Promise<Proposed> =>
  propose(memoryHistory(kept, coverage), tried({}), today, { ...asked, ...more });
const only = ({ proposals: [first] }: Proposed) => {
  if (!first) throw new Error('nothing was proposed');
  return first;
};

describe('a rule', () => {
  it('catches the troubles and not the peaks, and fires as often as it says', async () => {
    const kept = weeks();
    const found = await evolve(kept);
    const { chosen, today: now } = only(found);
    expect(chosen).toMatchObject({ caught: 3, troubles: 3, whole: { count: 3 }, fit: { count: 2 }, test: { count: 1 } });
    expect(chosen?.whole.perWeek).toBeCloseTo(0.75, 2);
    expect(chosen?.level.for).toBeGreaterThan(minute);
    expect(now).toEqual([{ rule: 'memory-used', fired: 3 }]);

    const entry = rulesOf(found) as Entry;
    const { use: _, name: __, read: ___, ...config } = entry;
    const again = await backtest(memoryHistory(kept), { about, filters: [tried(config)] }, { from: start, to: start + 28 * day });
    expect(again.would.map(({ from }) => from)).toEqual(chosen?.would.map(({ from }) => from));
  });

  it('is told with its number, its uncertainty and the split, and with the YAML to paste', async () => {
    const found = await evolve(weeks());
    const text = showProposed(found, paintFor({}));
    expect(text).toContain('coverage: raw 27d23h');
    expect(text).toMatch(
      /system\.memory\.utilization \(used\): 8064 values of 1 series\n {2}above \d+\.?\d* % for \d+m, over at \d+\.?\d* % \(warning\)/,
    );
    expect(text).toContain('expect 0.75 alerts a week: it fires 3 in the 4 weeks that are known (90 % sure: 0.2 to 1.9 a week)');
    expect(text).toContain('fitted to the first two thirds: 2 in 2.7 weeks; tested on the rest: 1 in 1.3 weeks');
    expect(text).toContain("today's rule memory-used fires 3 on the same past");
    const yaml = parseYaml(text.slice(text.indexOf('nodes:')));
    expect(yaml).toEqual({ nodes: [rulesOf(found)] });
    expect(yaml.nodes[0]).toMatchObject({
      use: 'threshold',
      name: 'proposed-web-1-memory',
      read: { host: 'web-1', resource: 'memory' },
      defaults: 'off',
    });
  });

  it('catches what a person marked, where no rule of today looks', async () => {
    const queue = (at: number): number =>
      at >= start + 9 * day && at < start + 9 * day + 30 * minute ? 80 : at % hour < 10 * minute ? 100 : 10 + ((at / minute) % 17);
    const marked = only(await evolve(past(28, queue, 'app.depth', '{job}'), { marks: [start + 9 * day + 10 * minute] }));
    expect(marked).toMatchObject({ today: [], chosen: { caught: 1, troubles: 1, whole: { count: 1 } } });
    const unmarked = only(await evolve(past(28, queue, 'app.depth', '{job}'))).chosen;
    expect(unmarked?.whole.perWeek).toBeLessThanOrEqual(1);
    expect(unmarked?.remarks.join()).toContain('it tells what was rare, not what was wrong');
  });

  it('can be of values that are too low', async () => {
    const free = (at: number) => (at >= start + 9 * day && at < start + 9 * day + 30 * minute ? 3 : 50 + ((at / minute) % 19));
    const { chosen } = only(await evolve(past(14, free, 'app.free', '{slot}'), { side: 'below', marks: [start + 9 * day] }));
    expect(chosen).toMatchObject({ caught: 1, level: { sign: -1 } });
    expect(chosen?.rule).toMatchObject({ warning: { below: chosen?.level.limit } });
  });
});

describe('admits', () => {
  const noise = (size: number) => {
    const random = seeded(5);
    return () => 0.5 + size * random();
  };
  it.each([
    ['what is too short', past(1, noise(0.1)).slice(0, 140), 'too little is known of it: 140 values within 11.6 hours'],
    ['what never changes', past(14, () => 0.5), 'it was 0.5 all the time'],
  ])('%s', async (_, kept, reason) => {
    const found = await evolve(kept);
    expect(only(found)).toMatchObject({ chosen: undefined, reason: expect.stringContaining(reason) });
    expect(rulesOf(found)).toBeUndefined();
    expect(showProposed(found, paintFor({}))).toContain(`no rule: ${reason}`);
  });

  it('that a past by the hour tells no rule, and one by the minute no rule of seconds', async () => {
    const span = { from: start, to: start + 14 * day };
    const byHour = await evolve(weeks(), {}, [{ ...span, resolution: 'hour' }]);
    expect(byHour).toMatchObject({ coverage: [], proposals: [] });
    expect(showProposed(byHour, paintFor({}))).toContain('nothing is known of that time but by the hour, and no rule follows from that');
    const stats = weeks().map(({ event, received }): Received => {
      const [from, to] = [event.time - minute, event.time].map((at) => new Date(at).toISOString());
      const [point] = event.kind === 'metric' ? event.data.points : [];
      const { value = 0, ...what } = point ?? {};
      const data = { from, to, series: [{ ...what, count: 1, sum: value, min: value, max: value, last: value }] };
      return { event: { ...event, kind: 'stat', data } as Event, received };
    });
    const { chosen } = only(await evolve(stats, {}, [{ ...span, to: start + 28 * day, resolution: 'minute' }]));
    expect(chosen).toMatchObject({ caught: 3, troubles: 3 });
    expect(chosen?.level.for).toBeGreaterThanOrEqual(minute);
    expect(chosen?.remarks.join()).toContain('peaks within a minute are not counted');
  });

  it('that few alerts cannot be measured in little time', async () => {
    const { chosen } = only(await evolve(past(3, noise(0.1)), { alerts: 0.5 }));
    expect(chosen?.remarks.join()).toContain('too short to measure so few alerts');
  });

  it('that every rule would fire too often', async () => {
    // Each time as long as the last, far longer than any rule of a person's waits.
    const wild = past(28, (at) => ((at - start) % (30 * hour) < 14 * hour ? 0.8 : 0.2));
    expect(only(await evolve(wild, { side: 'below' }))).toMatchObject({
      chosen: undefined,
      reason: expect.stringMatching(/raise --alerts|nothing was ever far below/),
    });
  });
});

it('leaves out what no rule of today judges, unless it is named', async () => {
  const both = [...weeks(), ...past(28, (at) => at % 97, 'app.depth')].sort((one, other) => one.received - other.received);
  expect(await evolve(both)).toMatchObject({ proposals: [{ metric: 'system.memory.utilization' }], others: ['app.depth'] });
  expect(await evolve(both, { metric: 'app.depth' })).toMatchObject({ proposals: [{ metric: 'app.depth' }], others: [] });
});

it('says how sure a rate is, as the exact Poisson interval does', () => {
  // Of tables: 0 → 0 to 3.00, 1 → 0.051 to 4.74, 10 → 5.43 to 16.96.
  expect(frequency(0, 1)).toMatchObject({ least: 0, most: expect.closeTo(3, 1) });
  expect(frequency(1, 1)).toMatchObject({ least: expect.closeTo(0.051, 1), most: expect.closeTo(4.74, 1) });
  expect(frequency(10, 2)).toMatchObject({ perWeek: 5, least: expect.closeTo(5.43 / 2, 1), most: expect.closeTo(16.96 / 2, 1) });
});

describe('a file', () => {
  const entry: Entry = {
    use: 'threshold',
    name: 'proposed-web-1',
    read: { host: 'web-1' },
    defaults: 'off',
    rules: { high: { metric: 'a', warning: { above: 1 } } },
  };
  const text = '# ours\nhost: hub-1 # the second\nnodes:\n  # mine\n  - {use: ./mine.ts, limit: 0.9}\n';

  it('gets the rule and keeps its comments', () => {
    const added = addTo(text, entry, 'a.yaml');
    for (const kept of ['# ours', 'host: hub-1 # the second', '# mine', '{ use: ./mine.ts, limit: 0.9 }'])
      expect(added.replace(/\{use(.*)0\.9\}/, '{ use$1 0.9 }').replace(/ +/g, ' ')).toContain(kept);
    expect(parseYaml(added)).toEqual({ host: 'hub-1', nodes: [{ use: './mine.ts', limit: 0.9 }, entry] });
    const second = addTo(added, { ...entry, rules: { low: { metric: 'a', warning: { below: 1 } } } }, 'a.yaml');
    expect(parseYaml(second).nodes).toHaveLength(2);
    expect(Object.keys(parseYaml(second).nodes[1].rules)).toEqual(['high', 'low']);
    expect(second).toContain('# mine');
  });

  it('is made where there is none, and left alone where it is no config', async () => {
    const fresh = join(folder, 'fresh.yaml');
    await writeEntry(fresh, entry);
    expect(parseYaml(readFileSync(fresh, 'utf8'))).toEqual({ nodes: [entry] });
    for (const [index, wrong] of ['- a\n', 'nodes: 3\n', 'a: [\n', 'hots: x\n'].entries()) {
      const file = join(folder, `wrong-${index}.yaml`);
      writeFileSync(file, wrong);
      await expect(writeEntry(file, entry)).rejects.toThrow();
      expect(readFileSync(file, 'utf8')).toBe(wrong);
    }
  });
});
