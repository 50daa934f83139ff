/**
 * The servers of a bench: `fleet-part.ts <what, as JSON>` runs a simulated fleet on a broker, tells its parent how far it is, and at
 * the end all that it wrote, stream by stream. Started by benches alone.
 */
import { rabbitBus } from '../../../core/bus/rabbitmq.ts';
import { systemClock } from '../../../core/clock.ts';
import { startFleet } from '../../../core/demo/fleet.ts';
import type { Written } from '../../../core/demo/ledger.ts';

export interface FleetPart {
  readonly url: string;
  readonly state: string;
  readonly servers: number;
  readonly points: number;
  /** How many times as often as usual they measure. */
  readonly hurry: number;
  /** Milliseconds. */
  readonly linger: number;
}

export interface FleetTold {
  /** Metric events and points that the spools have taken. */
  readonly events: number;
  readonly points: number;
  /** Events that are not confirmed yet. */
  readonly waiting: number;
  /** CPU of the process so far, all threads, in milliseconds. */
  readonly cpuMs: number;
  /** At the end. */
  readonly streams?: readonly Written[];
}

const tellMs = 200;
const drainMs = 60_000;
const { url, state, servers, points, hurry, linger } = JSON.parse(process.argv[2] ?? '{}') as FleetPart;
const bus = rabbitBus({ urls: [url], clock: systemClock, report: (level, text) => level !== 'info' && console.error(text) });
await new Promise<void>((resolve) => bus.watch((connected) => connected && resolve()));
const fleet = startFleet({ bus, state, servers, points, hurry, linger, report: (_level, text) => console.error(text) });
const tell = (streams?: readonly Written[]): void => {
  const { user, system } = process.cpuUsage();
  const { waiting } = fleet.counts;
  process.send?.({
    ...fleet.ledger.totals('metric'),
    waiting,
    cpuMs: (user + system) / 1000,
    ...(streams && { streams }),
  } satisfies FleetTold);
};
systemClock.every(tellMs, () => tell());
process.once('message', async () => {
  await fleet.stop('measured', drainMs);
  tell([...fleet.ledger.streams.values()]);
  await bus.close();
  process.disconnect?.();
  process.exit(0);
});
// Whoever measures is gone: so is this.
process.once('disconnect', () => process.exit(1));
