/** A recorded day with three incidents and a fourth that stayed just under: tried again, explained, and its silence explained. */
import { beforeAll, describe, expect, it } from 'vitest';
import rollup from '../../nodes/filters/rollup/rollup.ts';
import roster from '../../nodes/filters/roster/roster.ts';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { dayEnd, dayRules, dayStart, onDay, recordedDay } from '../../test/fixtures/day.ts';
import { paintFor } from '../cli/screen.ts';
import type { Event } from '../event.ts';
import type { Coverage, History, Received } from '../history.ts';
import { memoryHistory } from '../testing/history.ts';
import { type Came, play, playStart } from '../testing/index.ts';
import { backtest } from './backtest.ts';
import { replay, type Trial } from './replay.ts';
import { showBacktest } from './show-backtest.ts';
import { targetOf } from './target.ts';
import { why } from './why.ts';
import { whyNot } from './why-not.ts';

const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
const policycommit = `9c02f31ab0d4${'0'.repeat(28)}`;
const span = { from: dayStart, to: dayEnd };
const trialOf = (rules: object): Trial => ({
  about,
  filters: [
    { name: 'threshold', node: threshold, config: threshold.config.parse(rules), confighash: 'abc', policycommit, reads: threshold.in },
  ],
});

/** The day played to the filter by the testing kit, which has ticks and a clock of its own: what was told at the time. */
function liveRun(day: readonly Received[]): Received[] {
  const steps = day.map(({ event, received }) => ({
    at: `${received - dayStart}ms`,
    event: { kind: event.kind, key: event.key, data: event.data, source: event.source, time: new Date(event.time).toISOString() },
  }));
  const { came } = play(threshold, dayRules, steps);
  // The kit gives its inputs ids of its own, in their order.
  const own = idsByTime(day);
  return came.flatMap((one) => (one.kind === 'alert' ? [recordedAlert(one, own)] : []));
}

function recordedAlert(came: Extract<Came, { kind: 'alert' }>, own: Map<string, string>): Received {
  const { at, ...event } = came;
  // An alert's key says its host: of each host, one event a moment.
  const idAt = (time: number) => own.get(`${came.key.split('.')[3]} ${time}`) ?? '';
  const causes = [idAt(Date.parse(came.data.since)), idAt(came.time)];
  const lineage = { causationid: causes[1] ?? '', causes, nodeversion: '1', confighash: 'abc', policycommit };
  const data = { ...came.data, evidence: causes };
  const source = '/acme/shop/prod/hub-1/threshold';
  return { event: { ...event, ...lineage, data, source } as Event, received: dayStart + at + 1 };
}

const idsByTime = (day: readonly Received[]) =>
  new Map(day.map(({ event }) => [`${event.key.split('.')[3]} ${event.time}`, event.id] as const));

let day: Received[];
let alerts: Received[];
let history: History;
beforeAll(() => {
  day = recordedDay();
  alerts = liveRun(day);
  history = memoryHistory([...day, ...alerts].sort((one, other) => one.received - other.received));
}, 60_000);

const fired = () => alerts.filter(({ event }) => event.kind === 'alert' && event.data.status === 'firing');
const firstOf = (rule: string) => {
  const found = fired().find(({ event }) => event.kind === 'alert' && event.data.rule === rule)?.event;
  if (!found) throw new Error(`the day has no ${rule}`);
  return found;
};

