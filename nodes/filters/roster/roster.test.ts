/** The roster where its examples are too small: pauses of its own, clocks, hostile names, many servers. */
import fc from 'fast-check';
import { serverState } from 'sluice';
import { aHeartbeat, each, keyOn, play, playStart, type Saved } from 'sluice/testing';
import { describe, expect, test } from 'vitest';
import { filterRun } from '../../../core/runtime/filtering.ts';
import { dueQueue } from './due.ts';
import roster from './roster.ts';

const alertsOf = (came: ReturnType<typeof play>['came']) =>
  came.flatMap((one) => (one.kind === 'alert' ? [`${one.at / 1000} ${one.data.rule} ${one.data.status} ${one.key}`] : []));
const statusOf = (came: ReturnType<typeof play>['came'], host: string) =>
  came.flatMap((one) =>
    one.kind === 'state' && one.key === keyOn(host, 'server') ? [(one.data.value as { status: string } | null)?.status ?? 'gone'] : [],
  );

/** The run as a process has it, with no ticks but those that are asked for. */
function started(saved: Saved = new Map(), config = {}) {
  const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
  const rows = (table: string) => [...(saved.get(table) ?? [])].map(([key, text]) => [key, JSON.parse(text)] as const);
  return filterRun(roster, roster.config.parse(config), { name: 'roster', about }, rows);
}
const told = (outcomes: ReturnType<ReturnType<typeof started>['tick']>) =>
  outcomes.flatMap((outcome) => (outcome.dead ? [] : outcome.derived)).filter(({ kind }) => kind === 'alert');

test('every state of a server is one that the page can read', () => {
  const { came } = play(roster, {}, [
    ...each(0, 10, 5, (at) => aHeartbeat(at, 'a', { labels: { rack: 'r1' }, versions: { sluice: '1' } })),
    aHeartbeat('12s', 'b', { goodbye: { reason: 'stopped' } }),
    { at: '1m', pipe: { connected: false, caughtUp: false } },
    aHeartbeat('1m30s', 'c'),
  ]);
  const states = came.filter((one) => one.kind === 'state' && one.key.endsWith('.server') && !one.key.includes('.alert.'));
  expect(states.length).toBeGreaterThan(3);
  for (const one of states) expect(serverState.parse((one.data as { value: unknown }).value)).toBeDefined();
});

describe('no false verdict', () => {
  const known = play(roster, {}, [aHeartbeat('0s', 'a'), aHeartbeat('0s', 'b')]).saved;

  test('a roster that starts after an hour knows all that it knew, and gives each its whole limit before its first verdict', () => {
    const run = started(known);
    const start = playStart + 3_600_000;
    run.pipe({ connected: true, caughtUp: false }, start);
    expect(told(run.tick(start))).toEqual([]);
    run.pipe({ connected: true, caughtUp: true }, start + 1000);
    const verdicts: number[] = [];
    for (let at = start + 1000; at <= start + 40_000; at += 500) if (told(run.tick(at)).length > 0) verdicts.push(at - start);
    expect(verdicts).toEqual([31_000]);
  });

  test('nor does one that was only suspended, with its pipe whole all the while', () => {
    const run = started(known);
    const woken = playStart + 3_600_000;
    expect(told(run.tick(woken))).toEqual([]);
    for (let at = woken; at < woken + 30_000; at += 500) expect(told(run.tick(at))).toEqual([]);
    expect(told(run.tick(woken + 30_000))).toHaveLength(2);
  });

  test('a clock that is set back is no silence, and delays none beyond a limit', () => {
    const run = started(known);
    for (let at = playStart + 500; at <= playStart + 10_000; at += 500) run.tick(at);
    const back = playStart - 3_600_000;
    for (let at = back; at < back + 30_000; at += 500) expect(told(run.tick(at))).toEqual([]);
    expect(told(run.tick(back + 30_000))).toHaveLength(2);
  });
});

test('a name that leaves no room for its alert is refused at its first beat, and the others are watched', () => {
  const long = 'h'.repeat(225);
  const { came } = play(roster, {}, [aHeartbeat('0s', 'a'), aHeartbeat('1s', long), { at: '1m' }]);
  expect(came.filter(({ kind }) => kind === 'dead')).toHaveLength(1);
  expect(alertsOf(came)).toEqual([`30 silent firing ${keyOn('a', 'server')}`]);
});

