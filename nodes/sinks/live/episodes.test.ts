/** Alerts as episodes: whichever of alert and state comes first, and what a silent server does to them. */
import { type AlertState, type Event, key } from 'sluice';
import { expect, it } from 'vitest';
import { createEpisodes } from './episodes.ts';

const place = { company: 'acme', system: 'shop', environment: 'prod' };
const began = Date.UTC(2026, 2, 3, 14);
let count = 0;

const said = (more: Partial<AlertState> = {}): AlertState => ({
  rule: 'disk-full',
  status: 'firing',
  severity: 'warning',
  summary: '/var is 91 % full',
  value: 0.91,
  threshold: 0.9,
  unit: '1',
  since: new Date(began).toISOString(),
  evidence: [],
  ...more,
});
const event = (kind: 'alert' | 'state', host: string, resource: string[], data: unknown, seconds = 0): Event =>
  ({
    id: `e${count++}`,
    kind,
    key: key({ ...place, host, resource }),
    source: '/acme/shop/prod/hub/test',
    time: began + seconds * 1000,
    data,
  }) as Event;
const alert = (more: Partial<AlertState> = {}, seconds = 0, host = 'web-1') =>
  event('alert', host, ['filesystem', '/var'], said(more), seconds);
const state = (value: AlertState | null, seconds = 0, host = 'web-1') =>
  event('state', host, ['alert', 'disk-full', 'filesystem', '/var'], { of: 'alert', value }, seconds);
const server = (status: string, host = 'web-1') => event('state', host, ['server'], { of: 'server', value: { status } });

function told(...events: Event[]) {
  const episodes = createEpisodes(600);
  for (const each of events) episodes.take(each, 0);
  return episodes.since(0);
}

it('is one episode, whichever of its events comes first', () => {
  const [fired, present, resolved, gone] = [alert(), state(said()), alert({ status: 'resolved', value: 0.4 }, 60), state(null, 61)];
  const expected = {
    key: 'acme.shop.prod.web-1.filesystem./var',
    state: 'resolved',
    since: began,
    event: fired.id,
    end: { event: resolved.id, value: 0.4 },
  };
  for (const order of [
    [fired, present, resolved, gone],
    [present, fired, gone, resolved],
    [fired, fired, present, resolved, gone, resolved],
  ])
    expect(told(...order)).toEqual([expect.objectContaining({ ...expected, end: expect.objectContaining(expected.end), value: 0.91 })]);
});

it('keeps the same row as it grows worse, and begins another when it comes again', () => {
  const worse = alert({ severity: 'critical', value: 0.98 }, 30);
  expect(told(alert(), worse)).toEqual([expect.objectContaining({ severity: 'critical', value: 0.98, since: began, event: worse.id })]);
  const again = new Date(began + 300_000).toISOString();
  expect(told(alert(), alert({ status: 'resolved' }, 60), alert({ since: again }, 310)).map((each) => each.state)).toEqual([
    'resolved',
    'firing',
  ]);
});

it('tells of what is over though nobody heard it begin', () => {
  expect(told(alert({ status: 'resolved' }, 60))).toEqual([
    expect.objectContaining({ state: 'resolved', since: began, ended: began + 60_000 }),
  ]);
});

it('holds what a silent server said, and not what is said of the server', () => {
  const ofServer = event('alert', 'web-1', ['server'], said({ rule: 'silent', summary: 'web-1 is silent' }));
  const words = (...events: Event[]) => Object.fromEntries(told(...events).map(({ rule, state }) => [rule, state]));
  expect(words(alert(), ofServer, server('silent'))).toEqual({ 'disk-full': 'held', silent: 'firing' });
  expect(words(server('silent'), alert(), ofServer)).toEqual({ 'disk-full': 'held', silent: 'firing' });
  expect(words(alert(), server('silent'), server('alive'))).toEqual({ 'disk-full': 'firing' });
});

it('does not claim to know what nobody says any more', () => {
  const episodes = createEpisodes(600);
  episodes.take(state(said()), 0);
  episodes.tick(600);
  expect(episodes.since(0)[0]?.state).toBe('firing');
  episodes.tick(601);
  expect(episodes.since(0)[0]?.state).toBe('unknown');
  episodes.take(state(said(), 700), 700);
  expect(episodes.since(0)[0]?.state).toBe('firing');
});

it('tells only what changed, and forgets the oldest that are over', () => {
  const episodes = createEpisodes(600);
  episodes.take(state(said()), 0);
  const { version } = episodes;
  episodes.take(state(said()), 60);
  expect(episodes.since(version)).toEqual([]);
  for (let nth = 0; nth < 1_200; nth++) episodes.take(alert({ status: 'resolved' }, nth, `web-${nth + 2}`), 0);
  const left = episodes.since(0);
  expect(left).toHaveLength(1_001);
  expect(left.filter((each) => each.state === 'firing')).toHaveLength(1);
  expect(left.at(-1)?.key).toContain('web-1201');
});
