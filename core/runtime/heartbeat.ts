/**
 * A process's heartbeat: that it lives, how often it will say so, and what it says of itself. A clean end says goodbye, so
 * that it is not taken for a death. An agent speaks for its server; a process without monitors for itself, under a word of
 * its own, since an agent may run beside it.
 */
import { arch, release, type } from 'node:os';
import type { Cancel } from '../clock.ts';
import type { DataInput } from '../kinds.ts';
import type { Watching } from './context.ts';

export interface Heartbeat {
  /** Beats no more, and says nothing of it. */
  cease(): void;
  goodbye(reason: string): Promise<void>;
}

export interface HeartbeatOptions {
  /** Milliseconds between beats. */
  readonly every: number;
  /** The resource words of its key: none for an agent. */
  readonly about: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
}

export function startHeartbeat(context: Watching, options: HeartbeatOptions): Heartbeat {
  const { clock, committer, origin } = context;
  const author = context.authorOf('heartbeat');
  const data: DataInput<'heartbeat'> = {
    boot: origin.bootid,
    interval: options.every / 1000,
    versions: { sluice: options.version, node: process.versions.node, kernel: `${type()} ${release()} ${arch()}` },
  };
  const ways = waysOf(context.bus);
  const beat = async (goodbye?: { reason: string }): Promise<void> => {
    // A beat that waited longer than this would only tell of the past; a goodbye is true for as long as it takes.
    const ttl = goodbye ? undefined : options.every * 3;
    const draft = {
      kind: 'heartbeat' as const,
      key: options.about,
      // The broker that it is connected to is a thing that many servers share, as a rack is.
      data: { ...data, labels: { ...ways(), ...options.labels }, ...(goodbye && { goodbye }) },
      ...(ttl !== undefined && { ttl }),
    };
    await committer.commit({ events: [author.original(draft, clock.now())] });
  };
  const cancel: Cancel = clock.every(options.every, () => void beat().catch(() => {}));
  void beat().catch(() => {});
  return {
    cease: cancel,
    async goodbye(reason) {
      cancel();
      await beat({ reason }).catch(() => {});
    },
  };
}

/** How the process reaches the bus: while it does not, how it did last, since that is where one would look. */
function waysOf(bus: Watching['bus']): () => Record<string, string> {
  let ways: Record<string, string> = {};
  return () => {
    const { via } = bus;
    if (via) ways = { bus: via.broker.slice(0, 255), ...(via.address !== undefined && { address: via.address }) };
    return ways;
  };
}

/** The word under which a process without monitors beats: `hub`, or what it runs where that is less. */
export const wordOf = (run: readonly string[]): string => (run.includes('hub') ? 'hub' : `hub-${run.join('-')}`.slice(0, 60));
