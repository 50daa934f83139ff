/** What may be said about anomaly in a config: which metrics it knows by heart, and what difference matters. */
import { z } from 'sluice';

export const mostSeries = 20_000;

export const config = z.strictObject({
  /** By the metric's name: the difference below which nothing is unusual, in its own unit (for a counter, per second). */
  metrics: z.record(z.string(), z.number().positive()).default({
    'system.cpu.load_per_core.15m': 0.5,
    'system.memory.utilization': 0.15,
    'system.network.io': 1_000_000,
    'system.disk.io': 5_000_000,
    'system.process.count': 50,
  }),
  /** The most series that are learned. */
  series: z.int().positive().max(mostSeries).default(2000),
});
