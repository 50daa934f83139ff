/** What a process would offer to a monitor or sink, for a test of that node alone. */
import { type VirtualClock, virtualClock } from '../clock.ts';
import { Reject } from '../errors.ts';
import type { Topic } from '../event.ts';
import type { History } from '../history.ts';
import type { DataInput } from '../kinds.ts';
import type { Draft, Level, PlacedFilter, Services } from '../node.ts';

export interface TestServices extends Services {
  readonly clock: VirtualClock;
  /** What the node has told a person. */
  readonly said: { readonly level: Level; readonly text: string }[];
  /** What it has published for others, and written down of them. */
  readonly emitted: Draft[];
  readonly audited: DataInput<'audit'>[];
  /** What it has said that somebody looks at, each time. */
  readonly looked: (readonly Topic[])[];
}

/** Services on a clock that stands still until the test moves it. Pass to a node's `start`. */
export function testServices(
  given: { readonly clock?: VirtualClock; readonly history?: History | undefined; readonly filters?: readonly PlacedFilter[] } = {},
): TestServices {
  const said: { level: Level; text: string }[] = [];
  const looked: (readonly Topic[])[] = [];
  const emitted: Draft[] = [];
  const audited: DataInput<'audit'>[] = [];
  return {
    history: () => given.history,
    filters: () => given.filters ?? [],
    ledger: () => ({ process: '', lost: [], heard: [] }),
    clock: given.clock ?? virtualClock(),
    look: (topics) => void looked.push(topics),
    looked,
    async emit(draft, may) {
      const key = typeof draft.key === 'string' ? draft.key : ['acme', 'shop', 'prod', 'web-1', ...draft.key].join('.');
      if (!may(key)) throw new Reject(`emit: ${key} is not yours to speak of`);
      return String(emitted.push(draft));
    },
    emitted,
    audit: async (data) => void audited.push(data),
    audited,
    say: (level, text) => void said.push({ level, text }),
    said,
  };
}
