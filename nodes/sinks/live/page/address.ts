/**
 * The address holds the whole view, so that it can be shared, and so that the browser's back is the way back:
 *
 *     #/charts?q=disk&server=acme.shop.prod.web-1&span=3600&at=1767225600000
 *
 * A view binds what it shows to a parameter, and reads and sets a cell. What is shared (the span of time, the servers) goes along
 * from tab to tab; the rest is a tab's own, and is there again when one comes back to it.
 */
import { type Cell, cell } from './parts/cell.ts';

export const tabs = ['servers', 'charts', 'logs', 'alerts', 'pipes'] as const;
export type Tab = (typeof tabs)[number];

/** How a parameter is read, and written: what is `undefined` does not stand in the address. */
export interface Reading<Value> {
  read(text: string | undefined): Value;
  write(value: Value): string | undefined;
  /** Goes along from tab to tab. */
  readonly shared?: boolean;
}

interface Bound {
  readonly name: string;
  readonly shared: boolean;
  follow(text: string | undefined): void;
}

/** Longest address that is read: a stranger may have made it. */
const maxLength = 8_192;
/** Browsers refuse an address that changes too often. */
const settleMs = 200;

let params = readParams();
const bounds: Bound[] = [];
/** What the tabs that are not shown had, for when one comes back. */
const kept = new Map<Tab, Record<string, string>>();
let settling = 0;
/** The address that was read or written last. Browsers tell a step twice, the second time late: what was set between stays. */
let known = location.hash;

export const tab: Cell<Tab> = cell(readTab());

/** A cell that stands in the address. The name is free to be used by another tab for something else. */
export function bound<Value>(name: string, reading: Reading<Value>): Cell<Value> {
  const inner = cell(reading.read(params.get(name)));
  bounds.push({ name, shared: reading.shared ?? false, follow: (text) => inner.set(reading.read(text)) });
  return {
    get value() {
      return inner.value;
    },
    set(value) {
      const text = reading.write(value);
      if (text === params.get(name)) return inner.set(value);
      if (text === undefined) params.delete(name);
      else params.set(name, text);
      // Another cell may stand for the same parameter.
      for (const each of bounds) if (each.name === name) each.follow(text);
      if (settling === 0) settling = window.setTimeout(settle, settleMs);
    },
    touch: inner.touch,
    listen: inner.listen,
  };
}

/** Readings of the usual sorts. */
export const text: Reading<string> = { read: (written) => written ?? '', write: (value) => value || undefined };
export const words: Reading<readonly string[]> = {
  read: (written) => (written ? written.split(',').map(decode) : []),
  write: (values) => values.map((value) => encodeURIComponent(value)).join(',') || undefined,
};
export function oneOf<Word extends string>(all: readonly [Word, ...Word[]]): Reading<Word> {
  return { read: (written) => all.find((each) => each === written) ?? all[0], write: (value) => (value === all[0] ? undefined : value) };
}

/** Where a tab is, with these parameters of its own; without them, as it was left. */
export function href(to: Tab, own: Readonly<Record<string, string>> = kept.get(to) ?? {}): string {
  const shared = [...params].filter(([name]) => isShared(name) && !(name in own));
  const rest = new URLSearchParams([...shared, ...Object.entries(own)]).toString();
  return `#/${to}${rest && `?${rest}`}`;
}

/** Goes there, as a step that the browser's back undoes. */
export function go(to: Tab, own?: Readonly<Record<string, string>>): void {
  if (settling !== 0) settle();
  location.hash = href(to, own);
  follow();
}

/** Makes what is set now a step of its own, before it is changed. */
export function step(): void {
  if (settling !== 0) settle();
  history.pushState(undefined, '', location.hash);
}

const isShared = (name: string): boolean => bounds.some((each) => each.name === name && each.shared);

function settle(): void {
  clearTimeout(settling);
  settling = 0;
  const rest = new URLSearchParams([...params]).toString();
  history.replaceState(undefined, '', `#/${tab.value}${rest && `?${rest}`}`);
  known = location.hash;
}

function follow(): void {
  if (location.hash === known) return;
  known = location.hash;
  clearTimeout(settling);
  settling = 0;
  const next = readTab();
  if (next !== tab.value) kept.set(tab.value, Object.fromEntries([...params].filter(([name]) => !isShared(name))));
  params = readParams();
  tab.set(next);
  for (const each of bounds) each.follow(params.get(each.name));
}

addEventListener('hashchange', follow);
addEventListener('popstate', follow);

function readTab(): Tab {
  const name = /^#\/?([a-z]+)/.exec(location.hash)?.[1];
  return tabs.find((each) => each === name) ?? 'servers';
}

function readParams(): Map<string, string> {
  const at = location.hash.indexOf('?');
  return new Map(at < 0 ? [] : new URLSearchParams(location.hash.slice(at + 1, maxLength)));
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
