/**
 * How the reader looks at things: theme, span of time, what is searched for, which host, whether the page stands still.
 */
import { cell } from './cell.ts';
import { now } from './time.ts';

export type Theme = 'system' | 'light' | 'dark';

export const spans = [
  { seconds: 60, name: '1 min' },
  { seconds: 300, name: '5 min' },
  { seconds: 600, name: '10 min' },
] as const;

/** Seconds that charts reach back. */
export const span = cell<number>(300);
export const search = cell('');
/** The server that is looked at alone, as its key; undefined: all. */
export const chosen = cell<string | undefined>(undefined);
/** When the page was stopped, in milliseconds since 1970; undefined: it runs. */
export const paused = cell<number | undefined>(undefined);
export const theme = cell<Theme>(readTheme());
/** Changes when colours do, whoever asked for it. */
export const colours = cell(0);
/** Counts seconds, for what shows ages. */
export const second = cell(0);

export function togglePause(): void {
  paused.set(paused.value === undefined ? now() : undefined);
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
