/** What may be said about forecast in a config: how full, and how soon. */
import { duration, z } from 'sluice';

const span = z.string().refine((text) => (duration(text) ?? 0) > 0, 'is no duration; write it as 4h or 1d');
const limit = z.strictObject({ share: z.number().min(0).max(1), within: span });
export const config = z.strictObject({
  /** Told when at least this share is in use and it will be full within this time. */
  warning: limit.default({ share: 0.7, within: '24h' }),
  critical: limit.default({ share: 0.85, within: '4h' }),
});
