/** Asks until it is answered: a line that is full for a moment refuses, and says so. */
import type { Frame, Line as Wire } from '../wire/line.ts';

const againMs = 2_000;

/** @param refused hears why, each time @returns how to stop */
export function askUntilHeard<Each>(
  wire: Wire,
  request: Readonly<Record<string, unknown>>,
  hear: (frame: Each & Frame) => void,
  refused: (why: string) => void,
): () => void {
  let again: ReturnType<typeof setTimeout> | undefined;
  let end = () => {};
  const ask = () => {
    end = wire.ask<Each>(request, (frame) => {
      if (frame.error === undefined) return hear(frame);
      refused(frame.error);
      end();
      again = setTimeout(ask, againMs);
    });
  };
  ask();
  return () => {
    clearTimeout(again);
    end();
  };
}
