/**
 * What a token is changed for: tickets, good once and for seconds, that open a WebSocket; and sessions, which a browser holds as a
 * cookie that no script reads. Both are chance, known here by their hash alone, in memory: a process that starts anew has none.
 */
import { createHash, randomBytes } from 'node:crypto';

export interface Secrets {
  /** @returns the secret of a new one for this token */
  make(id: string, ends: number): string;
  /** The token that it was made for, if it is still good. */
  idOf(secret: string): string | undefined;
  /** The same, once. */
  take(secret: string): string | undefined;
  end(secret: string): void;
  tick(): void;
}

/** @param idle milliseconds without use after which one ends; @param most all together, @param each of one token: the oldest gives way */
export function createSecrets({
  now,
  idle = Number.POSITIVE_INFINITY,
  most,
  each,
}: {
  readonly now: () => number;
  readonly idle?: number;
  readonly most: number;
  readonly each: number;
}): Secrets {
  const held = new Map<string, { readonly id: string; readonly ends: number; used: number }>();
  const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
  const isOver = ({ ends, used }: { ends: number; used: number }): boolean => ends <= now() || now() - used > idle;

  const find = (secret: string): string | undefined => {
    const found = held.get(hashOf(secret));
    if (!found || isOver(found)) return undefined;
    found.used = now();
    return found.id;
  };
  return {
    make(id, ends) {
      const own = [...held].filter(([, one]) => one.id === id);
      for (const [hash] of own.slice(0, Math.max(0, own.length - each + 1))) held.delete(hash);
      for (const hash of held.keys()) {
        if (held.size < most) break;
        held.delete(hash);
      }
      const secret = randomBytes(32).toString('base64url');
      held.set(hashOf(secret), { id, ends, used: now() });
      return secret;
    },
    idOf: find,
    take(secret) {
      const id = find(secret);
      held.delete(hashOf(secret));
      return id;
    },
    end: (secret) => void held.delete(hashOf(secret)),
    tick() {
      for (const [hash, one] of held) if (isOver(one)) held.delete(hash);
    },
  };
}
