/** A broker short of memory, and a queue that nobody drains: agents keep their pace and their size, and nothing is lost. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type RabbitOptions, rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { collect, until } from '../contract/collect.ts';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';
import { type Fleet, startFleet } from './storm.ts';

const short = process.env.SLUICE_SHORT !== undefined;
/** Each of these says 100 alerts and 100 metrics, 20 times a second. */
const rate = { step: 100, pause: 50, keys: 400 };

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'pressure' : 'pressure: skipped, since RabbitMQ is not here; to run these: apt-get install rabbitmq-server';

/** In MB: all of it, and what is no file's. */
function memoryOf(pid: number | undefined): { all: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { all: mb('VmRSS'), own: mb('RssAnon') };
}

describe.skipIf(!found)(title, { timeout: 1_200_000 }, () => {
  const broker = found as Broker;
  let fleet: Fleet | undefined;
  afterEach(async () => {
    await fleet?.end();
    fleet = undefined;
  });
  afterAll(() => broker.remove(), 60_000);

  /** Watches for a while: the most memory, how many numbers a second were accepted, and how far the hub was behind them. */
  async function watch(watched: Fleet, seconds: number) {
    const [began, before] = [performance.now(), watched.accepted()];
    let [all, own, behind] = [0, 0, 0];
    while (performance.now() - began < seconds * 1000) {
      const now = memoryOf(watched.agent().pid);
      [all, own, behind] = [Math.max(all, now.all), Math.max(own, now.own), Math.max(behind, watched.accepted() - watched.latest())];
      await pause(500);
    }
    const perSecond = (watched.accepted() - before) / ((performance.now() - began) / 1000);
    return { all, own, perSecond, behind };
  }
  const line = (kind: string, { accepted, lost, twice }: { accepted: number; lost: number; twice: number }) =>
    `${accepted} ${kind}s, ${lost} lost, ${twice} twice`;

  it('short of memory, leaves an agent at its size, and loses nothing', async () => {
    fleet = await startFleet({ broker, least: 1, ...rate });
    const calm = await watch(fleet, short ? 8 : 20);
    await broker.control('set_vm_memory_high_watermark', 'absolute', '1MiB');
    await until('the agent heard', () => fleet?.said().includes('takes no more for now') === true, 30_000);
    const seconds = short ? 8 : 120;
    const blocked = await watch(fleet, seconds);
    await broker.control('set_vm_memory_high_watermark', '0.6');
    await fleet.finish();
    const [alert, metric] = [fleet.told('alert'), fleet.told('metric')];
    console.log(
      `memory alarm for ${seconds} s at ${(2 * blocked.perSecond).toFixed(0)} events/s (before: ${(2 * calm.perSecond).toFixed(0)}): ` +
        `agent ${calm.all.toFixed(0)} → ${blocked.all.toFixed(0)} MB RSS, without mapped files ${calm.own.toFixed(0)} → ${blocked.own.toFixed(0)} MB; ` +
        `${line('alert', alert)}; ${line('metric', metric)}`,
    );
    expect([alert.lost, alert.twice, metric.lost, metric.twice]).toEqual([0, 0, 0, 0]);
    expect(fleet.miscounted()).toBe(0);
    // The rest is the spool's file as lmdb maps it: clean pages, which the kernel takes back when somebody needs them.
    expect(blocked.own - calm.own).toBeLessThanOrEqual(50);
  });

  it('one queue full, gives everything once to who reads another, and slows no agent', async () => {
    fleet = await startFleet({ broker, least: 1, ...rate });
    const bus = rabbitBus({ urls: [broker.url], clock: systemClock, report: () => {} } satisfies RabbitOptions);
    try {
      const calm = await watch(fleet, short ? 6 : 20);
      const topics = [{ kind: 'alert', pattern: '#' }] as const;
      await broker.control('set_policy', 'stuck', '^stuck$', '{"max-length-bytes":200000}', '--apply-to', 'queues');
      const stuck = await collect(bus, { topics, queue: { name: 'stuck' }, prefetch: 1 }, 'never');
      const first = fleet.accepted();
      await until('it is full', () => fleet?.said().includes('no room for alert') === true, 60_000);
      const full = await watch(fleet, short ? 8 : 60);
      await stuck.close();
      // Somebody drains it again.
      const drained = new Set<number>();
      await bus.subscribe(
        { topics, queue: { name: 'stuck' }, prefetch: 100 },
        {
          deliver({ message, ack }) {
            drained.add(JSON.parse(message.body.toString()).data.value);
            ack();
          },
          pipe() {},
        },
      );
      await fleet.finish();
      const [alert, metric] = [fleet.told('alert'), fleet.told('metric')];
      const missing = () => {
        let count = 0;
        for (let number = first + rate.step + 1; number <= alert.accepted; number++) if (!drained.has(number)) count += 1;
        return count;
      };
      await until('the stuck reader has all', () => missing() === 0, 120_000).catch(() => {});
      console.log(
        `one full queue: agent ${(2 * calm.perSecond).toFixed(0)} events/s before, ${(2 * full.perSecond).toFixed(0)} meanwhile; the healthy reader at most ` +
          `${(full.behind / full.perSecond).toFixed(1)} s behind (before: ${(calm.behind / calm.perSecond).toFixed(1)}); ${line('alert', alert)}; ${line('metric', metric)}; the stuck one, awake again, lacks ${missing()}`,
      );
      expect([alert.lost, alert.twice, metric.lost, metric.twice, missing()]).toEqual([0, 0, 0, 0, 0]);
      expect(full.perSecond).toBeGreaterThan(0.8 * calm.perSecond);
    } finally {
      await broker.control('clear_policy', 'stuck').catch(() => {});
      await bus.close(0);
    }
  });
});
