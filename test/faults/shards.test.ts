/** Hubs that share a filter lose nothing and double nothing, whichever of them is added, killed or paused amid the stream. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';
import { partitions, share } from './shards.ts';

const short = process.env.SLUICE_SHORT !== undefined;
const total = Number(process.env.SLUICE_EVENTS ?? (short ? 4000 : 40_000));

const most = total / 20;

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'shards' : 'shards: skipped, since RabbitMQ is not here; to run these: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, () => {
  const broker = found as Broker;
  afterAll(() => broker.remove(), 60_000);

  it(`says the same of ${total} events, whether three hubs are killed, added and paused or one is left alone`, {
    timeout: 900_000,
  }, async () => {
    const calm = await share(broker, 'calm', most);
    const wild = await share(broker, 'wild', most);
    try {
      const alone = async (): Promise<number> => {
        const began = performance.now();
        calm.start('hub-1');
        await calm.shared('hub-1');
        await calm.feed(total);
        await calm.finish();
        return (performance.now() - began) / 1000;
      };
      const running = alone();
      const again = performance.now();
      wild.start('hub-1');
      wild.start('hub-2');
      await wild.shared('hub-1', 'hub-2');
      // One more: some of what the others hold moves to it.
      await wild.feed(total * 0.25, async () => {
        wild.start('hub-3');
        await wild.shared('hub-1', 'hub-2', 'hub-3');
      });
      await wild.feed(total * 0.5, async () => {
        await wild.signal('hub-1', 'SIGKILL');
        await wild.shared('hub-2', 'hub-3');
      });
      // A pause that is taken for death: the others go on, and it wakes up amid its work.
      const paused = wild.held('hub-2').length;
      await wild.feed(total * 0.75, async () => {
        await wild.signal('hub-2', 'SIGSTOP');
        await wild.shared('hub-3');
        await wild.signal('hub-2', 'SIGCONT');
      });
      await wild.feed(total, async () => {
        wild.start('hub-1');
        await wild.shared('hub-1', 'hub-2', 'hub-3');
      });
      await wild.finish();
      const calmSeconds = await running;
      expect([calm.came.size, calm.counts.contradictions, calm.counts.dead], calm.said()).toEqual([total, 0, 0]);
      const seconds = (performance.now() - again) / 1000;

      const lost = [...calm.came.keys()].filter((id) => !wild.came.has(id)).length;
      const extra = [...wild.came.keys()].filter((id) => !calm.came.has(id)).length;
      const other = [...calm.came].filter(([id, says]) => wild.came.has(id) && wild.came.get(id) !== says).length;
      const written = wild.written();
      const { fed, repeats, contradictions, dead } = wild.counts;
      console.log(
        `${partitions} partitions, 3 hubs: one added, one killed and back, one paused with ${paused} partitions; ${fed} events in ${seconds.toFixed(0)} s: ` +
          `${wild.came.size} said, ${lost} lost, ${extra} that the calm run has not, ${other} that say something else, ${contradictions} contradictory; ` +
          `${repeats} sent again, which readers know; ${written.events} written by their sink, ${written.twice} of them twice, over all hubs' files. One hub alone: ${calm.came.size} in ${calmSeconds.toFixed(0)} s`,
      );
      expect({ lost, extra, other, contradictions, dead }, wild.said()).toEqual({
        lost: 0,
        extra: 0,
        other: 0,
        contradictions: 0,
        dead: 0,
      });
      expect(paused).toBeGreaterThan(0);
      // A sink that died between its file and the changelog leaves a batch that another writes again: at least once, and no more.
      expect(written.events).toBe(total);
      expect(written.twice).toBeLessThan(total / 4);
    } finally {
      await Promise.all([calm.end(), wild.end()]);
    }
  });

  it('goes on where the broker itself was killed', { timeout: 600_000 }, async () => {
    const hubs = await share(broker, 'gone', most);
    try {
      hubs.start('hub-1');
      hubs.start('hub-2');
      await hubs.shared('hub-1', 'hub-2');
      // Old enough to survive: a stream that was made in the second before a kill is never found again (docs/decisions/0003).
      await pause(3000);
      await hubs.feed(total / 2, async () => {
        await broker.kill();
        await broker.start();
      });
      await hubs.shared('hub-1', 'hub-2');
      await hubs.finish();
      const { fed, repeats, contradictions, dead } = hubs.counts;
      const written = hubs.written();
      console.log(
        `the broker killed amid ${fed} events: ${hubs.came.size} said, ${contradictions} contradictory, ${repeats} sent again; ` +
          `${written.events} written by the sink, ${written.twice} of them twice`,
      );
      expect({ said: hubs.came.size, contradictions, dead, written: written.events }, hubs.said()).toEqual({
        said: fed,
        contradictions: 0,
        dead: 0,
        written: fed,
      });
    } finally {
      await hubs.end();
    }
  });
});
