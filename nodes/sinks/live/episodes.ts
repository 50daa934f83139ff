/**
 * Alerts as people speak of them: one episode from when a condition fired until it ended, however many events told of it.
 *
 * alert and state events → episodes, the latest change last. A state of `of: alert` says that it fires still, the alert events which
 * event to ask for the reasons. Either may come first, or alone.
 *
 *     firing ──(its server is silent)── held ──(heard again)── firing ── resolved
 *     firing ──(nobody says so any more)── unknown
 *
 * `state` is a word, not a flag: who acknowledges, silences or suppresses an alert adds another here, and the page shows it.
 * Bounded: of what is over the oldest is forgotten first.
 */
import { type AlertState, type Event, escapeWord, holderOf, holds, type ServerState, type Severity } from 'sluice';

export type AlertWord = 'firing' | 'held' | 'resolved' | 'unknown';

/** Times are milliseconds since 1970. What it says is of its last word while it fired. */
export interface Episode {
  readonly id: string;
  /** What it is about. */
  readonly key: string;
  readonly state: AlertWord;
  readonly rule: string;
  readonly severity: Severity;
  readonly summary: string;
  readonly action?: string;
  readonly value?: number;
  readonly threshold?: number;
  readonly unit?: string;
  /** 0: since when it is so is not known. */
  readonly since: number;
  readonly ended?: number;
  /** The event that fired last: ask it why. Not known where its state alone was heard. */
  readonly event?: string;
  /** What was said at its end. */
  readonly end?: { readonly event: string; readonly summary: string; readonly value?: number };
}

export interface Episodes {
  /** Events that passed the checks of their kind. */
  take(event: Event, tick: number): void;
  /** What nobody says any more for as long as the memory reaches is not known to fire. */
  tick(now: number): void;
  /** Those that changed after that version, the latest change last; all after 0. */
  since(version: number): Episode[];
  readonly version: number;
}

interface Held {
  episode: Episode;
  readonly condition: string;
  readonly holder: string | undefined;
  version: number;
  /** The tick at which its state was last said; undefined where none was. */
  said: number | undefined;
}

const mostOver = 1_000;
const mostAll = 5_000;

