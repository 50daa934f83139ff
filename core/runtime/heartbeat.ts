/**
 * An agent's heartbeat: that this server lives, how often it will say so, and what it says of itself. A clean end says
 * goodbye, so that it is not taken for a death.
 */
import { arch, release, type } from 'node:os';
import type { Cancel } from '../clock.ts';
import type { DataInput } from '../kinds.ts';
import type { Context } from './context.ts';

export interface Heartbeat {
  goodbye(reason: string): Promise<void>;
}

export interface HeartbeatOptions {
  /** Milliseconds between beats. */
  readonly every: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
}

export function startHeartbeat(context: Context, options: HeartbeatOptions): Heartbeat {
  const { clock, committer, origin } = context;
  const author = context.authorOf('heartbeat');
  const data: DataInput<'heartbeat'> = {
    boot: origin.bootid,
    interval: options.every / 1000,
    labels: { ...options.labels },
    versions: { sluice: options.version, node: process.versions.node, kernel: `${type()} ${release()} ${arch()}` },
  };
  const beat = async (goodbye?: { reason: string }): Promise<void> => {
    // A beat that waited longer than this would only tell of the past; a goodbye is true for as long as it takes.
    const ttl = goodbye ? undefined : options.every * 3;
    const draft = {
      kind: 'heartbeat' as const,
      key: [],
      data: { ...data, ...(goodbye && { goodbye }) },
      ...(ttl !== undefined && { ttl }),
    };
    await committer.commit({ events: [author.original(draft, clock.now())] });
  };
  const cancel: Cancel = clock.every(options.every, () => void beat().catch(() => {}));
  void beat().catch(() => {});
  return {
    async goodbye(reason) {
      cancel();
      await beat({ reason }).catch(() => {});
    },
  };
}
