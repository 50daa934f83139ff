/** So many at once, the rest in turn; past a bound it is too many. */
import { Reject } from 'sluice';

const atOnce = 2;
const mostWaiting = 200;

export function createTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= mostWaiting) throw new Reject(`series: ${mostWaiting} questions wait already; ask again later`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The place is handed on: nobody else can take it in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
