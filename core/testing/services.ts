/** What a process would offer to a monitor or sink, for a test of that node alone. */
import { type VirtualClock, virtualClock } from '../clock.ts';
import type { Topic } from '../event.ts';
import type { History } from '../history.ts';
import type { Level, PlacedFilter, Services } from '../node.ts';

export interface TestServices extends Services {
  readonly clock: VirtualClock;
  /** What the node has told a person. */
  readonly said: { readonly level: Level; readonly text: string }[];
  /** What it has said that somebody looks at, each time. */
  readonly looked: (readonly Topic[])[];
}

/** Services on a clock that stands still until the test moves it. Pass to a node's `start`. */
export function testServices(
  given: { readonly clock?: VirtualClock; readonly history?: History | undefined; readonly filters?: readonly PlacedFilter[] } = {},
): TestServices {
  const said: { level: Level; text: string }[] = [];
  const looked: (readonly Topic[])[] = [];
  return {
    history: () => given.history,
    filters: () => given.filters ?? [],
    ledger: () => ({ process: '', lost: [], heard: [] }),
    clock: given.clock ?? virtualClock(),
    look: (topics) => void looked.push(topics),
    looked,
    say: (level, text) => void said.push({ level, text }),
    said,
  };
}
