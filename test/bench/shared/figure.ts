/**
 * What a bench is: a file of test/bench whose default export is a {@link Bench}. It measures, and says each figure with what
 * stands beside it: the same work without sluice, in the same run on the same machine, and the budget of the design if there
 * is one. `main.ts` finds it, bounds it and prints it.
 */
import { findBroker } from '../../fixtures/rabbitmq.ts';

export interface Figure {
  /** What was measured, in a few words. */
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The like of it without sluice, in the same unit unless it names its own. */
  readonly yardstick?: { readonly what: string; readonly value: number; readonly unit?: string };
  /** What the design asks for (section 11): at least, or at most. */
  readonly budget?: { readonly least: number } | { readonly most: number };
  /** Under which conditions: points per event, events per message, type of queue, size of the sample. */
  readonly of?: string;
}

export interface Bench {
  /** One sentence: what it tells. Its name is its file's. */
  readonly doc: string;
  /** In its short form a bench proves that it works; its figures are rough. Ends within `main.ts`'s limit, and lets go of all it took. */
  run(size: 'short' | 'full'): Promise<readonly Figure[]>;
}

/** What a bench's own process sends to the one that prints. */
export interface Measured {
  readonly doc: string;
  readonly figures: readonly Figure[];
}

export function isBench(value: unknown): value is Bench {
  return typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function' && 'doc' in value;
}

/** The value below which a share of the values lies, in ascending order. */
export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

/** CPU of this process while it works, in seconds: user and system, all threads. */
export async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Runs `work` with the URL of a broker. Without RabbitMQ there is nothing to measure, and it is said. */
export async function withBroker(work: (url: string) => Promise<readonly Figure[]>): Promise<readonly Figure[]> {
  const broker = await findBroker();
  if (!broker) {
    process.stderr.write('skipped: what needs RabbitMQ, which is not installed; apt-get install rabbitmq-server\n');
    return [];
  }
  try {
    return await work(broker.url);
  } finally {
    await broker.release();
  }
}
