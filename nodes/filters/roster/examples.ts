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
];
