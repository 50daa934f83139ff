/**
 * The recorded day through the real store: played live to the filter, kept in DuckDB and Parquet with what it told, and
 * asked afterwards in process and over HTTP. Nothing here reads from memory.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import threshold from '../../nodes/filters/threshold/threshold.ts';
import { openLive } from '../../nodes/sinks/live/server.ts';
import { type Archive, openArchive } from '../../nodes/sinks/store/archive.ts';
import { dayEnd, dayRules, dayStart, onDay, recordedDay } from '../../test/fixtures/day.ts';
import type { Event } from '../event.ts';
import type { History, Received } from '../history.ts';
import type { PlacedFilter } from '../node.ts';
import { author } from '../runtime/author.ts';
import { lineageOf } from '../runtime/context.ts';
import { filterRun, type Outcome } from '../runtime/filtering.ts';
import { testServices } from '../testing/services.ts';
import { backtest } from './backtest.ts';
import { episodesOf } from './episode.ts';
import { remoteHistory } from './remote.ts';
import type { Trial } from './replay.ts';
import { targetOf } from './target.ts';
import { why } from './why.ts';
import { whyNot } from './why-not.ts';

// The day is 45,000 events; a busy machine takes its time to write them down.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const about = { company: 'acme', system: 'shop', environment: 'prod', host: 'hub-1' };
const span = { from: dayStart, to: dayEnd + 300_000 };
const policycommit = `9c02f31ab0d4${'0'.repeat(28)}`;
const filterOf = (rules: object): PlacedFilter => ({
  name: 'threshold',
  node: threshold,
  config: threshold.config.parse(rules),
  confighash: 'abc',
  policycommit,
  reads: threshold.in,
});
const trialOf = (rules: object): Trial => ({ about, filters: [filterOf(rules)] });

const lingerMs = 300_000;

/** The day as it comes from agents that say what they have each five minutes: a write for each would take the store long. */
function lingering(): Received[] {
  return recordedDay().map(({ event, received }) => ({ event, received: Math.ceil(received / lingerMs) * lingerMs }));
}

/** What the filter tells of the day as it comes, on its clock. */
function live(day: readonly Received[]): Received[] {
  const filter = filterOf(dayRules);
  const run = filterRun(filter.node, filter.config, { name: filter.name, about });
  const writer = author({ place: about, host: about.host, bootid: 'live' }, filter.name);
  const told: Received[] = [];
  const take = (outcomes: readonly Outcome[], at: number): void => {
    for (const outcome of outcomes) {
      if (outcome.dead !== undefined) throw outcome.dead;
      for (const { index: _, ...derived } of outcome.derived)
        told.push({ event: writer.stamp({ ...derived, ...lineageOf(filter) } as Event), received: at });
    }
  };
  const start = day[0]?.received ?? 0;
  take([...run.pipe({ connected: true, caughtUp: true }, start), ...run.tick(start)], start);
  for (const { event, received } of day) {
    for (let due = run.nextTick; due !== undefined && due <= received; due = run.nextTick) take(run.tick(due), due);
    take(run.event(event, received), received);
    run.memory.committed();
  }
  return told;
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-stored-day-'));
let alerts: Event<'alert'>[];
let archive: Archive;
let server: Awaited<ReturnType<typeof openLive>>;
let pasts: Record<'in process' | 'over HTTP', History>;

beforeAll(async () => {
  const day = lingering();
  const told = live(day);
  alerts = told.flatMap(({ event }) => (event.kind === 'alert' ? [event] : []));
  let now = dayStart;
  const ever = Number.POSITIVE_INFINITY;
  const keep = { raw: ever, minute: ever, hour: ever, bytes: ever };
  const open = () => openArchive({ folder, keep, say: () => {}, now: () => now });
  archive = await open();
  const kept = [...day, ...told].sort((one, other) => one.received - other.received);
  for (let first = 0; first < kept.length; ) {
    now = kept[first]?.received ?? now;
    let end = first;
    while (kept[end]?.received === now) end += 1;
    await archive.write(kept.slice(first, end).map(({ event }) => event));
    first = end;
  }
  // A start closes what is open: most of the day is in Parquet files.
  await archive.close();
  archive = await open();
  server = await openLive(
    { host: '127.0.0.1', port: 0 },
    { seconds: 60, bytes: 1_048_576, viewers: 1 },
    testServices({ history: archive.history }),
  );
  pasts = { 'in process': archive.history, 'over HTTP': remoteHistory(server.url) };
});
afterAll(async () => {
  await server?.close();
  await archive?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['in process', 'over HTTP'] as const)('the stored day, asked %s', (way) => {
  it('finds the same alerts, to the millisecond, as the live run told', async () => {
    const result = await backtest(pasts[way], trialOf(dayRules), span);
    expect(readdirSync(folder).filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(1);
    expect(result.events).toBe(recordedDay().length);
    expect(result.would).toEqual(episodesOf(alerts));
    expect(result.did).toEqual(result.would);
    expect(result.would.map(({ rule, key }) => [rule, key.split('.')[3]])).toEqual([
      ...Array.from({ length: 6 }, () => ['service-down', 'web-4']),
      ['filesystem-space', 'web-1'],
      ['memory-used', 'web-2'],
    ]);
    expect(result.coverage).toMatchObject([{ resolution: 'raw' }]);
  });

  it('shows what a changed threshold adds, and what it takes away', async () => {
    const rules = {
      'service-down': { ...dayRules.rules['service-down'], critical: { below: 1, for: '2m' } },
      'filesystem-space': { warning: { above: 0.9, clear: 0.88, for: '3m' } },
    };
    const { compared } = await backtest(pasts[way], trialOf({ rules }), span);
    expect(compared.added).toMatchObject([{ rule: 'filesystem-space', from: onDay('02:13:40') }]);
    expect(compared.gone.map(({ rule }) => rule)).toEqual(Array.from({ length: 6 }, () => 'service-down'));
    expect(compared.same.map(({ now }) => now.rule)).toEqual(['filesystem-space', 'memory-used']);
  });

  it.each([
    ['filesystem-space', 'system.filesystem.utilization'],
    ['memory-used', 'system.memory.utilization'],
    ['service-down', 'app.up'],
  ])('leads from %s to the points that caused it', async (rule, metric) => {
    const alert = alerts.find(({ data }) => data.rule === rule && data.status === 'firing');
    const stored = await pasts[way].byId(alert?.id ?? '');
    expect(stored?.event).toEqual(alert);
    const told = await why(pasts[way], stored?.event as Event);
    expect(told).toMatchObject({ rule, filter: { name: 'threshold', nodeversion: '1', confighash: 'abc', policycommit } });
    expect(told.causes.map((cause) => (cause.sort === 'event' ? cause.event.id : cause.sort))).toEqual(alert?.data.evidence);
    expect(told.sentences.join('\n')).toMatch(new RegExp(`It was decided by the metric of .*\\n {2}${metric}\\{`));
  });

  it('says of the fourth, which stayed just under, what was missing', async () => {
    const { filters } = trialOf(dayRules);
    const told = await whyNot(pasts[way], filters, targetOf('web-3/filesystem'), onDay('02:12:00'));
    expect(told.alerts).toEqual([]);
    expect(told.sentences).toContain(
      '  web-3/filesystem./data: above 90 % for 3m12s, from 02:10:40; the rule needs 5m (1m48s more). Rule filesystem-space, warning',
    );
  });
});
