/**
 * What metrics into VictoriaMetrics cost: the same metric events into the store with VictoriaMetrics behind it, as the runtime
 * hands them over, beside the store's own files and beside bare POSTs of the very same bytes, in the same run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { systemClock } from '../../core/clock.ts';
import { type Event, originalId } from '../../core/event.ts';
import { type Archive, openArchive } from '../../nodes/sinks/store/archive.ts';
import { createClient } from '../../nodes/sinks/store/victoria/client.ts';
import { createLines } from '../../nodes/sinks/store/victoria/lines.ts';
import { withVictoria } from '../../nodes/sinks/store/victoria/victoria.ts';
import { hasVictoria, startVictoria } from '../fixtures/victoria.ts';
import type { Bench } from './shared/figure.ts';

const hosts = 200;
const pointsEach = 20;
const stepMs = 1000;

const eventOf = (host: number, step: number, time: number): Event<'metric'> => {
  const [key, source, bootid] = [`acme.shop.prod.web-${host}.mix`, `/acme/shop/prod/web-${host}/mix`, 'boot-1'];
  const points = Array.from({ length: pointsEach }, (_, index) => ({
    name: `system.mix.${index}`,
    value: Math.round((50 + 40 * Math.sin(step / 300 + host * pointsEach + index)) * 100) / 100,
    unit: '1',
    attributes: { device: `d${index}` },
  }));
  return {
    id: originalId(source, bootid, 'metric', key, step + 1),
    kind: 'metric',
    key,
    source,
    time,
    bootid,
    sequence: step + 1,
    data: { points },
  };
};

export default {
  doc: 'metrics into VictoriaMetrics: points/s beside the store alone and beside bare POSTs of the same bytes; bytes a point there',
  async run(size) {
    if (!hasVictoria()) {
      process.stderr.write('skipped: VictoriaMetrics is not installed; apt-get install victoria-metrics\n');
      return [];
    }
    const steps = size === 'short' ? 20 : 300;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-victoria-'));
    const opened: Archive[] = [];
    const servers = [await startVictoria(), await startVictoria()] as const;
    const never = Number.POSITIVE_INFINITY;
    const keep = { raw: never, minute: never, hour: never, bytes: never };
    try {
      const start = Math.floor((await createClient(servers[0].url).state()).now / stepMs) * stepMs - steps * stepMs;
      let now = start;
      const around = { now: () => now, say: console.error };
      const batches = Array.from({ length: steps }, (_, step) =>
        Array.from({ length: hosts }, (_, host) => eventOf(host, step, start + step * stepMs)),
      );
      const points = steps * hosts * pointsEach;
      const timed = async (work: (batch: Event<'metric'>[]) => Promise<unknown>): Promise<number> => {
        const began = systemClock.monotonic();
        for (const [step, batch] of batches.entries()) {
          now = start + step * stepMs + 5;
          await work(batch);
        }
        return points / ((systemClock.monotonic() - began) / 1000);
      };
      const own = await openArchive({ folder: join(folder, 'own'), keep, ...around });
      opened.push(own);
      const alone = await timed((batch) => own.write(batch));

      const there = withVictoria(await openArchive({ folder: join(folder, 'there'), keep, ...around }), servers[0], around);
      opened.push(there);
      const stored = await timed((batch) => there.write(batch));

      // The same bytes, made and packed beforehand.
      const lines = createLines();
      const bodies: Buffer[] = [];
      const pack = promisify(gzip);
      await timed(async (batch) => {
        const text = batch.map((event) => lines.of(event, now).text).join('');
        lines.settle(true);
        bodies.push(await pack(text, { level: 1 }));
      });
      const bare = createClient(servers[1].url);
      let next = 0;
      const posted = await timed(() => bare.rewrite(bodies[next++] ?? Buffer.alloc(0)));

      let events = 0;
      await createClient(servers[0].url).flush();
      const began = systemClock.monotonic();
      for await (const _ of there.history.read({ kind: 'metric', pattern: '#' }, 0, Number.POSITIVE_INFINITY)) events += 1;
      const reading = (systemClock.monotonic() - began) / 1000;
      if (events !== steps * hosts) throw new Error(`${events} of ${steps * hosts} events came back`);
      const kilobytes = Number(execFileSync('du', ['-sk', servers[0].folder]).toString().split('\t')[0]);
      const of = `${(points / 1e6).toFixed(1)} million points, ${pointsEach} an event, ${hosts} events a write, ${hosts * pointsEach} series`;
      return [
        {
          what: 'into VictoriaMetrics',
          value: stored,
          unit: 'points/s',
          yardstick: { what: 'bare POSTs of the same bytes', value: posted },
          of,
        },
        { what: 'into VictoriaMetrics', value: stored, unit: 'points/s', yardstick: { what: "the store's own files", value: alone } },
        { what: 'read back as events', value: points / reading, unit: 'points/s', of: 'ids, order and times as they were' },
        {
          what: 'on the disk of VictoriaMetrics',
          value: (kilobytes * 1024) / points,
          unit: 'bytes a point',
          of: 'with records and indexes; before its later merges',
        },
      ];
    } finally {
      for (const archive of opened) await archive.close();
      for (const server of servers) await server.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
} satisfies Bench;
