/** The recorded day, its metrics in VictoriaMetrics: tried again and explained as if it were in the store's own files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../core/event.ts';
import { backtest } from '../../core/history/backtest.ts';
import type { Trial } from '../../core/history/replay.ts';
import { targetOf } from '../../core/history/target.ts';
import { why } from '../../core/history/why.ts';
import { whyNot } from '../../core/history/why-not.ts';
import type { Received } from '../../core/history.ts';
import { memoryHistory } from '../../core/testing/history.ts';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { type Archive, openArchive } from '../../nodes/sinks/store/archive.ts';
import { keepAll } from '../../nodes/sinks/store/tiers.ts';
import { createClient } from '../../nodes/sinks/store/victoria/client.ts';
import { withVictoria } from '../../nodes/sinks/store/victoria/victoria.ts';
import { dayEnd, dayRules, dayStart, onDay, recordedDay } from '../fixtures/day.ts';
import { hasVictoria, startVictoria, type VictoriaServer, withoutVictoria } from '../fixtures/victoria.ts';

const found = hasVictoria();
const oneDay = 86_400_000;
const perWrite = 200;
const trial: Trial = {
  about: { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' },
  filters: [{ name: 'threshold', node: threshold, config: threshold.config.parse(dayRules), confighash: 'abc', reads: threshold.in }],
};

describe.skipIf(!found)(found ? 'a day in VictoriaMetrics' : `a day in VictoriaMetrics, ${withoutVictoria}`, { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-victoria-day-'));
  let server: VictoriaServer;
  let archive: Archive;
  let day: Received[];
  let alert: Event<'alert'>;
  /** VictoriaMetrics takes what is of the last month: the day is moved there. */
  let moved = 0;
  beforeAll(async () => {
    server = await startVictoria();
    const { now } = await createClient(server.url).state();
    moved = Math.floor((now - 2 * oneDay - dayStart) / oneDay) * oneDay;
    // Those that are written together are received together.
    const recorded = recordedDay();
    day = recorded.map(({ event }, index) => {
      const last = recorded[Math.min(recorded.length, index - (index % perWrite) + perWrite) - 1];
      return { event: { ...event, time: event.time + moved }, received: (last?.received ?? 0) + moved };
    });
    let received = 0;
    const around = { now: () => received, say: () => {} };
    archive = withVictoria(await openArchive({ folder, keep: keepAll, ...around }), { url: server.url }, around);
    for (let from = 0; from < day.length; from += perWrite) {
      const together = day.slice(from, from + perWrite);
      received = together[0]?.received ?? 0;
      await archive.write(together.map(({ event }) => event));
    }
    const near = day.filter(({ event }) => event.key.includes('web-3') && event.time >= onDay('02:11:00') + moved).slice(0, 3);
    const evidence = near.map(({ event }) => event.id);
    const [first, , last] = near;
    received = (last?.received ?? 0) + 1;
    alert = {
      id: 'alert-1',
      kind: 'alert',
      key: 'acme.shop.prod.web-3.filesystem./data',
      source: '/acme/shop/prod/hub-1/threshold',
      time: last?.event.time ?? 0,
      causationid: evidence[2] ?? '',
      data: {
        rule: 'r',
        status: 'firing',
        severity: 'info',
        summary: 's',
        since: new Date(first?.event.time ?? 0).toISOString(),
        evidence,
      },
    };
    await archive.write([alert]);
    await createClient(server.url).flush();
  }, 120_000);
  afterAll(async () => {
    await archive?.close();
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is found by a backtest to the millisecond, though nothing of it is here', async () => {
    const span = { from: dayStart + moved, to: dayEnd + moved };
    const [there, here] = await Promise.all([backtest(archive.history, trial, span), backtest(memoryHistory(day), trial, span)]);
    expect(here.would).toHaveLength(8);
    expect(there.would).toEqual(here.would);
    expect([there.events, there.refused]).toEqual([day.length, 0]);
    expect(there.coverage.every(({ resolution }) => resolution === 'raw')).toBe(true);
    const known = there.coverage.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(known).toBeGreaterThan(0.97 * oneDay);
    expect(there.coverage.some(({ only }) => only?.join() === 'metric')).toBe(true);
    const { rows } = await archive.history.query('SELECT kind, count(*) FROM events GROUP BY kind');
    expect(rows).toEqual([['alert', 1]]);
  });

  it('has the points that an alert rests on, and those that came near', async () => {
    const { causes, sentences } = await why(archive.history, alert);
    expect(causes.map((cause) => cause.sort === 'event' && cause.event.id)).toEqual(alert.data.evidence);
    expect(sentences.filter((line) => line.includes('system.filesystem.utilization')).length).toBeGreaterThanOrEqual(3);
    const silence = await whyNot(archive.history, trial.filters, targetOf('web-3/filesystem'), onDay('02:12:00') + moved);
    expect(silence.sentences.join('\n')).toMatch(/above 90 % for 3m12s/);
  });
});
