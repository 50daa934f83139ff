/**
 * The keyboard. Whatever is on the page says which keys it takes and what they do; the one that came last is asked first, and the
 * help lists them all. While somebody types, only Escape is heard.
 */
import { useEffect, useRef } from 'preact/hooks';
import { cell } from './parts/cell.ts';

export interface Shortcut {
  /** As `KeyboardEvent.key` has it. */
  readonly key: string;
  /** What it does, in a few words, for the help; without them it is not listed. */
  readonly does?: string;
  /** Returns false where it has nothing to do: then the next one is asked. */
  press(): unknown;
}

const layers: { shortcuts: readonly Shortcut[] }[] = [];
/** Changes when what can be pressed does. */
export const layered = cell(0);

/** The shortcuts of a component, for as long as it is there. */
export function useKeys(shortcuts: readonly Shortcut[]): void {
  const layer = useRef({ shortcuts });
  layer.current.shortcuts = shortcuts;
  useEffect(() => {
    const own = layer.current;
    layers.push(own);
    layered.set(layered.value + 1);
    return () => {
      layers.splice(layers.indexOf(own), 1);
      layered.set(layered.value + 1);
    };
  }, []);
}

/** All that can be pressed now, each key once. */
export function allKeys(): Shortcut[] {
  const all = layers.flatMap(({ shortcuts }) => shortcuts).filter(({ does }) => does !== undefined);
  return [...new Map(all.map((each) => [each.key, each])).values()];
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target instanceof HTMLElement ? event.target : undefined;
  if (target?.closest('input, select, textarea') && event.key !== 'Escape') return;
  // On a button or a link, space and Enter are its own.
  if ((event.key === ' ' || event.key === 'Enter') && target?.closest('button, a, summary, [role="button"]')) return;
  for (const { shortcuts } of [...layers].reverse()) {
    const found = shortcuts.find(({ key }) => key === event.key);
    if (!found || found.press() === false) continue;
    event.preventDefault();
    return;
  }
});