describe('a backtest', () => {
  it('finds what the live run told, to the millisecond', async () => {
    const result = await backtest(history, trialOf(dayRules), span);
    expect(playStart % 86_400_000).toBe(0);
    expect(result.did.map(({ rule }) => rule).sort()).toEqual([
      'filesystem-space',
      'memory-used',
      ...Array.from({ length: 6 }, () => 'service-down'),
    ]);
    expect(result.compared).toMatchObject({ added: [], gone: [] });
    expect(result.compared.same).toHaveLength(8);
    for (const { now, before } of result.compared.same)
      expect([now.from, now.to, now.severity]).toEqual([before.from, before.to, before.severity]);
    expect(result).toMatchObject({ events: day.length, refused: 0, unjudged: [], unsaid: [] });
  });

  it('shows what a changed threshold adds and takes away, beside what was told', async () => {
    const changed = {
      rules: {
        ...dayRules.rules,
        'service-down': { ...dayRules.rules['service-down'], critical: { below: 1, for: '2m' } },
        'filesystem-space': { warning: { above: 0.9, clear: 0.88, for: '3m' } },
      },
    };
    const result = await backtest(history, trialOf(changed), span);
    expect(result.compared.gone.map(({ rule }) => rule)).toEqual(Array.from({ length: 6 }, () => 'service-down'));
    expect(result.compared.added).toMatchObject([{ rule: 'filesystem-space', from: onDay('02:13:40') }]);
    expect(result.compared.added[0]?.key).toContain('web-3');
    const text = showBacktest(result, { tried: 'disk.yaml' }, paintFor({}));
    expect(text).toContain('disk.yaml would fire 3 (fired 8): 2 the same, 1 new, 6 gone\ncoverage: raw 23h59m (');
    expect(text).toMatch(/new +2026-03-03 02:13:40 for \d+s +- +warning filesystem-space +web-3 filesystem \/data/);

    const versions = await backtest(history, trialOf(changed), span, trialOf(dayRules));
    expect(versions.compared).toEqual({ ...result.compared, same: versions.compared.same, gone: versions.compared.gone });
    expect(versions.compared.gone.map(({ from }) => from)).toEqual(result.compared.gone.map(({ from }) => from));
  });

  it('does not judge a rule where the past is known more coarsely than the rule needs, and says so', async () => {
    const noon = dayStart + 43_200_000;
    const coverage: Coverage[] = [
      { from: dayStart, to: noon, resolution: 'minute' },
      { from: noon, to: dayEnd, resolution: 'raw' },
    ];
    const minutes = day
      .filter(({ event }) => event.key.includes('web-4') && event.time % 60_000 === 0)
      .map(({ event, received }): Received => {
        if (event.kind !== 'metric') throw new Error('the day has metrics alone');
        const [from, to] = [event.time - 60_000, event.time].map((at) => new Date(at).toISOString());
        const series = event.data.points.map(({ name, value }) => ({
          name,
          count: 5,
          sum: 5 * value,
          min: value,
          max: value,
          last: value,
        }));
        return { event: { ...event, kind: 'stat', data: { from, to, series } } as Event, received };
      });
    const rolled = [...minutes, ...[...day, ...alerts].filter(({ event, received }) => event.kind !== 'metric' || received >= noon)];
    const past = memoryHistory(
      rolled.sort((one, other) => one.received - other.received),
      coverage,
    );
    const result = await backtest(past, trialOf(dayRules), span);
    expect(result.unjudged).toContainEqual({
      filter: 'threshold',
      rule: 'service-down',
      severity: 'critical',
      for: 30_000,
      from: dayStart,
      to: noon,
      resolution: 'minute',
    });
    // Not judged is neither new nor gone.
    expect(result.did.map(({ rule }) => rule)).toEqual(['filesystem-space', 'memory-used']);
    expect(result.compared.gone).toEqual([]);
    const text = showBacktest(result, { tried: 'x' }, paintFor({}));
    expect(text).toMatch(/coverage: by minute 12h .*; raw 12h/);
    expect(text).toMatch(/NOT judged where it is known by minute: .*service-down critical \(for: 30s\)/);
    const slow = { rules: { 'service-slow': { metric: 'app.up', warning: { below: 1, for: '1m' } } } };
    const judged = await backtest(past, trialOf({ defaults: 'off', ...slow }), span);
    expect(judged.unjudged).toEqual([]);
  });

  it('does not let time pass where nothing is known', async () => {
    const [from, to] = [onDay('13:00:00'), onDay('14:50:00')];
    const kept = day.filter(({ received }) => received < from || received >= to);
    const coverage: Coverage[] = [
      { from: dayStart, to: from, resolution: 'raw' },
      { from: to, to: dayEnd, resolution: 'raw' },
    ];
    const onHole = await backtest(memoryHistory(kept, coverage), trialOf(dayRules), span);
    const onSilence = await backtest(memoryHistory(kept), trialOf(dayRules), span);
    const ofDisk = (result: typeof onHole) => result.would.filter(({ rule }) => rule === 'filesystem-space').length;
    // Nearly two hours of silence are the end of an alert; two hours that nobody knows of are not.
    expect([ofDisk(onHole), ofDisk(onSilence)]).toEqual([1, 2]);
  });

  it('lets filters read one another, and leaves out what they made at the time', async () => {
    const both: Trial = {
      about,
      filters: [
        ...trialOf(dayRules).filters,
        { name: 'roster', node: roster, config: roster.config.parse({}), confighash: 'r', reads: roster.in },
      ],
    };
    const result = await backtest(history, both, span);
    expect(result.compared).toMatchObject({ added: [], gone: [] });
    expect(result.events).toBe(day.length);
  });
});

