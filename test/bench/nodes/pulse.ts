/** Writes a steady thousand events a second, ten at a time, of one metric about ten things: a full pipe in benches of the page. */
import { defineMonitor, z } from 'sluice';

export default defineMonitor({
  name: 'pulse',
  doc: 'Writes a thousand events a second, for benches.',
  config: z.strictObject({}),
  out: ['metric'],
  every: 10,
  create() {
    let count = 0;
    return {
      sample() {
        count += 1;
        return Array.from({ length: 10 }, (_, index) => ({
          kind: 'metric' as const,
          key: ['pulse', `${index}`],
          data: { points: [{ name: 'bench.pulse', value: index + Math.sin(count / 100), attributes: { thing: `${index}` } }] },
        }));
      },
    };
  },
});
