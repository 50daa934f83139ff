/** A spool on a disk of 2 MB while the broker is away: the oldest telemetry gives way, counted to the event, and the process goes on. */
import { statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Bus } from '../../core/bus/bus.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config.ts';
import type { Event } from '../../core/event.ts';
import { decoder } from '../../core/runtime/decoding.ts';
import { runProcess } from '../../core/runtime/process.ts';
import { startBroker } from '../fixtures/rabbitmq.ts';
import { afterwards, canMount, folder, mounting, until } from '../scenarios/run.ts';
import { mountTmpfs } from '../scenarios/tmpfs.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const feed = fileURLToPath(new URL('../fixtures/kill/feed.ts', import.meta.url));
const title = found
  ? 'counts what a disk of 2 MB has no room for, and sends the rest'
  : 'a small disk: skipped, since RabbitMQ is not here';
const last = process.env.SLUICE_SHORT ? 20_000 : 60_000;

it.skipIf(!canMount || !found)(mounting(title), { timeout: 180_000 }, async () => {
  const broker = found as NonNullable<typeof found>;
  afterwards(() => broker.remove());
  const reader = (): Bus => {
    const bus = rabbitBus({ urls: [broker.url], clock: systemClock, report: () => {} });
    afterwards(() => bus.close(0));
    return bus;
  };
  const values: number[] = [];
  const { read } = decoder(systemClock);
  const listen = (bus: Bus) =>
    bus.subscribe(
      { topics: [{ kind: 'metric', pattern: '*.*.*.*.feed.#' }], queue: { name: 'numbers' }, prefetch: 100 },
      {
        deliver({ message, ack }) {
          for (const event of read(message, systemClock.now()) as Event<'metric'>[]) values.push(event.data.points[0]?.value ?? 0);
          ack();
        },
        pipe: () => {},
      },
    );
  // The queue is there before anything is sent, and outlives the broker.
  const first = reader();
  await listen(first);
  await first.close(0);
  await broker.kill();

  const at = folder();
  const state = mountTmpfs(join(at, 'state'), 'size=2m');
  const file = join(at, 'config.yaml');
  const nodes = [{ use: feed, until: last, step: 50 }];
  writeFileSync(file, JSON.stringify({ host: 'web-1', bus: broker.url, run: ['feed'], nodes }));
  const said: string[] = [];
  const running = await runProcess(loadConfig({ file, env: {}, defaults: { state, host: 'web-1' } }), {
    print: (_, text) => void said.push(text),
  });
  afterwards(() => running.stop('test'));
  await until('all to be accepted', () => running.nodes[0]?.health.counts.out === last, 60_000);
  expect(said.filter((text) => text.includes('cannot be written'))).toEqual([]);
  expect(said.filter((text) => /^spool: the disk of .*state has little room; up to \d+ [kM]B of telemetry/.test(text))).toHaveLength(1);
  expect(said.filter((text) => text.includes('the oldest telemetry is dropped and counted'))).toHaveLength(1);
  const { bfree, blocks } = statfsSync(state);
  console.log(`${Math.round((1 - bfree / blocks) * 100)} % of the disk is taken`);

  await broker.start();
  await listen(reader());
  const dropped = await until(
    'what was dropped to be told',
    () =>
      Number(said.map((text) => /has room again; (\d+) events of telemetry were dropped/.exec(text)?.[1]).find(Boolean) ?? 0) || undefined,
    60_000,
  );
  await until('the rest to arrive', () => values.length + dropped >= last, 60_000);
  console.log(`${dropped} of ${last} were dropped, ${values.length} arrived`);
  expect(new Set(values).size).toBe(values.length);
  // All that is missing was counted; and of what the process says of itself a little was dropped too.
  const own = dropped - (last - values.length);
  expect(own).toBeGreaterThanOrEqual(0);
  expect(own).toBeLessThan(20);
  expect(Math.max(...values)).toBe(last);
  expect(dropped).toBeGreaterThan(last / 4);
});
