/**
 * How the reader looks at things, on every tab: theme, span of time, which servers, what is searched for.
 */
import { bound, step, text, words } from './address.ts';
import { type Cell, cell } from './parts/cell.ts';
import { now } from './parts/time.ts';

export type Theme = 'system' | 'light' | 'dark';

/** Spans of time that one can choose, in seconds. */
export const spans = [
  { seconds: 60, name: '1 min' },
  { seconds: 300, name: '5 min' },
  { seconds: 600, name: '10 min' },
  { seconds: 3_600, name: '1 hour' },
  { seconds: 21_600, name: '6 hours' },
  { seconds: 86_400, name: '1 day' },
  { seconds: 604_800, name: '7 days' },
  { seconds: 2_592_000, name: '30 days' },
  { seconds: 31_536_000, name: '1 year' },
] as const;

const number = (written: string | undefined): number | undefined =>
  written !== undefined && /^\d{1,15}(\.\d{1,3})?$/.test(written) ? Number(written) : undefined;

/** Seconds that charts reach back: the span that is looked at. Any number, since one can zoom. */
export const span = bound<number>('span', {
  shared: true,
  read: (written) => number(written) || 300,
  write: (value) => (value === 300 ? undefined : String(value)),
});
/** Where the span ends, in milliseconds since 1970: the page stands still there. undefined: it ends now, and the page runs. */
export const paused = bound<number | undefined>('at', {
  shared: true,
  read: number,
  write: (value) => (value === undefined ? undefined : String(Math.round(value))),
});
/** What is searched for, on the tab that is shown. */
export const search = bound('q', text);
/** The servers that are looked at, as their keys; none: all. */
export const servers = bound('server', { ...words, shared: true });
/** The one server that is looked at alone. */
export const chosen: Cell<string | undefined> = {
  get value() {
    return servers.value.length === 1 ? servers.value[0] : undefined;
  },
  set: (id) => servers.set(id === undefined ? [] : [id]),
  touch: servers.touch,
  listen: servers.listen,
};
export const theme = cell<Theme>(readTheme());
/** Changes when colours do, whoever asked for it. */
export const colours = cell(0);
/** Counts seconds, for what shows ages. */
export const second = cell(0);

/** The span that is looked at, in milliseconds since 1970. */
export function range(): { readonly from: number; readonly to: number } {
  const to = paused.value ?? now();
  return { from: to - span.value * 1000, to };
}

export function togglePause(): void {
  paused.set(paused.value === undefined ? now() : undefined);
}

/** Looks at a span of the past; a step that the browser's back undoes. */
export function lookAt(from: number, to: number): void {
  step();
  span.set(Math.max(1, Math.round((to - from) / 1000)));
  paused.set(to);
}

const themes: readonly Theme[] = ['system', 'light', 'dark'];

export function nextTheme(): void {
  theme.set(themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system');
  // A browser may forbid storage; the choice then lasts as long as the page.
  try {
    localStorage.setItem('sluice.theme', theme.value);
  } catch {}
  applyTheme();
}

export function applyTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  colours.set(colours.value + 1);
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => colours.set(colours.value + 1));

function readTheme(): Theme {
  try {
    return themes.find((each) => each === localStorage.getItem('sluice.theme')) ?? 'system';
  } catch {
    return 'system';
  }
}
