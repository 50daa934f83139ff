/** While somebody looks, what lingers comes at once; afterwards it lingers again. Over a real broker, with a process as users run it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { busRemote } from '../../core/cli/remote-bus.ts';
import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config.ts';
import type { Event } from '../../core/event.ts';
import { lookMs } from '../../core/runtime/looks.ts';
import { runProcess } from '../../core/runtime/process.ts';
import { definitionsOf } from '../../deploy/rabbitmq/rights.ts';
import { until } from '../contract/collect.ts';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'a look' : 'a look: skipped, since RabbitMQ is not here; to run this: apt-get install rabbitmq-server';
const ticker = fileURLToPath(new URL('../fixtures/look/ticker.ts', import.meta.url));

describe.skipIf(!found)(title, { timeout: 120_000 }, () => {
  const broker = found as Broker;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-look-'));
  afterAll(async () => {
    await broker.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('brings at once what would have waited a minute, for as long as it lasts', async () => {
    // As a fleet is set up: the agent may make no exchange, so the hub comes first.
    const users = ['acme.shop.prod', 'acme.shop.prod.web-1'].map((name) => ({ name, secret: { password: 'secret' } }));
    writeFileSync(join(folder, 'users.json'), JSON.stringify(definitionsOf('/', users)));
    await broker.control('import_definitions', join(folder, 'users.json'));
    const as = (username: string) => ({ urls: [broker.url], credentials: { username, password: 'secret' }, clock: systemClock });
    const viewing = rabbitBus({ ...as('acme.shop.prod'), report: () => {} });
    await until('the hub', () => viewing.connected);
    const file = join(folder, 'config.yaml');
    const nodes = [{ use: ticker, every: '100ms' }];
    writeFileSync(file, JSON.stringify({ place: 'acme.shop.prod', host: 'web-1', bus: broker.url, linger: '60s', run: ['ticker'], nodes }));
    const config = loadConfig({ file, env: {}, defaults: { state: join(folder, 'state'), host: 'web-1' } });
    const said: string[] = [];
    const writing = rabbitBus({ ...as('acme.shop.prod.web-1'), report: (_, text) => void said.push(text) });
    let messages = 0;
    const running = await runProcess(config, {
      print: () => {},
      bus: {
        ...writing,
        get connected() {
          return writing.connected;
        },
        get via() {
          return writing.via;
        },
        publish(message) {
          if (message.kind === 'metric') messages += 1;
          return writing.publish(message);
        },
      },
    });
    const look = async (events: number): Promise<Event[]> => {
      const end = new AbortController();
      const seen: Event[] = [];
      for await (const taken of busRemote(viewing, config).tap({ kind: 'metric', host: 'web-1' }, end.signal)) {
        seen.push(...taken.events);
        if (seen.length >= events) end.abort();
      }
      return seen;
    };
    try {
      await until('both connections', () => viewing.connected && writing.connected);
      const before = systemClock.monotonic();
      const seen = await look(20);
      // What had lingered until then, and from there on each as it is measured: all in less than the minute that none would have come in.
      expect(systemClock.monotonic() - before).toBeLessThan(50_000);
      const sequences = seen.map(({ sequence }) => sequence ?? 0);
      expect(sequences).toEqual(Array.from(sequences, (_, index) => (sequences[0] ?? 0) + index));
      expect(messages).toBeGreaterThan(1);

      // Nobody looks any more: what is measured waits for company again.
      await pause(lookMs + 1000);
      const lingering = messages;
      await pause(3000);
      // At most the deadline of the minute falls into this.
      expect(messages - lingering).toBeLessThanOrEqual(1);
      expect((await look(5)).length).toBeGreaterThanOrEqual(5);
      expect(said).toEqual([]);
    } finally {
      await running.stop('test');
      await viewing.close(0);
    }
  });
});
