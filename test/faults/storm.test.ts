/** Nothing is lost and nothing counts twice, however often broker and agent are killed while events flow. */
import { afterAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../fixtures/rabbitmq.ts';
import { storm } from './storm.ts';

const short = process.env.SLUICE_SHORT !== undefined;
const kills = Number(process.env.SLUICE_KILLS ?? (short ? 2 : 50));
const least = short ? 2000 : 100_000;
const seed = Number(process.env.SLUICE_SEED ?? 7);

const found = await startBroker();
if (!found && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = found ? 'storm' : 'storm: skipped, since RabbitMQ is not here; to run this: apt-get install rabbitmq-server';

describe.skipIf(!found)(title, () => {
  const broker = found as Broker;
  afterAll(() => broker.remove(), 60_000);

  it(`loses none of ${least} alerts and metrics to ${kills} kills of the broker and ${kills} of the agent`, {
    timeout: 3_600_000,
  }, async () => {
    const { alert, metric, miscounted, brokerKills, agentKills, seconds, said } = await storm(broker, { kills, least, seed });
    console.log(
      `kill -9 ${brokerKills} times of the broker and ${agentKills} of the agent (seed ${seed}), ${seconds.toFixed(0)} s: ` +
        `${alert.accepted} alerts, ${alert.lost} lost, ${alert.twice} twice; ${metric.accepted} metrics, ${metric.lost} lost, ${metric.twice} twice; ` +
        `${miscounted} counted wrong by a filter`,
    );
    expect(alert.accepted, said.slice(-3000)).toBeGreaterThanOrEqual(least);
    expect({ alert: [alert.lost, alert.twice], metric: [metric.lost, metric.twice], miscounted }).toEqual({
      alert: [0, 0],
      metric: [0, 0],
      miscounted: 0,
    });
    expect([brokerKills, agentKills]).toEqual([kills, kills]);
  });
});
