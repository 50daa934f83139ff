/**
 * A simulated server's monitors: named, keyed and worded as the built-in ones of a Linux server are, and as often at work, but
 * told by its {@link Life} and not by a kernel. `requests` makes up the number of points that is asked for.
 */
import type { DataInput } from '../kinds.ts';
import { type AnyMonitor, type Draft, defineMonitor, z } from '../node.ts';
import { chance } from './chance.ts';
import { cpuModes, type Life, type Reading } from './life.ts';
import { accessLines, intruderLines, programLines, routes } from './lines.ts';
import type { Mount, Server } from './server.ts';

type Points = DataInput<'metric'>['points'];
type PointInput = Points[number];

/** What is measured, and what its sample tells of a reading. */
interface Measure {
  readonly name: string;
  readonly doc: string;
  readonly every: number;
  points(reading: Reading, life: Life): Points;
}

export interface Measuring {
  /** Points that all of them together shall tell each second. */
  readonly points: number;
  readonly seed: number;
  /** The server's own clock. */
  readonly now: () => number;
}

export function monitorsOf(life: Life, { points, seed, now }: Measuring): AnyMonitor[] {
  const measures = measuresOf(life.server);
  const reading = life.at(now());
  const own = measures.reduce((sum, measure) => sum + (measure.points(reading, life).length * 1000) / measure.every, 0);
  // Where fewer are asked for than there are, all are measured less often.
  const slower = Math.max(1, Math.ceil(own / points));
  const sampled = [...measures, requests(life.server, Math.max(1, Math.round(points - own / slower)))];
  return [...sampled.map((measure) => metrics({ ...measure, every: measure.every * slower }, life, now)), ...logs(life, seed, now)];
}

const metrics = ({ name, doc, every, points }: Measure, life: Life, now: () => number): AnyMonitor =>
  defineMonitor({
    name,
    doc: `${doc} Simulated.`,
    config: z.strictObject({}),
    out: ['metric'],
    every,
    create: () => ({
      sample() {
        const count = life.trouble.repeats;
        const last = now();
        return Array.from({ length: count }, (_, index) => {
          const time = last - Math.round(((count - 1 - index) * every) / count);
          return { kind: 'metric' as const, key: [name], data: { points: [...points(life.at(time), life)] }, ...(count > 1 && { time }) };
        });
      },
    }),
  });

function logs(life: Life, seed: number, now: () => number): AnyMonitor[] {
  const { server, trouble } = life;
  const luck = chance(seed, server.name, 'log');
  const log = (word: string, file: string, lines: DataInput<'log'>['lines']): Draft<'log'>[] =>
    lines.length === 0 ? [] : [{ kind: 'log', key: ['log', word], data: { lines, file } }];
  return [
    defineMonitor({
      name: 'log',
      doc: 'Follows the access log and the log of the service. Simulated.',
      config: z.strictObject({}),
      out: ['log', 'incident'],
      every: 1000,
      create: () => ({
        sample() {
          const at = now();
          const reading = life.at(at);
          const { intruder } = trouble;
          // One in a hundred requests is shown: a demo is to be read.
          const seen = luck.times(Math.min(3, reading.rate / 100) + (intruder ? 2 : 0)) * trouble.repeats;
          const complaints = luck.times(0.01 + Math.min(3, reading.rate * reading.errorShare * 0.05)) * trouble.repeats;
          const guesses = intruder === undefined ? 0 : luck.times(2);
          return [
            ...log('access', '/var/log/nginx/access.log', accessLines(server, reading, seen, luck, at, intruder)),
            ...log(server.role, `/var/log/${server.role}.log`, programLines(reading, complaints, luck, at)),
            ...(intruder ? log('auth', '/var/log/auth.log', intruderLines(intruder, guesses, luck, at)) : []),
            ...(intruder !== undefined && luck.next() < 0.2 ? [scan(intruder)] : []),
          ];
        },
      }),
    }),
  ];
}

