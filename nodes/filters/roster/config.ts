/** What a roster may be told. */
import { duration, z } from 'sluice';

const span = z.string().refine((text) => duration(text) !== undefined, 'is no duration; write it as 30s, 5m or 1h30m');

/** Which servers: all that have these labels. `company`, `system`, `environment` and `host` are where they are. */
const selector = z
  .record(z.string().min(1).max(255), z.string().max(255))
  .refine((words) => Object.keys(words).length > 0, 'names nobody; write labels, as in {role: web}');
export type Selector = z.output<typeof selector>;

const expectation = z.strictObject({
  of: selector,
  /** How many must be alive. */
  alive: z.string().regex(/^>= ?\d{1,6}$/, 'is no number of servers; write it as ">= 3"'),
  /** How long there may be fewer. */
  for: span.default('2m'),
});
export type Expectation = z.output<typeof expectation>;

export const config = z.strictObject({
  /** How many beats must be missed. */
  missed: z.int().min(1).max(1000).default(3),
  /** The least silence that counts, whatever the interval. */
  atLeast: span.default('30s'),
  /** How long a retired server is remembered. */
  forget: span.default('30d'),
  /** What servers may lose together: labels, and `company`, `system`, `environment`. Of two that say the same, the first is named. */
  groups: z.array(z.string().min(1).max(255)).max(16).default(['rack', 'zone', 'role', 'environment', 'system', 'bus']),
  /** Servers that come and go: their silence retires them. So does the label `ephemeral: true`, which they give themselves. */
  ephemeral: z.array(selector).max(100).default([]),
  /** How many must be there, whoever they are. */
  expect: z.array(expectation).max(100).default([]),
  /** How far a server's clock may be off the others'. */
  skew: span.default('5s'),
});
export type Config = z.output<typeof config>;
