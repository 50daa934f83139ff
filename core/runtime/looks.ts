/** Who looks at what, as far as it matters to a writer: which of its events somebody waits for right now. */
import type { Clock } from '../clock.ts';
import type { Topic } from '../event.ts';
import { type Matcher, matcher } from '../key.ts';
import type { Kind } from '../kinds.ts';

/** How long one look holds on the side that writes, by its own clock; and how often it is said again while it lasts. In milliseconds. */
export const lookMs = 15_000;
export const lookEveryMs = 10_000;

/** Topics are a stranger's to choose: past this many, the one that was asked for first goes. */
const maxLooks = 256;

export interface Looks {
  /** From now on, for so many milliseconds. A topic that is there already is looked at for longer. */
  add(topics: readonly Topic[], ms: number): void;
  /** Whether someone looks at any of these keys. */
  want(kind: Kind, keys: readonly string[]): boolean;
}

export function createLooks(clock: Clock): Looks {
  const looks = new Map<string, { kind: Kind; matches: Matcher; until: number }>();
  return {
    add(topics, ms) {
      const now = clock.monotonic();
      for (const [name, { until }] of looks) if (until <= now) looks.delete(name);
      for (const { kind, pattern } of topics) {
        const name = `${kind} ${pattern}`;
        const matches = looks.get(name)?.matches ?? matcher(pattern);
        looks.delete(name);
        looks.set(name, { kind, matches, until: now + ms });
      }
      for (const [oldest] of looks) {
        if (looks.size <= maxLooks) break;
        looks.delete(oldest);
      }
    },
    want(kind, keys) {
      if (looks.size === 0) return false;
      const now = clock.monotonic();
      for (const look of looks.values()) if (look.kind === kind && look.until > now && keys.some(look.matches)) return true;
      return false;
    },
  };
}
