/** Prints what {@link busReport} found: processes, readers, the streams that have holes, queues. */
import type { BusReport } from './bus-report.ts';
import { type Cell, type Paint, table } from './screen.ts';

const shownStreams = 20;

export function showBus({ processes, readers, lost, queues }: BusReport, paint: Paint): string {
  const bad = (count: number): Cell => (count > 0 ? [String(count), paint.yellow] : '0');
  const parts = [
    table(
      ['HOST', 'PROCESS', 'BUS', 'LINGER', 'SENT', 'CONFIRMED', 'SPOOLED', 'DROPPED', 'EXPIRED', 'HOLES', 'REPEATS'],
      processes.map((one) => [
        one.host,
        one.process.slice(-6),
        standingOf(one, paint),
        `${one.linger} ms`,
        String(one.sent),
        String(one.confirmed),
        spooledOf(one.spooled),
        bad(one.dropped),
        String(one.expired),
        bad(one.holes),
        String(one.repeats),
      ]),
      paint,
    ),
  ];
  if (readers.length > 0)
    parts.push(
      table(
        ['READER', 'HOST', 'IN', 'HOLES', 'REPEATS', 'DEAD'],
        readers.map(({ name, host, events }) => [
          name,
          host,
          String(events.in),
          bad(events.holes),
          String(events.repeats),
          bad(events.dead),
        ]),
        paint,
      ),
    );
  if (lost.length > 0)
    parts.push(
      table(
        ['LOST', 'READER', 'SOURCE', 'BOOT', 'KIND', 'KEY', 'WHICH'],
        lost
          .slice(0, shownStreams)
          .map(({ node, source, boot, kind, key, lost: count, gaps }) => [
            String(count),
            node,
            source,
            boot,
            kind,
            key,
            gaps.length > 0 ? gaps.slice(-3).join(' ') : '',
          ]),
        paint,
      ),
    );
  if (queues.length > 0)
    parts.push(
      table(
        ['QUEUE', 'WAITING', 'READERS'],
        queues.map(({ name, waiting, readers: count }) => [name, String(waiting), count > 0 ? String(count) : ['0', paint.yellow]]),
        paint,
      ),
    );
  return parts.join('\n');
}

function standingOf({ status, connected, blocked }: BusReport['processes'][number], paint: Paint): Cell {
  if (status === 'stopped') return ['stopped', paint.dim];
  if (blocked) return ['blocked', paint.yellow];
  return connected ? ['connected', paint.green] : ['away', paint.red];
}

function spooledOf({ durable, telemetry }: BusReport['processes'][number]['spooled']): string {
  const events = durable.events + telemetry.events;
  const bytes = durable.bytes + telemetry.bytes;
  return events === 0 ? '0' : `${events} (${bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`})`;
}