const scan = (who: string): Draft<'incident'> => ({
  kind: 'incident',
  key: ['intrusion', 'scan'],
  data: { what: 'scan', who, where: '/var/log/nginx/access.log', severity: 'warning', fields: { 'client.address': who } },
});

function measuresOf({ role, mounts, cores, memoryBytes }: Server): Measure[] {
  const by = (name: string, value: number, unit: string, type: PointInput['type'], attributes?: PointInput['attributes']): PointInput => ({
    name,
    value,
    ...(type !== undefined && { type }),
    unit,
    ...(attributes && { attributes }),
  });
  const modes = cpuModes.map((mode) => ({ 'cpu.mode': mode }));
  const memory = ['used', 'free', 'buffers', 'cached'].map((state) => ({ 'system.memory.state': state }));
  const [received, sent] = ['receive', 'transmit'].map((way) => ({ 'network.interface.name': 'eth0', 'network.io.direction': way }));
  const [reads, writes] = ['read', 'write'].map((way) => ({ 'system.device': 'vda', 'disk.io.direction': way }));
  const network = (bytes: number, where: PointInput['attributes']): Points => [
    by('system.network.io', Math.round(bytes), 'By', 'counter', where),
    by('system.network.packet.count', Math.round(bytes / 820), '{packet}', 'counter', where),
    by('system.network.packet.dropped', 0, '{packet}', 'counter', where),
    by('system.network.errors', 0, '{error}', 'counter', where),
  ];
  const disk = (bytes: number, where: PointInput['attributes']): Points => [
    by('system.disk.io', Math.round(bytes), 'By', 'counter', where),
    by('system.disk.operations', Math.round(bytes / 16_384), '{operation}', 'counter', where),
    by('system.disk.operation_time', bytes / 4e8, 's', 'counter', where),
  ];
  const places = new Map(mounts.map((mount) => [mount, attributesOf(mount)]));
  return [
    {
      name: 'cpu',
      doc: 'Tells how busy the processors are and with what.',
      every: 1000,
      points: ({ cpu, cpuSeconds }) =>
        modes.flatMap((where, mode) => [
          by('system.cpu.time', round(cpuSeconds[mode] ?? 0, 100), 's', 'counter', where),
          by('system.cpu.utilization', cpu[mode] ?? 0, '1', undefined, where),
        ]),
    },
    {
      name: 'memory',
      doc: 'Tells how much memory is in use, and how much is left for programs.',
      every: 1000,
      points({ memoryUsed, memoryCached }) {
        const used = Math.round(memoryUsed);
        const cached = Math.round(memoryCached);
        const values = [used, Math.max(0, memoryBytes - used - cached), Math.round(cached / 20), cached];
        return [
          by('system.memory.limit', memoryBytes, 'By', 'updown'),
          ...memory.map((where, state) => by('system.memory.usage', values[state] ?? 0, 'By', 'updown', where)),
          by('system.memory.utilization', memoryUsed / memoryBytes, '1', undefined, memory[0]),
          by('system.memory.linux.available', memoryBytes - used, 'By', 'updown'),
        ];
      },
    },
    {
      name: 'network',
      doc: 'Tells what passes each network interface.',
      every: 1000,
      points: (reading) => [...network(reading.received, received), ...network(reading.sent, sent)],
    },
    {
      name: 'disk',
      doc: 'Tells what each disk reads and writes, and how long it was busy.',
      every: 1000,
      points: ({ diskRead, diskWritten, diskBusy }) => [
        ...disk(diskRead, reads),
        ...disk(diskWritten, writes),
        by('system.disk.io_time', round(diskBusy, 1000), 's', 'counter', { 'system.device': 'vda' }),
      ],
    },
    {
      name: 'filesystem',
      doc: 'Tells how full each filesystem is.',
      every: 5000,
      points: ({ fills }) => fills.flatMap(({ mount, fill }) => filesystem(mount, fill, places.get(mount) ?? {})),
    },
    {
      name: 'load',
      doc: 'Tells how many tasks want to run.',
      every: 5000,
      points: ({ load }) => [
        by('system.cpu.logical.count', cores, '{cpu}', 'updown'),
        ...load.flatMap((value, index) => {
          const span = ['1m', '5m', '15m'][index];
          return [
            by(`system.cpu.load_average.${span}`, round(value, 100), '1', undefined),
            by(`system.cpu.load_per_core.${span}`, round(value / cores, 1000), '1', undefined),
          ];
        }),
      ],
    },
    {
      name: 'processes',
      doc: 'Counts processes by state.',
      every: 10_000,
      points: ({ rate, requests: all }) => [
        by('system.process.count', 1 + Math.round(rate / 60), '{process}', 'updown', { 'process.state': 'running' }),
        by('system.process.count', role === 'db' ? 212 : 134, '{process}', 'updown', { 'process.state': 'sleeping' }),
        by('system.process.created', 4000 + Math.round(all / 50), '{process}', 'counter'),
      ],
    },
    {
      name: 'uptime',
      doc: 'Tells how long the server has been up.',
      every: 60_000,
      points: ({ uptime }) => [by('system.uptime', round(uptime, 100), 's', undefined)],
    },
  ];
}

