/**
 * Events as they come over the socket. sluice's server has checked each against its schema before; this only unpacks them.
 */
import type { Data, Kind } from 'sluice';

interface Wire {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly source: string;
  readonly time: string;
  readonly data: unknown;
}

export interface Frame {
  readonly snapshot?: readonly Wire[];
  readonly events?: readonly Wire[];
  /** Events that this viewer was too slow for. */
  readonly dropped?: number;
  readonly error?: string;
}

/** What the page makes of an event. `server` is its key as far as the host; `resource` the words after. */
export type Heard = {
  [Each in Kind]: {
    readonly kind: Each;
    readonly id: string;
    readonly key: string;
    readonly server: string;
    readonly host: string;
    readonly resource: string;
    readonly time: number;
    readonly data: Data<Each>;
  };
}[Kind];

export function unpack(wire: Wire): Heard {
  const words = wire.subject.split('.');
  return {
    kind: wire.type.split('.')[1] as Kind,
    id: wire.id,
    key: wire.subject,
    server: words.slice(0, 4).join('.'),
    host: unescapeWord(words[3] ?? ''),
    resource: words.slice(4).map(unescapeWord).join(' '),
    time: Date.parse(wire.time),
    data: wire.data,
  } as Heard;
}

function unescapeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
