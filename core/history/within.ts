/**
 * The past as somebody may see it who may see one part of the tree: what is about anything else is not there, and whoever asks
 * for it by name is told that it is not for them.
 *
 * a history, a part → a history. Each of its ways to ask is named here: one that is added to the port does not compile until
 * somebody has thought about who may ask it.
 */
import { Reject } from '../errors.ts';
import type { History } from '../history.ts';

/** What was asked for is there or not, and not for who asks. */
export class Outside extends Reject {
  /** What was asked for, as it was: for the record of who did what. */
  readonly asked: string;
  constructor(asked: string, part: string) {
    super(`"${asked.slice(0, 255)}" is outside your part of the tree; ask for what is in ${part}`);
    this.asked = asked.slice(0, 255);
  }
}

/** Whether a key is about something in a part: '' is all of the tree. */
export function isWithin(part: string): (key: string) => boolean {
  if (part === '') return () => true;
  const prefix = `${part}.`;
  return (key) => key === part || key.startsWith(prefix);
}

/** As much of a topic pattern as is in the part, if not less. @throws Outside when nothing in the part can match it */
export function narrowed(pattern: string, part: string): string {
  if (part === '') return pattern;
  const words = pattern.split('.');
  const fixed = part.split('.');
  const hash = words.indexOf('#');
  const head = hash < 0 ? words : words.slice(0, hash);
  if (head.some((word, index) => index < fixed.length && word !== '*' && word !== fixed[index])) throw new Outside(pattern, part);
  if (hash < 0 && head.length < fixed.length) throw new Outside(pattern, part);
  const ours = head.map((word, index) => fixed[index] ?? word);
  if (head.length >= fixed.length) return [...ours, ...words.slice(head.length)].join('.');
  // What comes after the first # may be anywhere: then who reads leaves out what is not ours.
  return hash === words.length - 1 ? [...fixed, '#'].join('.') : pattern;
}

export function historyWithin(history: History, part: string): History {
  if (part === '') return history;
  const sees = isWithin(part);
  return {
    async *read(topic, from, to) {
      const pattern = narrowed(topic.pattern, part);
      for await (const one of history.read({ ...topic, pattern }, from, to)) if (sees(one.event.key)) yield one;
    },
    async byId(id, led) {
      const found = await history.byId(id, led);
      if (found && !sees(found.event.key)) throw new Outside(id, part);
      return found;
    },
    query: (sql, limits) => history.query(sql, { ...limits, part }),
    // When a store ran says nothing of whom it watched.
    coverage: (from, to) => history.coverage(from, to),
    ...(history.series && {
      async series(request) {
        const answer = await history.series?.({ ...request, part });
        if (!answer) throw new Reject('how series went is not told here');
        return { ...answer, series: answer.series.filter(({ key }) => sees(key)) };
      },
    }),
  };
}
