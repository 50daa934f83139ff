/** The driver of one filter: order of ticks, all or nothing, ids, and what is written down. */
import { expect, test } from 'vitest';
import { Reject } from '../errors.ts';
import type { Event } from '../event.ts';
import { type Draft, defineFilter, table, z } from '../node.ts';
import { type FilterHost, filterRun, tickTable } from './filtering.ts';

const host: FilterHost = { name: 'probe', about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub' } };
const metric = (value: number, id = `m${value}`): Event<'metric'> => ({
  id,
  kind: 'metric',
  key: 'acme.shop.prod.web.cpu',
  source: '/acme/shop/prod/web/cpu',
  time: 5,
  data: { points: [{ name: 'x', value }] },
});

/** Tells of each input; throws on 13, after it wrote; remembers in its closure how many it has seen. */
const probe = defineFilter({
  name: 'probe',
  doc: 'Tells of each input.',
  config: z.strictObject({}),
  in: [{ kind: 'metric' }],
  out: ['incident'],
  tables: { counts: table(z.number(), { bound: 10 }) },
  tickEvery: 10,
  create(_config, { counts }) {
    let seen = counts.get('seen') ?? 0;
    const tell = (what: string, more: Partial<Draft<'incident'>> = {}): Draft<'incident'>[] => [
      { kind: 'incident', key: ['probe'], data: { what }, ...more },
    ];
    return {
      event(event) {
        const value = event.kind === 'metric' ? (event.data.points[0]?.value ?? 0) : 0;
        counts.set('seen', ++seen);
        if (value === 13) throw new Error('unlucky');
        if (value === 14) return tell('bad', { kind: 'alert' } as unknown as Draft<'incident'>);
        if (value === 15) return tell('');
        if (value === 16) return [{ kind: 'incident', key: 'nowhere', data: { what: 'x' } }];
        if (value === 17) return tell('same', { identity: 'one', ttl: 100, causes: ['a', 'b'] });
        return tell(`event ${seen}`);
      },
      tick: (at) => tell(`tick ${at}`),
      pipe: (pipe) => tell(`pipe ${pipe.connected}`),
    };
  },
});
const start = () => filterRun(probe, {}, host);
const said = (outcomes: ReturnType<ReturnType<typeof start>['event']>) =>
  outcomes.flatMap((outcome) =>
    outcome.dead ? [outcome.dead.message] : outcome.derived.map((each) => (each.data as { what: string }).what),
  );

test('the tick that is due comes before the event, once, and after a pause only the latest', () => {
  const run = start();
  expect(run.nextTick).toBe(0);
  expect(said(run.event(metric(1), 25))).toEqual(['tick 20', 'event 1']);
  expect(said(run.event(metric(2), 26))).toEqual(['event 2']);
  expect(run.nextTick).toBe(30);
  expect(said(run.tick(30))).toEqual(['tick 30']);
  expect(said(run.tick(34))).toEqual([]);
  expect(said(run.event(metric(3), 99))).toEqual(['tick 90', 'event 3']);
});

test('a clock that is set back does not stop the ticks; jitter makes none', () => {
  const run = start();
  run.tick(1000);
  expect(said(run.tick(999))).toEqual([]);
  expect(said(run.tick(503))).toEqual(['tick 500']);
  expect(said(run.tick(510))).toEqual(['tick 510']);
});

test('news of the pipe comes before the tick that is due', () => {
  const run = start();
  expect(said(run.pipe({ connected: false, caughtUp: false }, 15))).toEqual(['pipe false']);
  expect(said(run.tick(15))).toEqual(['tick 10']);
});

test('a throw undoes its input alone, also what the filter remembered beside its tables', () => {
  const run = start();
  run.event(metric(1), 1);
  const [dead] = run.event(metric(13), 2);
  expect(dead?.dead).toBeInstanceOf(Reject);
  expect(dead?.dead?.message).toBe('sluice: probe: threw: unlucky');
  expect(dead && 'event' in dead && dead.event?.id).toBe('m13');
  expect(said(run.event(metric(2), 3))).toEqual(['event 2']);
});

test('drafts that no kind admits dead-letter their input with the reason, and nothing is written', () => {
  const run = start();
  for (const [value, reason] of [
    [14, /its draft 1, alert: not among what the filter writes; add "alert" to its out/],
    [15, /its draft 1, incident: data\.what: Too small/],
    [16, /its draft 1, incident: key: "nowhere" is none/],
  ] as const) {
    expect(said(run.event(metric(value), 1)).at(-1)).toMatch(reason);
  }
  expect(run.memory.tables.counts?.get('seen')).toBeUndefined();
});

test('ids, times and lineage come from the input alone', () => {
  const [, outcome] = start().event(metric(17), 25);
  const [again] = start().event(metric(17, 'other'), 5).slice(-1);
  expect(outcome?.dead).toBeUndefined();
  const derived = outcome && !outcome.dead ? outcome.derived[0] : undefined;
  expect(derived).toMatchObject({
    kind: 'incident',
    key: 'acme.shop.prod.hub.probe',
    time: 5,
    causationid: 'm17',
    causes: ['a', 'b'],
    expirytime: 105,
    index: 0,
    data: { what: 'same', severity: 'info' },
  });
  expect(again && !again.dead && again.derived[0]?.id).toBe(derived?.id);
  const [one] = start().event(metric(1), 5).slice(-1);
  const [two] = start().event(metric(1, 'other'), 5).slice(-1);
  expect(one && !one.dead && one.derived[0]?.id).not.toBe(two && !two.dead && two.derived[0]?.id);
});

test('the last tick is written with what it led to, and a new run goes on from it', () => {
  const run = start();
  run.tick(40);
  const changes = run.memory.changes();
  expect(changes).toEqual([{ table: tickTable, key: 'last', entry: { value: 40, at: 40, order: 0 } }]);
  run.memory.committed();
  expect(run.memory.changes()).toEqual([]);
  const next = filterRun(probe, {}, host, (name) =>
    changes.flatMap(({ table, key, entry }) => (table === name && entry ? [[key, entry] as const] : [])),
  );
  expect(next.lastTick).toBe(40);
  expect(said(next.event(metric(1), 45))).toEqual(['event 1']);
});

test('a tick that did nothing is not worth a transaction of its own', () => {
  const quiet = defineFilter({
    ...probe,
    create: (_config, { counts }) => ({
      event() {
        counts.set('seen', 1);
        return [];
      },
      tick: () => [],
    }),
  });
  const run = filterRun(quiet, {}, host);
  run.tick(40);
  expect(run.memory.changes()).toEqual([]);
  run.event(metric(1), 41);
  expect(run.memory.changes().map((change) => change.table)).toEqual(['counts', tickTable]);
});

test('after a failed commit everything stands as it was committed, the tick too', () => {
  const run = start();
  run.event(metric(1), 25);
  run.memory.changes();
  run.memory.revert();
  expect(said(run.event(metric(1), 25))).toEqual(['tick 20', 'event 1']);
});
