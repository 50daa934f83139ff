/**
 * One process of a pipe that is measured: `part.ts <config> <state>` runs it as `sluice run` would, tells its parent what each of
 * its nodes was given so far, and ends in good order when it is told to. Started by benches alone.
 */
import { compiled } from './compiled.ts';

export interface Told {
  /** By node: how many events it was given, and how many milliseconds old the latest was. */
  readonly given: Readonly<Record<string, number>>;
  readonly lag: Readonly<Record<string, number>>;
  /** CPU of the process so far, all threads, in milliseconds. */
  readonly cpuMs: number;
}

const tellMs = 20;
const { systemClock } = await compiled<typeof import('../../../core/clock.ts')>('core/clock');
const { loadConfig } = await compiled<typeof import('../../../core/config.ts')>('core/config');
const { runProcess } = await compiled<typeof import('../../../core/runtime/process.ts')>('core/runtime/process');
const [file = '', state = ''] = process.argv.slice(2);
const config = loadConfig({ file, env: {}, defaults: { state, host: 'bench' } });
const running = await runProcess(config, { print: (level, text) => level !== 'info' && console.error(text) });
const tell = (): void => {
  const { user, system } = process.cpuUsage();
  const given = Object.fromEntries(running.nodes.map(({ name, health }) => [name, health.counts.in]));
  const lag = Object.fromEntries(running.nodes.map(({ name, health }) => [name, health.lag ?? 0]));
  process.send?.({ given, lag, cpuMs: (user + system) / 1000 } satisfies Told);
};
systemClock.every(tellMs, tell);
process.once('message', async () => {
  await running.stop('measured');
  process.exit(0);
});
// Whoever measures is gone: so is this.
process.once('disconnect', () => process.exit(1));
