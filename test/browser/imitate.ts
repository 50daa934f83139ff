/**
 * A small fleet that is not there: events as the built-in monitors, the roster and the runtime write them, for tests of the page
 * and for looking at it. The same numbers come out of the same time.
 *
 * hosts, a time → the events of that second.
 */
import { type Event, key } from 'sluice';

const place = { company: 'acme', system: 'shop', environment: 'prod' };
const gibibyte = 1024 ** 3;

/** Makes an event; its id is counted, its writer is `test`. */
export function createWriter(): (
  event: Pick<Event, 'kind' | 'data'> & { host: string; resource: string[]; time: number; node?: string },
) => Event {
  let count = 0;
  return ({ kind, data, host, resource, time, node = 'test' }) =>
    ({
      id: `event-${count++}`,
      kind,
      key: key({ ...place, host, resource }),
      source: `/acme/shop/prod/${host}/${node}`,
      time,
      data,
    }) as Event;
}

/** Smooth, repeatable noise between -1 and 1. */
const wave = (time: number, seed: number) =>
  (Math.sin(time / 7_900 + seed) + Math.sin(time / 3_100 + seed * 2.3) + Math.sin(time / 1_370 + seed * 5.1)) / 3;

/** The events of one second of a fleet. Counters grow with time, so any order of seconds that goes forward will do. */
export function createFleet(hosts: readonly string[]): (time: number) => Event[] {
  const write = createWriter();
  return (time) =>
    hosts.flatMap((host, index) => {
      const metric = (resource: string[], points: Extract<Event, { kind: 'metric' }>['data']['points']) =>
        write({ kind: 'metric', host, resource, time: time + index * 37, data: { points } });
      const busy = Math.max(0.02, 0.3 + 0.22 * wave(time, index) + 0.25 * Math.max(0, wave(time / 9, index + 4)));
      const mode = (name: string, share: number) => ({
        name: 'system.cpu.utilization',
        unit: '1',
        value: share,
        attributes: { 'cpu.mode': name },
      });
      const memory = (state: string, share: number) => ({
        name: 'system.memory.usage',
        unit: 'By',
        type: 'updown' as const,
        value: share * 16 * gibibyte,
        attributes: { 'system.memory.state': state },
      });
      // The integral of a rate that swings, so that its differences do.
      const total = (perSecond: number, seed: number) =>
        Math.round(
          (perSecond * (time % 1e9)) / 1000 + perSecond * 2 * Math.sin(time / 5_000 + seed) + perSecond * Math.sin(time / 1_900 + seed),
        );
      const counter = (name: string, unit: string, perSecond: number, seed: number, attributes: Record<string, string>) => ({
        name,
        unit,
        type: 'counter' as const,
        value: total(perSecond, seed + index),
        attributes,
      });
      const used = 0.42 + 0.05 * wave(time / 6, index + 2);
      return [
        metric(
          ['cpu'],
          [mode('user', busy * 0.68), mode('system', busy * 0.22), mode('iowait', busy * 0.1), mode('steal', 0), mode('idle', 1 - busy)],
        ),
        metric(['memory'], [memory('used', used), memory('buffers', 0.03), memory('cached', 0.3), memory('free', 1 - used - 0.33)]),
        metric(
          ['load'],
          ['1m', '5m', '15m'].map((span, nth) => ({
            name: `system.cpu.load_average.${span}`,
            unit: '{thread}',
            value: busy * 4 + 0.2 * wave(time / (nth + 1) ** 2, nth),
          })),
        ),
        metric(
          ['network'],
          ['eth0', 'lo'].flatMap((device, nth) =>
            ['receive', 'transmit'].map((direction, way) =>
              counter('system.network.io', 'By', nth === 0 ? 900_000 / (way + 1) : 20_000, nth * 3 + way, {
                'network.interface.name': device,
                'network.io.direction': direction,
              }),
            ),
          ),
        ),
        metric(
          ['disk'],
          ['read', 'write'].map((direction, way) =>
            counter('system.disk.io', 'By', 4_000_000 * (way + 0.4), way + 9, {
              'system.device': 'nvme0n1',
              'disk.io.direction': direction,
            }),
          ),
        ),
        metric(
          ['filesystem'],
          ['/', '/var', '/home'].map((mountpoint, nth) => ({
            name: 'system.filesystem.utilization',
            unit: '1',
            value: 0.31 + 0.21 * nth + 0.01 * wave(time / 20, nth),
            attributes: { 'system.filesystem.mountpoint': mountpoint },
          })),
        ),
        metric(['processes'], [{ name: 'system.process.count', unit: '{process}', value: Math.round(212 + 9 * wave(time / 4, index)) }]),
        ...(Math.floor(time / 1000) % 5 === 0
          ? [write({ kind: 'heartbeat', host, resource: ['agent'], time, data: { boot: 'b1', interval: 5, labels: {}, versions: {} } })]
          : []),
        ...logs(write, host, time, index),
      ];
    });
}

