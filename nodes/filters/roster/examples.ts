/** What the roster does, shown: these are its tests and its documentation. */
import type { Data, Example, Step } from 'sluice';
import type { config } from './roster.ts';

const place = 'acme.shop.prod';

const beat = (at: string, host: string, more: Partial<Data<'heartbeat'>> = {}): Step => ({
  at,
  event: { kind: 'heartbeat', key: `${place}.${host}`, data: { boot: `${host}-1`, interval: 5, labels: { zone: 'a' }, ...more } },
});
/** Beats each 5 s, from one second to another. */
const beats = (from: number, to: number, host: string, more: Partial<Data<'heartbeat'>> = {}): Step[] => {
  const steps: Step[] = [];
  for (let second = from; second <= to; second += 5) steps.push(beat(`${second}s`, host, more));
  return steps;
};
const inOrder = (...lists: Step[][]): Step[] =>
  lists.flat().sort((one, other) => Number.parseInt(one.at, 10) - Number.parseInt(other.at, 10));

/** What a hub's own agent says, by which its roster knows that it hears. */
const own = (from: number, to: number) => beats(from, to, 'hub-1', { labels: {} });
const rack = (from: number, to: number, ...hosts: string[]) =>
  inOrder(...hosts.map((host) => beats(from, to, host, { labels: { zone: 'a', rack: 'r12' } })));
const ahead = (from: number, to: number, host: string, seconds: number): Step[] =>
  beats(from, to, host).map((step) =>
    'event' in step ? { ...step, event: { ...step.event, time: `${Number.parseInt(step.at, 10) + seconds}s` } } : step,
  );
const roster = (from: number, to: number, host = 'hub-1') => {
  const said = [];
  for (let second = from; second <= to; second += 5)
    said.push({
      kind: 'heartbeat' as const,
      at: second < 60 ? `${second}s` : `1m${second > 60 ? `${second - 60}s` : ''}`,
      key: `${place}.${host}.roster`,
    });
  return said;
};

const server = (host: string) => `${place}.${host}.server`;
const state = (at: string, host: string, status: string, more: Record<string, unknown> = {}) => ({
  kind: 'state' as const,
  at,
  key: server(host),
  data: { of: 'server', value: { host, status, ...more } },
});

