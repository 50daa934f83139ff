/**
 * One process of sluice whose memory is measured: `served.ts <config> <state>` runs it as `sluice run` would, and answers each message
 * with what it holds after its garbage is collected, and before. Started by benches alone, with `--expose-gc`.
 */
import { compiled } from './compiled.ts';

export interface Held {
  /** Megabytes of JavaScript, and of buffers outside of it, once all garbage is collected. */
  readonly live: number;
  /** Megabytes of the process as the kernel counts them. */
  readonly resident: number;
}

const megabyte = 1_048_576;
const { loadConfig } = await compiled<typeof import('../../../core/config.ts')>('core/config');
const { runProcess } = await compiled<typeof import('../../../core/runtime/process.ts')>('core/runtime/process');
const [file = '', state = ''] = process.argv.slice(2);
const config = loadConfig({ file, env: {}, defaults: { state, host: 'bench' } });
await runProcess(config, { print: (level, text) => level !== 'info' && console.error(text) });
process.on('message', () => {
  const { rss } = process.memoryUsage();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ live: (heapUsed + external) / megabyte, resident: rss / megabyte } satisfies Held);
});
// Whoever measures is done, or gone.
process.once('disconnect', () => process.exit(0));
