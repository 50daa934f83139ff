/**
 * An idle machine raises no alert, and is watched for next to nothing. The short form, on the embedded bus; test/faults/quiet.test.ts
 * takes ten minutes, and RabbitMQ too.
 */
import { expect, it } from 'vitest';
import { budget, describeCost, watchIdle } from './idle.ts';

it('raises no alert on an idle machine, and the agent costs little', { timeout: 120_000 }, async () => {
  const { embedded, alerts } = await watchIdle(8_000, undefined);
  console.log(describeCost('agent, embedded', embedded));
  expect(alerts).toEqual([]);
  // Other tests run beside this one, and it has hardly warmed up: only a cost that this does not explain fails.
  expect(embedded.cpu).toBeLessThan(3 * budget.cpu);
  expect(embedded.rss).toBeLessThan(1.1 * budget.rss);
});
