/** Counts alerts, by being given them: the end of the pipe in benches. */
import { defineSink, z } from 'sluice';

export default defineSink({
  name: 'count',
  doc: 'Takes alerts and does nothing with them, for benches; the runtime counts them.',
  config: z.strictObject({}),
  in: [{ kind: 'alert' }],
  create: () => ({ write() {} }),
});
