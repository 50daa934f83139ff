/** An idle machine raises no alert, and is watched for next to nothing. The short form; test/faults/quiet.test.ts takes ten minutes. */
import { afterAll, expect, it } from 'vitest';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { budget, describeCost, watchIdle } from './idle.ts';

const broker = await findBroker();
afterAll(() => broker?.release(), 30_000);
const title = 'raises no alert on an idle machine, and the agent costs little';

it(title, { timeout: 120_000 }, async () => {
  const { embedded, rabbitmq, alerts } = await watchIdle(8_000, broker?.url);
  console.log(describeCost('agent, embedded', embedded));
  if (rabbitmq) console.log(describeCost('agent, rabbitmq', rabbitmq));
  expect(alerts).toEqual([]);
  for (const cost of rabbitmq ? [embedded, rabbitmq] : [embedded]) {
    // Other tests run beside this one, and it has hardly warmed up: only a cost that this does not explain fails.
    expect(cost.cpu).toBeLessThan(3 * budget.cpu);
    expect(cost.rss).toBeLessThan(1.1 * budget.rss);
  }
});

if (!broker)
  it.skip('measures the agent on RabbitMQ: skipped, since it is missing; to run these: apt-get install rabbitmq-server', () => {});
