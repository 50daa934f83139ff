/**
 * Reads the ISO 8601 time at which a line says that it was written, in the forms that logs have: `2026-01-02T03:04:05Z`,
 * `2026-01-02 03:04:05,678`, `2026/01/02 03:04:05`, in brackets or not. Without a zone it is in this machine's own.
 */

// Every part has a fixed or bounded length: linear on any text.
const iso = /(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d\d:?(?:\d\d)?))?/y;

/** 9999-12-31: later years do not fit the form in which times are published. */
const last = 253_402_300_799_999;

export interface Stamp {
  /** As it is published: UTC, in milliseconds. */
  readonly time: string;
  /** Where it ends. */
  readonly end: number;
}

/** The stamp that stands at `at`; undefined when there is none, or no such day or hour. */
export function readStamp(text: string, at = 0): Stamp | undefined {
  iso.lastIndex = at;
  const found = iso.exec(text);
  if (!found) return undefined;
  const [all, clock = '', fraction = '', zone = ''] = found;
  const second = secondOf(clock, zone);
  if (second === undefined) return undefined;
  return { time: `${second}.${fraction.length === 3 ? fraction : fraction.slice(0, 3).padEnd(3, '0')}Z`, end: at + all.length };
}

/** The second that was asked for last. Lines of one second come together, and a calendar costs more than all else here. */
let asked = { clock: '', zone: '', second: undefined as string | undefined };

/** A second as UTC, without its end. */
function secondOf(clock: string, zone: string): string | undefined {
  if (clock !== asked.clock || zone !== asked.zone) {
    const offset = zone.length > 1 ? `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}` : zone;
    const ms = Date.parse(`${clock.slice(0, 10).replaceAll('/', '-')}T${clock.slice(11)}${offset}`);
    asked = { clock, zone, second: isoTime(ms)?.slice(0, 19) };
  }
  return asked.second;
}

let told = { second: Number.NaN, text: '' };

/** Milliseconds since 1970 as they are published; undefined when that is no time. */
export function isoTime(ms: number): string | undefined {
  if (!(ms >= 0 && ms <= last)) return undefined;
  const second = Math.floor(ms / 1000);
  if (second !== told.second) told = { second, text: new Date(second * 1000).toISOString().slice(0, 19) };
  return `${told.text}.${String(Math.floor(ms - second * 1000)).padStart(3, '0')}Z`;
}