describe('why', () => {
  it.each([
    ['filesystem-space', 'system.filesystem.utilization', '/var'],
    ['memory-used', 'system.memory.utilization', 'used'],
    ['service-down', 'app.up', 'checkout'],
  ])('leads from %s to the points that caused it', async (rule, metric, series) => {
    const alert = firstOf(rule);
    const told = await why(history, alert);
    expect(told).toMatchObject({ rule, filter: { name: 'threshold', host: 'hub-1', nodeversion: '1', confighash: 'abc', policycommit } });
    const ids = told.causes.map((cause) => (cause.sort === 'event' ? cause.event.id : cause.sort));
    expect(ids).toEqual((alert as Event<'alert'>).data.evidence);
    const text = told.sentences.join('\n');
    expect(text).toContain('The filter threshold on hub-1 decided it (version 1, config abc, policy 9c02f31ab0d4).');
    expect(text).toMatch(new RegExp(`It was decided by the metric of .*:\n  ${metric}\\{.*${series}.*\\} was `));
    expect(text).toMatch(/From the first to the last of these, \d+ values of/);
  });

  it('leads from an alert about a stat through its ranges to the points', async () => {
    const stats: Received[] = [];
    const morning = day.filter(({ event }) => event.key.includes('web-4') && event.time < onDay('02:00:00'));
    const rolling = { name: 'rollup', node: rollup, config: rollup.config.parse({}), confighash: 'abc', reads: rollup.in };
    const coverage: Coverage[] = [{ from: dayStart, to: onDay('02:00:00'), resolution: 'raw' }];
    await replay(memoryHistory(morning), { about, filters: [rolling] }, coverage, span, (event, received) =>
      stats.push({ event, received }),
    );
    const hour = stats.find(
      ({ event }) => event.kind === 'stat' && Date.parse(event.data.to) - Date.parse(event.data.from) === 3_600_000,
    )?.event;
    if (!hour) throw new Error('the morning has no hour');
    const { confighash: _, ...alert } = {
      ...(firstOf('service-down') as Event<'alert'>),
      id: 'on-a-stat',
      causationid: hour.id,
      causes: [hour.id],
    };
    const told = await why(memoryHistory([...morning, ...stats]), { ...alert, data: { ...alert.data, evidence: [hour.id] } });
    const kept = morning.filter(({ event }) => event.time < onDay('01:00:00')).length;
    expect(told.causes).toMatchObject([
      { sort: 'event', causes: [{ sort: 'range', kept, range: { from: 1, to: kept, kind: 'metric' } }, { sort: 'moment' }] },
    ]);
    const text = told.sentences.join('\n');
    expect(text).toMatch(
      /decided by the stat of 01:00:00 about web-4, checkout .*\n {2}app\.up\{service\.name=checkout\} had 300 values, 1 to 1, 1 on average\n/,
    );
    expect(text).toMatch(
      /It rests on 300 metric events about web-4, checkout, 1 to 300 of .* \(all kept\):\n {4}00:00:00 {2}app\.up\{service\.name=checkout\} was 1\n/,
    );
  });

  it('says what is no longer kept, and reads ranges and clocks as causes', async () => {
    const [first, second] = day.filter(({ event }) => event.key.includes('web-4'));
    if (!first || !second) throw new Error('the day has no web-4');
    const { source, bootid, key } = first.event;
    const causes = ['gone-for-good', `${source}/${bootid}/metric/${key}/1-3`, 'no/range/at-all'];
    const alert = {
      ...firstOf('service-down'),
      time: second.event.time,
      causes,
      causationid: 'tick/threshold/1772500000000',
    } as Event<'alert'>;
    const told = await why(memoryHistory([first, second]), { ...alert, data: { ...alert.data, evidence: [] } });
    expect(told.causes).toMatchObject([
      { sort: 'gone', id: 'gone-for-good' },
      { sort: 'gone', id: 'no/range/at-all' },
      { sort: 'range', kept: 2 },
      { sort: 'moment', what: 'tick', node: 'threshold' },
    ]);
    const text = told.sentences.join('\n');
    expect(text).toContain('It rests on the event gone-for-good, which is no longer kept.');
    expect(text).toContain('It rests on 3 metric events about web-4, checkout');
    expect(text).toContain('2 of them still kept');
  });

  it('ends where causes go in a circle, and prints nothing that acts', async () => {
    const alert = { ...firstOf('service-down'), id: 'a', causes: ['b'], causationid: 'b' } as Event<'alert'>;
    const evil: Event<'alert'> = { ...alert, data: { ...alert.data, summary: 'x\u001b[2Jy', evidence: [] } };
    const other = { ...evil, id: 'b', causes: ['a'], causationid: 'a' } as Event;
    const told = await why(
      memoryHistory([
        { event: evil, received: 1 },
        { event: other, received: 2 },
      ]),
      evil,
    );
    expect(told.causes).toMatchObject([{ sort: 'event', event: { id: 'b' }, causes: [] }]);
    expect(told.sentences.join('')).not.toContain('\u001b');
  });
});

