/** What forecast does, shown: these are its tests and its documentation. */
import type { Example, Step } from 'sluice';
import type { config } from './config.ts';

const host = 'acme.shop.prod.web-1';
/** A look each five minutes over some hours, at a share that is a function of the hour. */
const course = (hours: number, share: (hour: number) => number): Step[] =>
  Array.from({ length: hours * 12 }, (_, index) => ({
    at: `${index * 5}m`,
    event: {
      kind: 'metric',
      key: `${host}.filesystem`,
      data: {
        points: [
          {
            name: 'system.filesystem.utilization',
            value: share(index / 12),
            unit: '1',
            attributes: { 'system.filesystem.mountpoint': '/var', 'system.filesystem.type': 'ext4', 'system.filesystem.state': 'used' },
          },
        ],
      },
    },
  }));

export const examples: readonly Example<typeof config>[] = [
  {
    doc: 'a leak fills a disk by 2 % an hour: told half a day before it is full, worse four hours before, and over once it is emptied',
    given: course(48, (hour) => (hour < 46.5 ? 0.5 + 0.02 * Math.max(0, hour - 24) : 0.4)),
    expect: [
      {
        kind: 'alert',
        at: '34h10m',
        key: `${host}.filesystem./var`,
        data: { rule: 'filesystem-space-forecast', status: 'firing', severity: 'warning', unit: 's', threshold: 86_400 },
      },
      { kind: 'alert', at: '45h10m', data: { status: 'firing', severity: 'critical', threshold: 14_400 } },
      { kind: 'alert', at: '46h40m', data: { status: 'resolved', severity: 'critical' } },
      { kind: 'state', at: '46h40m', key: `${host}.alert.filesystem-space-forecast.filesystem./var`, data: { value: null } },
    ],
  },
  {
    doc: 'logs that are rotated each day make a saw-tooth, and no alert',
    given: course(60, (hour) => 0.45 + 0.014 * (hour % 24)),
    expect: [],
  },
  {
    doc: 'a slow drift far from full is no alert, however steady',
    given: course(30, (hour) => 0.3 + 0.005 * hour),
    expect: [],
  },
  {
    doc: 'a large file that was copied once is a jump, and no course',
    given: course(20, (hour) => (hour < 12 ? 0.6 : 0.85)),
    expect: [],
  },
];
