/**
 * An idle machine for ten minutes: no alert, and an agent that costs next to nothing. The figures stand beside the budget;
 * what fails is a cost that no slow minute explains. `SLUICE_SHORT=1`: half a minute, in which warming up weighs more.
 */
import { afterAll, expect, it } from 'vitest';
import { findBroker } from '../fixtures/rabbitmq.ts';
import { budget, describeCost, watchIdle } from '../scenarios/idle.ts';

const broker = await findBroker();
afterAll(() => broker?.release(), 30_000);
const ms = process.env.SLUICE_SHORT ? 30_000 : 600_000;
const slack = process.env.SLUICE_SHORT ? 3 : 1.5;

it('raises no alert on an idle machine, and the agent costs little', { timeout: ms + 120_000 }, async () => {
  const { embedded, rabbitmq, alerts } = await watchIdle(ms, broker?.url);
  console.log(describeCost('agent, embedded', embedded));
  if (rabbitmq) console.log(describeCost('agent, rabbitmq', rabbitmq));
  expect(alerts).toEqual([]);
  for (const cost of rabbitmq ? [embedded, rabbitmq] : [embedded]) {
    expect(cost.cpu).toBeLessThan(slack * budget.cpu);
    expect(cost.rss).toBeLessThan(1.1 * budget.rss);
  }
});
