/** What may be said about rollup in a config, and the bounds that no config can move. */
import { duration, z } from 'sluice';

export const mostSeries = 200_000;

const span = z.string().refine((text) => (duration(text) ?? 0) > 0, 'is no duration; write it as 15s or 1m');

export const config = z.strictObject({
  /** How long after its end a window waits for late points. */
  allowance: span.default('15s'),
  /** The most series that are summed up. */
  series: z.int().positive().max(mostSeries).default(50_000),
});
