/** A rule of two levels on a past that is known by the minute, then as it was: what each level may tell where. */
import { expect, it } from 'vitest';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import type { Event } from '../event.ts';
import type { Coverage, Received } from '../history.ts';
import type { Data } from '../kinds.ts';
import { memoryHistory } from '../testing/history.ts';
import { backtest } from './backtest.ts';
import type { Trial } from './replay.ts';

const [second, minute] = [1000, 60_000];
const start = Date.UTC(2026, 0, 1);
const [raw, end] = [start + 20 * minute, start + 40 * minute];
const coverage: Coverage[] = [
  { from: start, to: raw, resolution: 'minute' },
  { from: raw, to: end, resolution: 'raw' },
];
const key = 'acme.shop.prod.web-1.cpu';
const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };

const trialOf = (rules: object): Trial => ({
  about,
  filters: [
    {
      name: 'threshold',
      node: threshold,
      config: threshold.config.parse({ defaults: 'off', rules }),
      confighash: 'abc',
      reads: threshold.in,
    },
  ],
});
const warning = { above: 0.5, for: '2m' };
const critical = { above: 0.5, for: '30s' };
const both = trialOf({ load: { metric: 'load', warning, critical } });

/** From minute 5 to 12, and for 50 s of minute 30. */
const twice = (at: number): boolean => (at >= 5 * minute && at < 12 * minute) || (at >= 30 * minute && at < 30 * minute + 50 * second);

/** A value each minute, then each ten seconds. */
function past(isHigh = twice): Received[] {
  const kept: Received[] = [];
  for (let at = minute; at <= 20 * minute; at += minute) {
    const [value, from, to] = [isHigh(at) ? 1 : 0, ...[at - minute, at].map((each) => new Date(start + each).toISOString())] as const;
    const series = [{ name: 'load', count: 1, sum: value, min: value, max: value, last: value }];
    const data = { from: from ?? '', to: to ?? '', series };
    const event: Event<'stat'> = { id: `s${at}`, kind: 'stat', key, source: '/acme/shop/prod/hub-1/rollup', time: start + at, data };
    kept.push({ event, received: start + at - 1 });
  }
  for (let at = 20 * minute; at < 40 * minute; at += 10 * second) {
    const data = { points: [{ name: 'load', value: isHigh(at) ? 1 : 0 }] };
    const event: Event<'metric'> = { id: `m${at}`, kind: 'metric', key, source: '/acme/shop/prod/web-1/cpu', time: start + at, data };
    kept.push({ event, received: start + at });
  }
  return kept;
}

/** What was told at the time, of values each second: by the worse level, which includes the milder. */
function told(firedAt: number, endedAt: number): Received[] {
  return (['firing', 'resolved'] as const).map((status) => {
    const time = start + (status === 'firing' ? firedAt : endedAt);
    const since = new Date(start + firedAt - 30 * second).toISOString();
    const data: Data<'alert'> = { rule: 'load', status, severity: 'critical', summary: 'high', since, evidence: [] };
    const event: Event<'alert'> = { id: `${status}${time}`, kind: 'alert', key, source: '/acme/shop/prod/hub-1/threshold', time, data };
    return { event, received: time };
  });
}
const inOrder = (kept: readonly Received[]): Received[] => [...kept].sort((one, other) => one.received - other.received);
const minutesOf = (from: number): number => (from - start) / minute;

it('the level that can be judged by the minute fires there, and the quicker one where the past is known as it was', async () => {
  const { would, unjudged } = await backtest(memoryHistory(past(), coverage), both, { from: start, to: end });
  expect(unjudged).toMatchObject([{ rule: 'load', severity: 'critical', resolution: 'minute' }]);
  expect(would.map(({ severity, from, to }) => [severity, minutesOf(from), to && minutesOf(to)])).toEqual([
    ['warning', 7, 12],
    ['critical', 30.5, 30 + 50 / 60],
  ]);
});

it('what goes on from the one into the other is one alert, which the quicker level raises', async () => {
  const kept = past((at) => at >= 15 * minute && at < 22 * minute);
  const { would } = await backtest(memoryHistory(kept, coverage), both, { from: start, to: end });
  expect(would.map(({ severity, from, to }) => [severity, minutesOf(from), to && minutesOf(to)])).toEqual([['critical', 17, 22]]);
});

it('what was told at the time by the quicker level counts as the milder one, where it lasted as long as that needs', async () => {
  const long = told(5.5 * minute, 12 * minute);
  const short = told(15.5 * minute, 16 * minute);
  const history = memoryHistory(inOrder([...past(), ...long, ...short]), coverage);
  const { did, compared } = await backtest(history, both, { from: start, to: end });
  expect(did.map(({ severity, from }) => [severity, minutesOf(from)])).toEqual([['warning', 7]]);
  expect(compared.same).toHaveLength(1);
});

it('a level that either of two trials cannot judge is judged in neither', async () => {
  const slow = trialOf({ load: { metric: 'load', warning, critical: { above: 0.5, for: '3m' } } });
  const { compared } = await backtest(memoryHistory(past(), coverage), both, { from: start, to: raw }, slow);
  expect(compared).toMatchObject({ same: [{ now: { severity: 'warning' }, before: { severity: 'warning' } }], added: [], gone: [] });
});
