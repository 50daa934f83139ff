/**
 * Tells what passes the network interfaces, and what they lose.
 *
 * /proc/net/dev → `system.network.io` (By), `.packet.count`, `.packet.dropped`, `.errors`: counters since boot, each by
 * `network.interface.name` and `network.io.direction`.
 *
 * Left out unless the config says otherwise: `lo`, whose traffic stays on the machine, and containers' ends (`veth*`), which
 * come and go and pass a bridge that is counted. In a container these are the container's own interfaces.
 */
import { defineMonitor, z } from 'sluice';
import { type Flow, type Interface, interfacesElsewhere } from './shared/elsewhere.ts';
import { metric, type PointInput } from './shared/metric.ts';
import { matchesAny, names } from './shared/names.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';

export default defineMonitor({
  name: 'network',
  doc: 'Tells what passes each network interface, and what it loses to errors and full queues.',
  config: z.strictObject({ root: procRoot, exclude: names(['lo', 'veth*']) }),
  out: ['metric'],
  every: 1000,
  create: ({ root, exclude }) => ({
    start: () => checkRoot('network', root),
    async sample() {
      const interfaces = isLinux ? parseNetDev(readProc('network', root, 'net/dev') ?? '') : await interfacesElsewhere();
      return metric(['network'], interfaces.filter(({ name }) => !matchesAny(name, exclude)).flatMap(pointsOf));
    },
  }),
});

function pointsOf({ name, receive, transmit }: Interface): PointInput[] {
  const way = (direction: string, flow: Flow): PointInput[] => {
    const attributes = { 'network.interface.name': name, 'network.io.direction': direction };
    return [
      { name: 'system.network.io', value: flow.bytes, type: 'counter', unit: 'By', attributes },
      { name: 'system.network.packet.count', value: flow.packets, type: 'counter', unit: '{packet}', attributes },
      { name: 'system.network.packet.dropped', value: flow.dropped, type: 'counter', unit: '{packet}', attributes },
      { name: 'system.network.errors', value: flow.errors, type: 'counter', unit: '{error}', attributes },
    ];
  };
  return [...way('receive', receive), ...way('transmit', transmit)];
}

/** Reads /proc/net/dev: two lines of headings, then `name:` and eight counts for each way. */
export function parseNetDev(text: string): Interface[] {
  return text.split('\n').flatMap((line) => {
    // An alias such as eth0:1 has a colon in its name; the last one ends it, and a count may follow without a space.
    const colon = line.lastIndexOf(':');
    if (colon < 0) return [];
    const counts = line
      .slice(colon + 1)
      .trim()
      .split(/ +/)
      .map(Number);
    const flow = (from: number): Flow => {
      const [bytes = Number.NaN, packets = Number.NaN, errors = Number.NaN, dropped = Number.NaN] = counts.slice(from, from + 4);
      return { bytes, packets, errors, dropped };
    };
    return [{ name: line.slice(0, colon).trim(), receive: flow(0), transmit: flow(8) }];
  });
}
