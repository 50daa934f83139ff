/**
 * What comes first when the broker is back and 50 servers have five minutes to tell: that each lives, and what must not be lost. The
 * backlog follows, whole and in order, and what is measured meanwhile comes after it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { gateTo } from '../../core/demo/gate.ts';
import { partOf } from '../../core/demo/part.ts';
import type { Event } from '../../core/event.ts';
import type { Kind } from '../../core/kinds.ts';
import type { Draft } from '../../core/node.ts';
import { author } from '../../core/runtime/author.ts';
import { decoder } from '../../core/runtime/decoding.ts';
import { phaseOf } from '../../core/runtime/linger.ts';
import { outbox } from '../../core/runtime/outbox.ts';
import { openStore } from '../../core/state/store.ts';
import { until } from '../contract/collect.ts';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'a backlog' : 'a backlog: skipped, since RabbitMQ is not here; to run this: apt-get install rabbitmq-server';
const servers = 50;
/** Metrics of each server in the backlog, ten points a second. */
const seconds = process.env.SLUICE_SHORT ? 60 : 300;

describe.skipIf(!found)(title, { timeout: 180_000 }, () => {
  const broker = found as Broker;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-backlog-'));
  const store = openStore(folder);
  const reading = rabbitBus({ urls: [broker.url], clock: systemClock, report: () => {} });
  const writing = rabbitBus({ urls: [broker.url], clock: systemClock, report: () => {} });
  afterAll(async () => {
    await reading.close(0);
    await writing.close(0);
    await store.close();
    await broker.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('holds up neither heartbeats nor alerts', async () => {
    const arrived: Event[] = [];
    const { read } = decoder(systemClock);
    for (const kind of ['heartbeat', 'alert', 'metric'] as const satisfies Kind[])
      await reading.subscribe(
        { topics: [{ kind, pattern: '#' }], queue: { name: `backlog.${kind}` }, prefetch: 100 },
        {
          deliver({ message, ack }) {
            arrived.push(...(read(message, systemClock.now()) as Event[]));
            ack();
          },
          pipe: () => {},
        },
      );
    await until('the broker', () => writing.connected);

    const place = { company: 'acme', system: 'shop', environment: 'prod' };
    const now = systemClock.now();
    const all = Array.from({ length: servers }, (_, index) => {
      const host = `web-${index}`;
      const gate = gateTo(writing, systemClock, () => {});
      gate.cut();
      const part = partOf(store, index);
      const out = outbox({
        ...{ store: part, bus: gate.bus, clock: systemClock, linger: 1000, phase: phaseOf({ place, host }) },
        ...{ report: () => {}, dead: () => {} },
      });
      out.start();
      const write = author({ place, host, bootid: 'boot' }, 'test');
      const commit = (...drafts: (Draft & { at?: number })[]): void => {
        part.write((transaction) => {
          out.append(
            transaction,
            drafts.map(({ at = systemClock.now(), ...draft }) => write.original(draft as Draft, at)),
          );
          out.sweep(transaction);
        });
        out.committed();
      };
      return { gate, out, commit };
    });
    const beat = (at: number) => ({ kind: 'heartbeat' as const, key: [], data: { boot: 'boot', interval: 5 }, ttl: 15_000, at });
    const metric = (second: number, at: number) => {
      const points = Array.from({ length: 10 }, (_, index) => ({ name: `value.${index}`, value: Math.random() * 1e6, unit: 'By' }));
      return { kind: 'metric' as const, key: ['cpu', `${second % 5}`], data: { points }, at };
    };
    const alert = {
      kind: 'alert' as const,
      key: ['cpu'],
      data: { rule: 'r', status: 'firing' as const, severity: 'info' as const, summary: 's', since: '2026-01-01T00:00:00Z' },
    };
    for (const { commit } of all)
      commit(
        ...Array.from({ length: seconds }, (_, second) => second - seconds).flatMap((second) => [
          metric(second + seconds, now + second * 1000),
          ...(second % 5 === 0 ? [beat(now + second * 1000)] : []),
        ]),
      );
    for (const { gate, commit } of all) {
      gate.heal();
      commit(beat(systemClock.now()), alert, metric(seconds, systemClock.now()));
    }
    const ofKind = (kind: Kind): Event[] => arrived.filter((event) => event.kind === kind);
    await until('all of it', () => ofKind('metric').length === servers * (seconds + 1), 120_000);
    await until('the heartbeats', () => new Set(ofKind('heartbeat').map(({ key }) => key)).size === servers);

    // Of each server the metric that was measured when the broker was back comes last, and all in the order of their streams.
    const last = new Map<string, number>();
    for (const { source, key, sequence = 0 } of ofKind('metric')) {
      expect(sequence).toBe((last.get(`${source} ${key}`) ?? 0) + 1);
      last.set(`${source} ${key}`, sequence);
    }
    // No heartbeat tells of the past.
    expect(Math.min(...ofKind('heartbeat').map(({ time }) => time))).toBeGreaterThan(now - 15_000);
    // Not by the clock, but by what else came: the broker itself takes its time with an alert, which goes to a quorum.
    const before = (kind: Kind): number => {
      const last = arrived.findLastIndex((event) => event.kind === kind);
      return arrived.slice(0, last).filter((event) => event.kind === 'metric').length / (servers * (seconds + 1));
    };
    const percent = (share: number): string => `${Math.round(share * 100)} % of the metrics`;
    console.log(`the last heartbeat came after ${percent(before('heartbeat'))}, the last alert after ${percent(before('alert'))}`);
    expect(before('heartbeat')).toBeLessThan(0.9);
    for (const { out } of all) out.stop();
  });
});