const lines = [
  ['info', 'systemd[1]: Started Session 4211 of User deploy.'],
  ['info', 'nginx: 10.4.7.19 "GET /cart HTTP/1.1" 200 5124 0.012'],
  ['debug', 'kernel: eth0: link is up, 10 Gbps full duplex'],
  ['info', 'nginx: 10.4.7.23 "POST /checkout HTTP/1.1" 303 0 0.141'],
  ['warn', 'postgres[812]: checkpoints are occurring too frequently (24 seconds apart)'],
  ['info', 'sshd[30122]: Accepted publickey for deploy from 10.4.0.8 port 51544 ssh2: ED25519 SHA256:n0tAr3alK3y'],
  ['error', 'shop[2210]: payment provider answered 502 after 3 tries; order 88213 is queued'],
  ['info', 'cron[992]: (root) CMD (test -x /usr/sbin/anacron)'],
] as const;

function logs(write: ReturnType<typeof createWriter>, host: string, time: number, index: number): Event[] {
  const second = Math.floor(time / 1000) + index * 3;
  const line = lines[second % lines.length];
  if (!line || second % 3 === 0) return [];
  const [severity, body] = line;
  return [write({ kind: 'log', host, resource: ['log', 'journal'], time, data: { lines: [{ severity, body }] } })];
}

/** The states that a roster and a runtime keep: each server alive but the last, its nodes running. */
export function statesOf(hosts: readonly string[], time: number): Event[] {
  const write = createWriter();
  const instant = (ago: number) => new Date(time - ago).toISOString();
  return hosts.flatMap((host, index) => {
    const silent = hosts.length > 1 && index === hosts.length - 1;
    const server = {
      ...place,
      host,
      status: silent ? 'silent' : 'alive',
      since: instant(silent ? 95_000 : 8_000_000),
      seen: instant(silent ? 130_000 : 1_000),
      first: instant(9e8),
      interval: 5,
      boot: 'b1',
      labels: { zone: 'eu-1a', role: 'web' },
      versions: { sluice: '0.1.0' },
    };
    const node = (name: string, sort: string, reads: string[], writes: string[]) =>
      write({
        kind: 'state',
        host,
        resource: ['node', name],
        time,
        data: {
          of: 'node',
          value: {
            name,
            use: name,
            sort,
            doc: `${name}.`,
            host,
            process: '1',
            status: 'running',
            since: instant(8e6),
            in: reads.map((kind) => ({ kind, pattern: '#' })),
            out: writes,
            events: { in: 10, out: 20, dead: 0, dropped: 0 },
            errors: 0,
          },
        },
      });
    return [
      write({ kind: 'state', host, resource: ['server'], time, data: { of: 'server', value: server } }),
      node('cpu', 'monitor', [], ['metric']),
      node('threshold', 'filter', ['metric'], ['alert', 'state']),
      node('live', 'sink', ['metric', 'alert', 'state'], []),
    ];
  });
}

/** An alert that fires: its event and its state. */
export function firing(host: string, time: number): Event[] {
  const write = createWriter();
  const data = {
    rule: 'disk-full',
    status: 'firing' as const,
    severity: 'warning' as const,
    summary: 'The filesystem /var is nearly full',
    action: 'Delete old logs or extend the volume: du -xh /var | sort -h | tail',
    value: 0.913,
    threshold: 0.9,
    unit: '1',
    since: new Date(time - 252_000).toISOString(),
    evidence: [],
  };
  return [
    write({ kind: 'alert', host, resource: ['filesystem', '/var'], time: time - 252_000, data }),
    write({ kind: 'state', host, resource: ['alert', 'disk-full', '/var'], time, data: { of: 'alert', value: data } }),
  ];
}
