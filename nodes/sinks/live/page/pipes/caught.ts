/**
 * What a probe caught: events as they came, with when. Bounded; kept as a fixture, a JSON event a line, as `sluice tap --save` writes it
 * and `sluice test --given` and a filter's examples read it.
 */
export interface WireEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly source: string;
  readonly time: string;
  readonly data: unknown;
}

export interface Caught {
  readonly received: number;
  readonly event: WireEvent;
}

/** Events that are held, and characters of them. */
export const mostCaught = 5_000;
const mostText = 16_000_000;

export interface Net {
  /** `past`: of what came before one looked, it is not known when: when it happened is nearest to that. */
  add(events: readonly WireEvent[], when: 'past' | number): void;
  clear(): void;
  readonly all: readonly Caught[];
}

export function createNet(): Net {
  let caught: Caught[] = [];
  let sizes: number[] = [];
  let size = 0;
  let before = Number.NEGATIVE_INFINITY;
  return {
    add(events, when) {
      const known = new Set(caught.slice(-500).map(({ event }) => event.id));
      for (const event of events) {
        if (known.has(event.id)) continue;
        before = Math.max(before, when === 'past' ? Date.parse(event.time) : when);
        const length = JSON.stringify(event.data).length;
        caught.push({ received: before, event });
        sizes.push(length);
        size += length;
      }
      let first = 0;
      while (caught.length - first > mostCaught || size > mostText) size -= sizes[first++] ?? 0;
      if (first > 0) {
        caught = caught.slice(first);
        sizes = sizes.slice(first);
      }
    },
    clear() {
      caught = [];
      sizes = [];
      size = 0;
      before = Number.NEGATIVE_INFINITY;
    },
    get all() {
      return caught;
    },
  };
}

export const linesOf = (caught: readonly Caught[]): string =>
  caught.map(({ received, event }) => `${JSON.stringify({ received, event })}\n`).join('');

/** A name that says what is in it, and that any shell takes. */
export function fileName(kind: string, of: string): string {
  const word = (text: string) => text.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 40);
  return `caught-${[kind, of].filter(Boolean).map(word).join('-')}.jsonl`;
}

export function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
