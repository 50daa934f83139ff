/**
 * A value that the page shows. Whoever shows it is drawn again after it changed: at the next frame and once per frame, however
 * often it did, and not at all while nobody looks.
 */
import { useEffect, useReducer } from 'preact/hooks';

export interface Cell<Value> {
  readonly value: Value;
  set(value: Value): void;
  /** Says that what `value` refers to has changed inside. */
  touch(): void;
  listen(listener: () => void): () => void;
}

const changed = new Set<() => void>();
let frame = 0;

function run(): void {
  frame = 0;
  const due = [...changed];
  changed.clear();
  for (const listener of due) listener();
}

export function cell<Value>(initial: Value): Cell<Value> {
  const listeners = new Set<() => void>();
  let value = initial;
  const touch = () => {
    for (const listener of listeners) changed.add(listener);
    if (frame === 0 && changed.size > 0) frame = requestAnimationFrame(run);
  };
  return {
    get value() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      touch();
    },
    touch,
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        changed.delete(listener);
      };
    },
  };
}

/** A component that calls this shows the cells, and follows them. */
export function useCells(...cells: readonly Cell<unknown>[]): void {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const shown = cells.map(({ value }) => value);
  // The cells that a component shows are always the same.
  useEffect(() => {
    // What changed since it was drawn, before it listened.
    if (cells.some(({ value }, index) => !Object.is(value, shown[index]))) render(undefined);
    const ends = cells.map((each) => each.listen(() => render(undefined)));
    return () => {
      for (const end of ends) end();
    };
  }, []);
}
