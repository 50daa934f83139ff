/** What a running process told, tried again from what it was given: the same alerts, by their very ids. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { until } from '../../test/contract/collect.ts';
import { dayRules, dayStart, onDay, recordedDay } from '../../test/fixtures/day.ts';
import { embeddedBus } from '../bus/embedded.ts';
import { virtualClock } from '../clock.ts';
import { loadConfig } from '../config.ts';
import { type Event, encode, fromWire } from '../event.ts';
import type { Received } from '../history.ts';
import type { Kind } from '../kinds.ts';
import { runProcess } from '../runtime/process.ts';
import { memoryHistory } from '../testing/history.ts';
import { backtest } from './backtest.ts';
import { trialOfConfig } from './trial.ts';
import { why } from './why.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-live-run-'));
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * The parts of the day in which something happens, moved together: silence is cheap to try again, and dear to live through. They
 * are numbered anew, or what is left out would be loss.
 */
function excerpt(): Received[] {
  const day = recordedDay();
  const numbers = new Map<string, number>();
  const next = ({ source, bootid, kind, key }: Event): number => {
    const stream = `${source} ${bootid} ${kind} ${key}`;
    const number = (numbers.get(stream) ?? 0) + 1;
    numbers.set(stream, number);
    return number;
  };
  let start = dayStart;
  return [
    ['09:00:00', '09:07:00'],
    ['11:20:00', '11:34:00'],
    ['17:10:00', '17:22:00'],
  ].flatMap(([from = '', to = '']) => {
    const earlier = onDay(from) - start;
    start += onDay(to) - onDay(from);
    return day
      .filter(({ event }) => event.time >= onDay(from) && event.time < onDay(to))
      .map(({ event, received }) => ({
        event: { ...event, time: event.time - earlier, sequence: next(event) },
        received: received - earlier,
      }));
  });
}

it('gives the same events as the process did', { timeout: 120_000 }, async () => {
  const clock = virtualClock(dayStart);
  writeFileSync(
    join(folder, 'config.yaml'),
    JSON.stringify({ host: 'hub-1', run: ['threshold'], nodes: [{ use: 'threshold', ...dayRules }] }),
  );
  const git = (...words: string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...words], { encoding: 'utf8' }).trim();
  git('init', '-q');
  git('add', 'config.yaml');
  git('commit', '-qm', 'rules');
  const config = loadConfig({ file: join(folder, 'config.yaml'), env: {}, defaults: { state: join(folder, 'state'), host: 'hub-1' } });
  const bus = embeddedBus({ clock });
  const kept: Received[] = [];
  for (const kind of ['metric', 'alert'] as Kind[]) {
    const deliver = (delivery: Parameters<Parameters<typeof bus.subscribe>[1]['deliver']>[0]) => {
      const event = fromWire(JSON.parse(delivery.message.body.toString()), { kind, at: clock.now() });
      kept.push({ event, received: clock.now() });
      delivery.ack();
    };
    await bus.subscribe({ topics: [{ kind, pattern: '#' }], queue: { name: `kept.${kind}` }, prefetch: 1000 }, { deliver, pipe() {} });
  }
  const said: string[] = [];
  const starting = runProcess(config, { bus, clock, hangLimit: 120_000, print: (_, text) => void said.push(text) });
  let started = false;
  void starting.then(() => {
    started = true;
  });
  await until('the process', () => started);
  const running = await starting;
  closing.push(async () => {
    const stopped = running.stop('test');
    for (let turn = 0; turn < 50; turn++) await clock.advance(100);
    await stopped;
  });

  for (const { event, received } of excerpt()) {
    await clock.advance(Math.max(0, received - clock.now()));
    await bus.publish({ kind: 'metric', keys: [event.key], body: Buffer.from(encode(event)), batch: false });
  }
  await clock.advance(60_000);
  const alerts = () => kept.flatMap(({ event }) => (event.kind === 'alert' ? [event] : []));
  await until('the last alert', () => alerts().some(({ data }) => data.rule === 'memory-used'));

  const history = memoryHistory(kept);
  const result = await backtest(history, await trialOfConfig(config), { from: dayStart, to: clock.now() });
  expect(said).toEqual([]);
  expect(result.would.length).toBeGreaterThanOrEqual(4);
  expect(new Set(result.would.map(({ rule }) => rule))).toEqual(new Set(['service-down', 'filesystem-space', 'memory-used']));
  expect(result.would).toEqual(result.did);
  const last = alerts().findLast(({ data }) => data.status === 'firing') as Event<'alert'>;
  const told = await why(history, last);
  expect(told.filter).toMatchObject({ name: 'threshold', host: 'hub-1', confighash: (await trialOfConfig(config)).filters[0]?.confighash });
  const commit = git('rev-parse', 'HEAD');
  expect(told.filter?.policycommit).toBe(commit);
  expect(told.sentences.join('\n')).toContain(`policy ${commit.slice(0, 12)})`);
  expect(told.causes.map(({ sort }) => sort)).toEqual(['event', 'event']);
});