describe('why-not', () => {
  it('says how near the fourth was, and what was missing', async () => {
    const told = await whyNot(history, trialOf(dayRules).filters, targetOf('web-3/filesystem'), onDay('02:12:00'));
    expect(told.rules[0]).toMatchObject({ rule: 'filesystem-space', severity: 'warning', verdict: 'too short', for: 300_000 });
    expect(told.sentences).toEqual([
      'No alert about web-3/filesystem came from 2026-03-03 00:42:00 to 2026-03-03 03:42:00 UTC.',
      '  web-3/filesystem./data: above 90 % for 3m12s, from 02:10:40; the rule needs 5m (1m48s more). Rule filesystem-space, warning',
      expect.stringMatching(/^ {2}web-3.*: at most 91 %, at 02:1\d:\d\d; the rule fires above 95 %\. Rule filesystem-space, critical$/),
      'Looked at 2700 events of web-3, with the rules as they are now: threshold@abc, policy 9c02f31ab0d4.',
    ]);
    expect(told.alerts).toEqual([]);
  });

  it('names the alert where one came after all', async () => {
    const told = await whyNot(history, trialOf(dayRules).filters, targetOf('web-4/service-down'), onDay('09:01:00'));
    expect(told.sentences[0]).toMatch(/^An alert did come: service-down firing at 2026-03-03 09:00:36 UTC; see sluice why /);
    expect(told.rules).toMatchObject([{ verdict: 'fired' }]);
  });

  it('says that no rule looked, that nothing came, and that nothing is known', async () => {
    const { filters } = trialOf(dayRules);
    const ask = async (target: string, at: number) => (await whyNot(history, filters, targetOf(target), at)).sentences.join('\n');
    expect(await ask('web-3/network', onDay('02:12:00'))).toContain('No rule looks at web-3/network');
    expect(await ask('web-9', onDay('02:12:00'))).toContain('Nothing else was kept of web-9');
    expect(await ask('web-3/filesystem', dayStart - 86_400_000)).toContain('Nothing is known of the time');
  });
});
