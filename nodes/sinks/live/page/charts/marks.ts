/**
 * What happened in the span that is looked at: alerts, and what changed. Asked for again when the span moves on, and at once when
 * an alert comes.
 */
import type { Mark, Marks } from '../../series/protocol.ts';
import { type Cell, cell } from '../parts/cell.ts';
import type { Line as Wire } from '../wire/line.ts';

export interface Timeline {
  /** In the order of time. */
  readonly marks: Cell<readonly Mark[]>;
  /** There were more than could be told. */
  readonly cut: boolean;
  /** Looks at a span, in milliseconds since 1970. */
  look(from: number, to: number, servers: readonly string[]): void;
  close(): void;
}

const everyMs = 15_000;
/** A moment for what belongs together to come together. */
const settleMs = 300;

export function openTimeline(wire: Wire): Timeline {
  const marks = cell<readonly Mark[]>([]);
  let cut = false;
  let wanted: { from: number; to: number; servers: readonly string[] } | undefined;
  let asked = { key: '', at: 0, to: 0 };
  let settling: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();

  const ask = async () => {
    settling = undefined;
    if (!wanted) return;
    const { from, to, servers } = wanted;
    abort.abort();
    abort = new AbortController();
    const query = new URLSearchParams({ from: String(Math.floor(from)), to: String(Math.ceil(to)) });
    if (servers.length === 1) query.set('server', servers[0] ?? '');
    try {
      const answer = await fetch(`api/marks?${query}`, { cache: 'no-store', signal: abort.signal });
      if (!answer.ok) return;
      const told = (await answer.json()) as Marks;
      cut = told.cut ?? false;
      const of = (mark: Mark) => servers.length === 0 || servers.some((server) => mark.key === server || mark.key.startsWith(`${server}.`));
      marks.set(told.marks.filter(of).sort((one, other) => one.time - other.time));
    } catch {
      // The line says that sluice is away; here only the signs are missing.
    }
  };
  const soon = () => {
    settling ??= setTimeout(ask, settleMs);
  };
  const end = wire.ask({ subscribe: { kind: 'alert' } }, soon);
  return {
    marks,
    get cut() {
      return cut;
    },
    look(from, to, servers) {
      // A span that only goes on with time is the same one.
      const key = `${Math.round((to - from) / 1000)} ${servers.join()}`;
      const goesOn = key === asked.key && to >= asked.to && to - asked.to < everyMs;
      wanted = { from, to, servers };
      if (goesOn) return;
      asked = { key, at: from, to };
      soon();
    },
    close() {
      end();
      clearTimeout(settling);
      abort.abort();
    },
  };
}
