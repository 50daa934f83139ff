/** What threshold does, shown: these are its tests and its documentation. */
import type { Example, Step } from 'sluice';
import type { config } from './rules.ts';

const host = 'acme.shop.prod.web-1';

const filesystem = (at: string, share: number, mountpoint = '/var'): Step => ({
  at,
  event: {
    kind: 'metric',
    key: `${host}.filesystem`,
    data: {
      points: [
        {
          name: 'system.filesystem.utilization',
          value: share,
          unit: '1',
          attributes: {
            'system.device': '/dev/sda1',
            'system.filesystem.mountpoint': mountpoint,
            'system.filesystem.type': 'ext4',
            'system.filesystem.mode': 'rw',
            'system.filesystem.state': 'used',
          },
        },
      ],
    },
  },
});

const queue = (at: string, length: number, name = 'mail'): Step => ({
  at,
  event: {
    kind: 'metric',
    key: `${host}.app`,
    data: { points: [{ name: 'app.queue', value: length, unit: '{job}', attributes: { name } }] },
  },
});
const queues = {
  defaults: 'off' as const,
  rules: { queue: { metric: 'app.queue', warning: { above: 100, clear: 80, for: '10s' }, action: 'start more workers' } },
};

export const examples: readonly Example<typeof config>[] = [
  {
    doc: 'a filesystem fills up from 10 % to 97 %: critical within seconds, milder at 94 %… and resolved once it is emptied',
    given: [filesystem('0s', 0.1), filesystem('5s', 0.97), filesystem('10s', 0.972), filesystem('15s', 0.92), filesystem('20s', 0.1)],
    expect: [
      {
        kind: 'alert',
        at: '10s',
        key: `${host}.filesystem./var`,
        data: {
          rule: 'filesystem-space',
          status: 'firing',
          severity: 'critical',
          summary: '/var is 97 % full (limit 95 %)',
          value: 0.972,
          threshold: 0.95,
        },
      },
      { kind: 'state', at: '10s', key: `${host}.alert.filesystem-space.filesystem./var`, data: { of: 'alert' } },
      { kind: 'alert', at: '15s', data: { status: 'firing', severity: 'warning', summary: '/var is 92 % full (limit 90 %)' } },
      {
        kind: 'alert',
        at: '20s',
        data: { status: 'resolved', severity: 'warning', summary: '/var is 10 % full (limit 90 %)', value: 0.1 },
      },
      { kind: 'state', at: '20s', key: `${host}.alert.filesystem-space.filesystem./var`, data: { of: 'alert', value: null } },
    ],
  },
  {
    doc: 'a limit must be passed for all of its time: a peak is no alert, and hysteresis keeps one from flapping',
    config: queues,
    given: [
      ...[queue('0s', 200), queue('5s', 90), queue('6s', 200), queue('15s', 200)],
      ...[queue('16s', 101), queue('20s', 81), queue('25s', 120), queue('30s', 79)],
    ],
    expect: [
      {
        kind: 'alert',
        at: '16s',
        data: { status: 'firing', summary: 'app.queue of mail is 101 job (limit 100 job)', action: 'start more workers' },
      },
      { kind: 'alert', at: '30s', data: { status: 'resolved', value: 79 } },
    ],
  },
  {
    doc: 'each series has an alert of its own',
    config: { ...queues, rules: { queue: { metric: 'app.queue', critical: { above: 100 } } } },
    given: [queue('1s', 200, 'mail'), queue('2s', 300, 'print'), queue('3s', 5, 'mail')],
    expect: [
      { kind: 'alert', at: '1s', key: `${host}.app.mail`, data: { status: 'firing' } },
      { kind: 'alert', at: '2s', key: `${host}.app.print`, data: { status: 'firing' } },
      { kind: 'alert', at: '3s', key: `${host}.app.mail`, data: { status: 'resolved' } },
    ],
  },
  {
    doc: 'a series that sends nothing more is let go with the reason, after its time',
    config: { ...queues, rules: { queue: { metric: 'app.queue', critical: { above: 100 }, forget: '1m' } } },
    given: [queue('1s', 200), { at: '2m' }],
    expect: [
      { kind: 'alert', at: '1s', data: { status: 'firing' } },
      {
        kind: 'alert',
        at: '1m10s',
        data: { status: 'resolved', summary: 'app.queue of mail: no value for 1m, so how it is now is not known' },
      },
    ],
  },
  {
    doc: 'while the pipe is broken nothing is let go: silence means nothing then',
    config: { ...queues, rules: { queue: { metric: 'app.queue', critical: { above: 100 }, forget: '1m' } } },
    given: [
      queue('1s', 200),
      { at: '10s', pipe: { connected: false, caughtUp: false } },
      { at: '5m', pipe: { connected: true, caughtUp: true } },
      { at: '5m55s' },
    ],
    expect: [{ kind: 'alert', at: '1s', data: { status: 'firing' } }],
  },
  {
    doc: 'a healthy machine is quiet',
    given: [filesystem('0s', 0.3), filesystem('5m', 0.85), filesystem('10m', 0.89), filesystem('15m', 0.9)],
    expect: [],
  },
];
