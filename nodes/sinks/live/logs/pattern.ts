/**
 * A stranger's regular expression over a stranger's log lines: RE2's, matched in linear time, so that neither can hold this process
 * up. Its length and the size of its program are bounded; one that cannot be read is refused with the place where it goes wrong.
 */

import { RE2JS } from 're2js';
import { messageOf, Reject } from 'sluice';

/** From where to where in a text, in UTF-16 units. */
export type Span = readonly [from: number, to: number];

export interface Pattern {
  test(text: string): boolean;
  /** The first matches that are not empty. */
  spans(text: string, most: number): Span[];
}

export const longestPattern = 500;
const largestProgram = 2500;

/** @throws Reject with what is wrong, and where */
export function compilePattern(source: string): Pattern {
  if (source.length > longestPattern)
    throw new Reject(`live: regex: ${source.length} characters; the limit is ${longestPattern}, shorten it`);
  const compiled = compile(source);
  const size = compiled.programSize();
  if (size > largestProgram) throw new Reject(`live: regex: it is too large (${size} steps of ${largestProgram}); repeat less in it`);
  return {
    test: (text) => compiled.test(text),
    spans(text, most) {
      const found: Span[] = [];
      const matcher = compiled.matcher(text);
      // A match of nothing has nothing to show, and such may be many.
      for (let tries = 0; tries < 4 * most && found.length < most && matcher.find(); tries++)
        if (matcher.end() > matcher.start()) found.push([matcher.start(), matcher.end()]);
      return found;
    },
  };
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (thrown) {
    throw new Reject(`live: regex: ${explain(source, thrown)}`, { cause: thrown });
  }
}

/** `missing closing ) at character 5, before "(a"`: the engine names the part that it stumbled over. */
function explain(source: string, thrown: unknown): string {
  const why = messageOf(thrown).replace(/^error parsing regexp: /, '');
  const part = typeof thrown === 'object' && thrown !== null && 'input' in thrown ? String(thrown.input ?? '') : '';
  const reason = why.split(': `')[0]?.slice(0, 200) ?? why;
  const at = part === '' ? -1 : source.indexOf(part);
  return at < 0 ? reason : `${reason} at character ${at + 1}: ${part.slice(0, 40)}`;
}
