/** What may be said about cadence in a config: how long it learns, and what it never calls quiet. */
import { duration, z } from 'sluice';

const span = z.string().refine((text) => (duration(text) ?? 0) > 0, 'is no duration; write it as 10m or 1d');

export const config = z.strictObject({
  /** A stream is judged once it is known for as long. */
  after: span.default('1d'),
  /** No gap that is shorter is told. */
  least: span.default('10m'),
});

export const spansOf = ({ after, least }: z.output<typeof config>) => ({ after: duration(after) ?? 0, least: duration(least) ?? 0 });