const round = (value: number, parts: number): number => Math.round(value * parts) / parts;

const attributesOf = ({ device, mountpoint, type }: Mount) => ({
  'system.device': device,
  'system.filesystem.mountpoint': mountpoint,
  'system.filesystem.type': type,
  'system.filesystem.mode': 'rw',
});

function filesystem({ bytes }: Mount, fill: number, where: Record<string, string>): Points {
  const used = Math.round(bytes * fill);
  const [inUse, free] = ['used', 'free'].map((state) => ({ ...where, 'system.filesystem.state': state }));
  return [
    { name: 'system.filesystem.usage', value: used, type: 'updown', unit: 'By', attributes: inUse },
    { name: 'system.filesystem.usage', value: bytes - used, type: 'updown', unit: 'By', attributes: free },
    { name: 'system.filesystem.utilization', value: fill, unit: '1', attributes: inUse },
    { name: 'system.filesystem.responding', value: 1, unit: '1', attributes: where },
  ];
}

/** The service's own figures: the share that fails, then route by route until there are as many points as are asked for. */
function requests({ role }: Server, count: number): Measure {
  const paths = routes[role];
  const ways = Array.from({ length: Math.ceil(count / 4) }, (_, index) => ({
    'http.route': index < paths.length ? (paths[index] ?? '') : `${paths[0]}v2/${index}`.replace('//', '/'),
    share: 1 / (index + 2),
  }));
  const about = ways.map(({ 'http.route': route }) => ({
    good: { 'http.route': route, 'http.response.status_code': 200 },
    bad: { 'http.route': route, 'http.response.status_code': 500 },
    route: { 'http.route': route },
  }));
  return {
    name: 'requests',
    doc: 'Tells what the service answers, how fast and how well.',
    every: 1000,
    points({ requests: all, failed, errorShare, latency, rate }) {
      const points: PointInput[] = [{ name: 'http.server.error.ratio', value: errorShare, unit: '1' }];
      for (let index = 0; points.length < count; index++) {
        const where = about[index];
        const share = ways[index]?.share ?? 0;
        if (!where) break;
        const good = Math.round((all - failed) * share);
        points.push(
          { name: 'http.server.request.count', value: good, type: 'counter', unit: '{request}', attributes: where.good },
          {
            name: 'http.server.request.count',
            value: Math.round(failed * share),
            type: 'counter',
            unit: '{request}',
            attributes: where.bad,
          },
          { name: 'http.server.request.duration', value: latency * (0.6 + share), unit: 's', attributes: where.route },
          {
            name: 'http.server.active_requests',
            value: Math.round(rate * latency * share),
            type: 'updown',
            unit: '{request}',
            attributes: where.route,
          },
        );
      }
      points.length = Math.min(points.length, count);
      return points;
    },
  };
}