export function createEpisodes(ticks = Number.POSITIVE_INFINITY): Episodes {
  // In the order of their last change.
  const all = new Map<string, Held>();
  /** The latest of each condition. */
  const latest = new Map<string, Held>();
  const silent = new Set<string>();
  let version = 0;
  let over = 0;

  const forget = (held: Held): void => {
    all.delete(held.episode.id);
    if (latest.get(held.condition) === held) latest.delete(held.condition);
    if (isOver(held.episode)) over--;
  };
  const bound = (): void => {
    if (over <= mostOver && all.size <= mostAll) return;
    for (const held of all.values()) {
      if (over <= mostOver && all.size <= mostAll) return;
      if (isOver(held.episode) || all.size > mostAll) forget(held);
    }
  };
  const put = (held: Held, next: Episode): void => {
    if (all.has(held.episode.id) && JSON.stringify(next) === JSON.stringify(held.episode)) return;
    if (all.delete(held.episode.id) && isOver(held.episode)) over--;
    held.episode = next;
    held.version = ++version;
    if (isOver(next)) over++;
    all.set(next.id, held);
    latest.set(held.condition, held);
    bound();
  };
  const wordOf = (holder: string | undefined): AlertWord => (holder !== undefined && silent.has(holder) ? 'held' : 'firing');
  const begin = (condition: string, id: string, key: string, data: AlertState, event?: string): Held => {
    const holder = holderOf(key);
    const held: Held = {
      episode: { ...told(data), id, key, state: wordOf(holder), ...(event && { event }) },
      condition,
      holder,
      version,
      said: undefined,
    };
    put(held, held.episode);
    return held;
  };
  const openOf = (condition: string): Held | undefined => {
    const held = latest.get(condition);
    return held && held.episode.ended === undefined ? held : undefined;
  };

  const takeAlert = ({ id, key, time, data }: Event<'alert'>): void => {
    const condition = conditionOf(key, escapeWord(data.rule), key.split('.').slice(4));
    const open = openOf(condition);
    if (data.status === 'firing') {
      if (open) put(open, { ...open.episode, ...told(data), key, state: wordOf(open.holder), event: id });
      else if (latest.get(condition)?.episode.event !== id) begin(condition, id, key, data, id);
      return;
    }
    const end = { event: id, summary: data.summary, ...(data.value !== undefined && { value: data.value }) };
    const known = open ?? latest.get(condition);
    // Its state may have ended before its event came.
    if (known && (known === open || (known.episode.end === undefined && time - (known.episode.ended ?? 0) < 60_000)))
      put(known, { ...known.episode, state: 'resolved', ended: time, end });
    else if (known?.episode.end?.event !== id) {
      const held = begin(condition, id, key, data);
      put(held, { ...held.episode, state: 'resolved', ended: time, end });
    }
  };

  const takeState = ({ key, time, data: { of, value } }: Event<'state'>, tick: number): void => {
    const words = key.split('.');
    if (words[4] === 'server') takeServer(key, of === 'server' ? (value as ServerState | null) : null);
    if (words[4] !== 'alert' || (of !== 'alert' && value !== null)) return;
    const condition = conditionOf(key, words[5] ?? '', words.slice(6));
    const open = openOf(condition);
    if (value === null) {
      if (open) put(open, { ...open.episode, state: 'resolved', ended: time });
      return;
    }
    const data = value as AlertState;
    const held = open ?? begin(condition, `${condition} ${data.since}`, aboutOf(key), data);
    held.said = tick;
    put(held, { ...held.episode, ...told(data), state: wordOf(held.holder) });
  };

  const takeServer = (key: string, value: ServerState | null): void => {
    if (!key.endsWith('.server')) return;
    const holder = key.slice(0, -'.server'.length);
    const isSilent = value !== null && holds(value);
    if (isSilent === silent.has(holder)) return;
    if (isSilent) silent.add(holder);
    else silent.delete(holder);
    for (const held of [...latest.values()]) {
      if (held.holder !== holder || isOver(held.episode)) continue;
      put(held, { ...held.episode, state: wordOf(holder) });
    }
  };

  return {
    take(event, tick) {
      if (event.kind === 'alert') takeAlert(event);
      else if (event.kind === 'state') takeState(event, tick);
    },
    tick(now) {
      for (const held of [...all.values()]) {
        if (held.said === undefined || isOver(held.episode) || now - held.said <= ticks) continue;
        put(held, { ...held.episode, state: 'unknown' });
      }
    },
    since: (after) => {
      const changed: Episode[] = [];
      // From the end: what changed last stands last.
      for (const held of [...all.values()].reverse()) {
        if (held.version <= after) break;
        changed.push(held.episode);
      }
      return changed.reverse();
    },
    get version() {
      return version;
    },
  };
}

const isOver = ({ state }: Episode): boolean => state === 'resolved' || state === 'unknown';

function told({ rule, severity, summary, action, value, threshold, unit, since }: AlertState) {
  const began = Date.parse(since);
  return {
    ...{ rule, severity, summary, since: began > 0 ? began : 0 },
    ...(action !== undefined && { action }),
    ...(value !== undefined && { value }),
    ...(threshold !== undefined && { threshold }),
    ...(unit !== undefined && { unit }),
  };
}

/** A condition, by what it is about and its rule: the same from an alert's key and from that of its state. */
const conditionOf = (key: string, rule: string, resource: readonly string[]): string =>
  `${key.split('.').slice(0, 4).join('.')} ${rule} ${resource.join('.')}`;

/** `<place>.<host>.<what…>`, of the key of a state. */
const aboutOf = (key: string): string => {
  const words = key.split('.');
  return [...words.slice(0, 4), ...words.slice(6)].join('.');
};
