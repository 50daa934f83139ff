/**
 * Patterns for attribute values: `*` is any run of characters, `?` is one; all else stands for itself.
 *
 * patterns → a test. Values come from strangers, so matching takes at most value × pattern steps: no regular expression.
 */

/** Fits what any of the patterns fits, and none of those that begin with `!`. A missing value fits only what is negated. */
export function globs(patterns: readonly string[]): (value: unknown) => boolean {
  const refused = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'));
  return (value) => {
    if (value === undefined) return wanted.length === 0;
    const text = String(value);
    if (refused.some((pattern) => fits(pattern, text))) return false;
    return wanted.length === 0 || wanted.some((pattern) => fits(pattern, text));
  };
}

/** Greedy, going back only to the latest star: that is enough, since an earlier one could gain nothing by taking more. */
function fits(pattern: string, text: string): boolean {
  let [at, from, star, starFrom] = [0, 0, -1, 0];
  while (from < text.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at++;
      starFrom = from;
    } else if (wanted === '?' || wanted === text[from]) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++starFrom;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