test('an old run that says goodbye after the new one began does not retire the server', () => {
  const { came } = play(roster, {}, [
    aHeartbeat('0s', 'a', { boot: 'old' }),
    aHeartbeat('2s', 'a', { boot: 'new' }),
    aHeartbeat('3s', 'a', { boot: 'old', goodbye: { reason: 'upgraded' } }),
    ...each(7, 60, 5, (at) => aHeartbeat(at, 'a', { boot: 'new' })),
  ]);
  expect(statusOf(came, 'a')).toEqual(['alive', 'alive']);
  expect(alertsOf(came)).toEqual([]);
});

test('one late beat of the run before is no twin', () => {
  const beat = (boot: string) => (at: string) => aHeartbeat(at, 'a', { boot });
  const { came } = play(roster, {}, [beat('old')('0s'), beat('new')('5s'), beat('old')('6s'), ...each(10, 100, 5, beat('new'))]);
  expect(alertsOf(came)).toEqual([]);
});

test('of twins the shown one may end: the other takes its place', () => {
  const beat = (boot: string) => (at: string) => aHeartbeat(at, 'a', { boot });
  const both = [0, 5, 10, 15].flatMap((second) => [beat('one')(`${second}s`), beat('two')(`${second + 2}s`)]);
  const { came } = play(roster, {}, [...both, ...each(20, 100, 5, beat('one'))]);
  expect(alertsOf(came)).toEqual([`10 twins firing ${keyOn('a', 'server')}`, `50 twins resolved ${keyOn('a', 'server')}`]);
  const last = came.filter(({ kind, key }) => kind === 'state' && key === keyOn('a', 'server')).at(-1);
  expect(last?.data).toMatchObject({ value: { boot: 'one', status: 'alive' } });
});

test('of twins the shown one is gone without a word, and the other says goodbye: the server is retired, and not silent', () => {
  const beat = (boot: string) => (at: string) => aHeartbeat(at, 'a', { boot });
  const both = [0, 5, 10, 15].flatMap((second) => [beat('one')(`${second}s`), beat('two')(`${second + 2}s`)]);
  const goodbye = aHeartbeat('39s', 'a', { boot: 'two', goodbye: { reason: 'stopped' } });
  const { came } = play(roster, {}, [...both, ...each(22, 37, 5, beat('two')), goodbye, { at: '5m' }]);
  expect(alertsOf(came)).toEqual([`10 twins firing ${keyOn('a', 'server')}`, `39 twins resolved ${keyOn('a', 'server')}`]);
  expect(statusOf(came, 'a').at(-1)).toBe('retired');
});

test('a clock that is off is said once, and again when it moved', () => {
  const ahead = (at: string, seconds: number) => {
    const step = aHeartbeat(at, 'a');
    return 'event' in step ? { ...step, event: { ...step.event, time: `${seconds}s` } } : step;
  };
  const { came } = play(roster, {}, [ahead('10s', 70), ahead('15s', 75), ahead('20s', 81), ahead('25s', 25)]);
  expect(came.map(({ data }) => (data as { value: { skew?: number } }).value.skew)).toEqual([60, undefined]);
});

test('ten thousand that fall silent at once are told within a second of their limit', () => {
  const hosts = Array.from({ length: 10_000 }, (_, index) => aHeartbeat('0s', `web-${index}`));
  const alerts = play(roster, { groups: [] }, [...hosts, { at: '31s' }]).came.filter(({ kind }) => kind === 'alert');
  expect(alerts).toHaveLength(10_000);
  expect(Math.max(...alerts.map(({ at }) => at))).toBeLessThanOrEqual(31_000);
  expect(Math.min(...alerts.map(({ at }) => at))).toBeGreaterThanOrEqual(30_000);
});

test('the queue of what is due gives what a sorted list gives', () => {
  const step = fc.oneof(
    fc.record({ by: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), time: fc.nat(100) }),
    fc.record({ take: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = dueQueue();
      const model = new Map<string, number>();
      for (const each of steps) {
        if ('by' in each) {
          queue.by(each.by, each.time);
          model.set(each.by, Math.min(each.time, model.get(each.by) ?? Number.POSITIVE_INFINITY));
        } else {
          const due = [...model].filter(([, time]) => time <= each.take).map(([key]) => key);
          for (const key of due) model.delete(key);
          expect(queue.take(each.take)).toEqual(due.sort());
        }
      }
    }),
  );
});