export const examples: readonly Example<typeof config>[] = [
  {
    doc: 'a server that stops without a word is silent 30 s after its last beat, and is well again when it beats',
    given: [...beats(1, 11, 'web-1'), beat('50s', 'web-1')],
    expect: [
      state('1s', 'web-1', 'alive', { interval: 5, labels: { zone: 'a' } }),
      {
        kind: 'alert',
        at: '41s',
        key: server('web-1'),
        data: { rule: 'silent', status: 'firing', severity: 'critical', summary: 'web-1 is silent: no heartbeat for 30s (limit 30s)' },
      },
      { kind: 'state', at: '41s', key: `${place}.web-1.alert.silent.server`, data: { of: 'alert' } },
      state('41s', 'web-1', 'silent'),
      { kind: 'alert', at: '50s', data: { rule: 'silent', status: 'resolved', summary: 'web-1 is heard again after 39s of silence' } },
      { kind: 'state', at: '50s', key: `${place}.web-1.alert.silent.server`, data: { of: 'alert', value: null } },
      state('50s', 'web-1', 'alive', { reason: 'heard again' }),
    ],
  },
  {
    doc: 'a server that says goodbye is retired, and its silence is none',
    given: [...beats(1, 6, 'web-1'), beat('8s', 'web-1', { goodbye: { reason: 'stopped' } }), { at: '5m' }],
    expect: [state('1s', 'web-1', 'alive'), state('8s', 'web-1', 'retired', { reason: 'stopped' })],
  },
  {
    doc: 'many beats, one state: nothing is told that did not change',
    given: beats(1, 120, 'web-1'),
    expect: [state('1s', 'web-1', 'alive')],
  },
  {
    doc: 'a slow heart is judged by its own interval: three missed beats',
    given: [beat('1s', 'edge', { interval: 60 }), { at: '4m' }],
    expect: [{ kind: 'alert', at: '3m1s', data: { rule: 'silent', summary: 'edge is silent: no heartbeat for 3m (limit 3m)' } }],
  },
  {
    doc: 'a roster that is cut off does not know; then each server has its whole limit anew',
    given: [
      beat('1s', 'web-1'),
      { at: '2s', pipe: { connected: false, caughtUp: false } },
      { at: '60s', pipe: { connected: true, caughtUp: false } },
      { at: '70s', pipe: { connected: true, caughtUp: true } },
      { at: '2m' },
    ],
    expect: [
      state('1s', 'web-1', 'alive'),
      state('7s', 'web-1', 'blind', { reason: 'the roster is cut off from the pipe' }),
      state('1m10s', 'web-1', 'alive'),
      { kind: 'alert', at: '1m40s', data: { rule: 'silent', status: 'firing' } },
      state('1m40s', 'web-1', 'silent'),
    ],
  },
  {
    doc: 'a new boot without a goodbye is a restart, and is said',
    given: [...beats(1, 6, 'web-1'), ...beats(11, 60, 'web-1', { boot: 'web-1-2' })],
    expect: [state('1s', 'web-1', 'alive'), state('11s', 'web-1', 'alive', { boot: 'web-1-2', reason: 'restarted without a goodbye' })],
  },
  {
    doc: 'two that beat under one name are twins, until one of them is quiet',
    given: inOrder(beats(1, 120, 'web-1'), beats(3, 30, 'web-1', { boot: 'twin' })),
    expect: [
      { kind: 'alert', at: '11s', key: server('web-1'), data: { rule: 'twins', status: 'firing', severity: 'warning' } },
      { kind: 'alert', at: '1m1s', data: { rule: 'twins', status: 'resolved', summary: 'one agent is left that says that it is web-1' } },
    ],
  },
  {
    doc: 'a retired server is forgotten after its time',
    config: { forget: '1m' },
    given: [beat('1s', 'web-1', { goodbye: { reason: 'scaled in' } }), { at: '2m' }],
    expect: [state('1s', 'web-1', 'retired'), { kind: 'state', at: '1m1s', key: server('web-1'), data: { of: 'server', value: null } }],
  },
  {
    doc: 'a rack that is lost is one alert, told with the first of its servers; who stays silent when it is back has its own',
    given: inOrder(
      rack(1, 11, 'web-1', 'web-2', 'web-3'),
      rack(3, 13, 'web-4', 'web-5'),
      beats(1, 120, 'db-1'),
      beats(2, 120, 'db-2'),
      rack(70, 120, 'web-1', 'web-2', 'web-3', 'web-4'),
    ),
    expect: [
      {
        kind: 'alert',
        at: '41s',
        key: `${place}.rack%20r12.server`,
        data: { rule: 'silent', status: 'firing', severity: 'critical', summary: '5 of 5 silent in rack r12', value: 5 },
      },
      state('41s', 'web-1', 'silent'),
      state('43s', 'web-5', 'silent'),
      state('1m10s', 'web-1', 'alive'),
      {
        kind: 'alert',
        at: '1m10s500ms',
        key: `${place}.rack%20r12.server`,
        data: { status: 'resolved', summary: 'rack r12 is heard again: 4 of 5' },
      },
      {
        kind: 'alert',
        at: '1m10s500ms',
        key: server('web-5'),
        data: { status: 'firing', summary: 'web-5 is silent: no heartbeat for 58s (limit 30s)' },
      },
    ],
  },
  {
    doc: 'an ephemeral server may go without a word: it is retired, and nobody is woken',
    config: { ephemeral: [{ host: 'job-2' }] },
    given: inOrder(beats(1, 11, 'job-1', { labels: { ephemeral: 'true' } }), beats(1, 11, 'job-2'), [{ at: '300s' }]),
    expect: [
      state('41s', 'job-1', 'retired', { reason: 'went without a goodbye, as it may' }),
      state('41s', 'job-2', 'retired', { reason: 'went without a goodbye, as it may' }),
    ],
  },
  {
    doc: 'so many of a role are expected, whoever they are: one too few for longer than it may be is told, and its end',
    config: { expect: [{ of: { role: 'web' }, alive: '>= 2', for: '1m' }] },
    given: inOrder(beats(1, 200, 'web-1', { labels: { role: 'web' } }), beats(100, 200, 'web-2', { labels: { role: 'web' } })),
    expect: [
      {
        kind: 'alert',
        at: '1m',
        key: `${place}.role%20web.server`,
        data: { rule: 'expected', status: 'firing', summary: '1 alive of role web, expected >= 2, for 1m', value: 1, threshold: 2 },
      },
      {
        kind: 'alert',
        at: '1m40s500ms',
        data: { rule: 'expected', status: 'resolved', summary: '2 alive of role web, as expected (>= 2)' },
      },
    ],
  },
  {
    doc: 'what a person retires is gone, and its alert with it; heard again, it is alive again',
    given: [
      beat('1s', 'web-1'),
      {
        at: '1m',
        event: {
          kind: 'command',
          key: server('web-1'),
          data: { action: 'retire', to: 'roster', arguments: { by: 'ann', reason: 'sold' } },
        },
      },
      { at: '5m', event: { kind: 'command', key: server('web-2'), data: { action: 'retire', to: 'roster' } } },
      beat('6m', 'web-1'),
      { at: '6m', event: { kind: 'command', key: server('web-1'), data: { action: 'retire', to: 'roster' } } },
    ],
    expect: [
      { kind: 'alert', at: '31s', data: { rule: 'silent', status: 'firing' } },
      { kind: 'alert', at: '1m', data: { rule: 'silent', status: 'resolved', summary: 'web-1 was retired by ann after 59s of silence' } },
      state('1m', 'web-1', 'retired', { reason: 'retired by ann: sold' }),
      { kind: 'outcome', at: '1m', data: { status: 'applied' } },
      { kind: 'audit', at: '1m', data: { did: 'retire', to: `${place}.web-1` } },
      { kind: 'outcome', at: '5m', data: { status: 'refused', detail: 'web-2 is not known; sluice servers lists those that are' } },
      state('6m', 'web-1', 'alive', { reason: 'heard again, though it was retired' }),
      {
        kind: 'outcome',
        at: '6m',
        data: { status: 'refused', detail: 'web-1 is alive; stop sluice on it, which then says goodbye itself' },
      },
    ],
  },
  {
    doc: 'a clock that is off for three beats is told, and changes nothing else',
    given: inOrder(beats(1, 100, 'web-1'), beats(2, 100, 'web-2'), [...ahead(3, 48, 'web-3', 3600), ...beats(53, 100, 'web-3')]),
    expect: [
      {
        kind: 'alert',
        at: '23s',
        key: server('web-3'),
        data: { rule: 'skew', status: 'firing', summary: 'the clock of web-3 is 1h ahead (limit 5s): its events carry wrong times' },
      },
      { kind: 'alert', at: '1m3s', key: server('web-3'), data: { rule: 'skew', status: 'resolved' } },
    ],
  },
  {
    doc: 'what another roster has told is not told again; whoever hears that it is over says so',
    given: [
      ...beats(1, 11, 'web-1'),
      {
        at: '40s',
        event: {
          kind: 'alert',
          key: server('web-1'),
          source: '/acme/shop/prod/hub-2/roster',
          data: {
            rule: 'silent',
            status: 'firing',
            severity: 'critical',
            summary: 'silent',
            since: '2026-01-01T00:00:11Z',
            evidence: ['beat'],
          },
        },
      },
      beat('50s', 'web-1'),
    ],
    expect: [
      state('41s', 'web-1', 'silent'),
      { kind: 'alert', at: '50s', data: { rule: 'silent', status: 'resolved', since: '2026-01-01T00:00:11.000Z' } },
    ],
  },
  {
    doc: 'nobody tells of his own silence: it is judged all the same',
    given: [
      beat('1s', 'web-1'),
      {
        at: '2s',
        event: {
          kind: 'alert',
          key: server('web-1'),
          source: '/acme/shop/prod/web-1/roster',
          data: { rule: 'silent', status: 'firing', severity: 'info', summary: 'pst', since: '2026-01-01T00:00:01Z' },
        },
      },
      { at: '1m' },
    ],
    expect: [{ kind: 'alert', at: '31s', key: server('web-1'), data: { rule: 'silent', status: 'firing', severity: 'critical' } }],
  },
  {
    doc: 'a roster that does not hear its own server is deaf; while it hears, it says that it watches',
    given: inOrder(own(1, 16), beats(2, 17, 'web-1'), [{ at: '60s' }]),
    expect: [
      { kind: 'heartbeat', at: '1s500ms', key: `${place}.hub-1.roster` },
      ...roster(5, 30),
      state('36s500ms', 'web-1', 'blind', { reason: 'the roster does not hear its own heartbeat: the pipe is held up' }),
    ],
  },
  {
    doc: 'a hub that dies takes its processes with it: one alert; a process that dies alone has its own',
    given: inOrder(
      beats(1, 11, 'hub-2'),
      beats(2, 60, 'hub-3'),
      beats(1, 11, 'hub-2', { boot: 'hub' }).map((step) =>
        'event' in step ? { ...step, event: { ...step.event, key: `${place}.hub-2.hub` } } : step,
      ),
      beats(2, 12, 'hub-3', { boot: 'hub' }).map((step) =>
        'event' in step ? { ...step, event: { ...step.event, key: `${place}.hub-3.roster` } } : step,
      ),
    ),
    expect: [
      { kind: 'alert', at: '41s', key: server('hub-2'), data: { summary: 'hub-2 is silent: no heartbeat for 30s (limit 30s)' } },
      {
        kind: 'alert',
        at: '42s',
        key: `${server('hub-3')}.roster`,
        data: { summary: 'the roster on hub-3 is silent: no heartbeat for 30s (limit 30s)' },
      },
    ],
  },
];
