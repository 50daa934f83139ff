/**
 * Whether silence means anything: not while the pipe is broken or behind, and not before a time of whole hearing has passed.
 *
 * news of the pipe and ticks → since when all is heard; undefined while it is not. A process that stood still heard nothing.
 */
import { type Pipe, type Table, z } from 'sluice';

export const hearingTable = z.object({ deaf: z.boolean(), since: z.number(), tick: z.number() });

export interface Hearing {
  pipe(pipe: Pipe, at: number): void;
  /** To be asked at each tick. */
  since(at: number): number | undefined;
}

export function hearing(table: Table<z.output<typeof hearingTable>>, tickEvery: number): Hearing {
  return {
    pipe({ connected, caughtUp }, at) {
      const known = table.get('pipe');
      const deaf = !connected || !caughtUp;
      if (deaf !== (known?.deaf ?? false)) table.set('pipe', { deaf, since: at, tick: known?.tick ?? at });
    },
    since(at) {
      const known = table.get('pipe') ?? { deaf: false, since: at, tick: at };
      const stoodStill = Math.abs(at - known.tick) > 10 * tickEvery;
      const { deaf, since } = stoodStill ? { ...known, since: at } : known;
      table.set('pipe', { deaf, since, tick: at });
      return deaf ? undefined : since;
    },
  };
}
