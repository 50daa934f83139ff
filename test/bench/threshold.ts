/**
 * What judging costs: metric events through threshold in the runtime's own driver, one core, without a bus and a disk.
 * Three mixes, from points that no rule asks for to hosts that fire. Its yardstick only compares each value with a limit.
 */
import type { Event } from '../../core/event.ts';
import type { Point } from '../../core/kinds.ts';
import { filterRun } from '../../core/runtime/filtering.ts';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { type Bench, cpuOf, type Figure } from './shared/figure.ts';

const budget = 100_000;
const start = Date.UTC(2026, 0, 1);
const host = { name: 'threshold', about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' } };
const event = (index: number, points: Point[]): Event<'metric'> => ({
  id: `m${index}`,
  kind: 'metric',
  key: `acme.shop.prod.web-${index % 1000}.mix`,
  source: `/acme/shop/prod/web-${index % 1000}/mix`,
  time: start + index,
  data: { points },
});
const filesystem = (share: number): Point => ({
  name: 'system.filesystem.utilization',
  value: share,
  attributes: {
    'system.filesystem.mountpoint': '/var',
    'system.filesystem.type': 'ext4',
    'system.filesystem.mode': 'rw',
    'system.filesystem.state': 'used',
  },
});
const other = (index: number): Point => ({
  name: `system.network.io.${index}`,
  value: index,
  attributes: { 'network.interface.name': 'eth0' },
});

const mixes: Record<string, (index: number) => Point[]> = {
  'a tenth judged, all well': () => [filesystem(0.5), ...Array.from({ length: 9 }, (_, index) => other(index))],
  'all judged, all well': () => Array.from({ length: 10 }, () => filesystem(0.5)),
  'all judged, 5 % of hosts firing': (index) => Array.from({ length: 10 }, () => filesystem(index % 20 === 0 ? 0.99 : 0.5)),
};

export default {
  doc: 'what threshold judges on one core, with its default rules; no bus and no disk',
  async run(size) {
    const figures: Figure[] = [];
    for (const [what, mix] of Object.entries(mixes)) {
      const events = Array.from({ length: size === 'short' ? 2000 : 20_000 }, (_, index) => event(index, mix(index)));
      const points = events.length * 10;
      const run = filterRun(threshold, threshold.config.parse({}), host);
      const pass = (): void => {
        for (const each of events) run.event(each, each.time);
        run.memory.changes();
        run.memory.committed();
      };
      const compare = (): number => events.reduce((sum, { data }) => sum + data.points.filter(({ value }) => value > 0.9).length, 0);
      // The first time compiles.
      pass();
      compare();
      const [judging, comparing] = [await cpuOf(pass), await cpuOf(compare)];
      figures.push({
        what,
        value: points / judging,
        unit: 'points/s',
        budget: { least: budget },
        yardstick: { what: 'comparing alone', value: points / comparing },
        of: '10 points an event',
      });
    }
    return figures;
  },
} satisfies Bench;
