/**
 * Text from the world, made safe to look at. The page sets it as text only, so markup is inert by itself; here are the
 * characters that act without markup: terminal escapes, and those that reorder or hide what stands beside them. Each is shown
 * as a visible symbol, so that what was tried can be seen.
 */

/** C0 and C1 controls, DEL; zero width; bidirectional marks, embeddings, overrides, isolates; separators; tags; lone halves. */
const acting =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  /[\u0000-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]|\p{Surrogate}/gu;

/** `lines` keeps line breaks and tabs, for text that is shown on many lines. */
export function inert(text: string, keep: 'lines' | 'nothing' = 'nothing'): string {
  return text.replace(acting, (character) =>
    keep === 'lines' && (character === '\n' || character === '\t') ? character : symbol(character),
  );
}

function symbol(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `⟪U+${code.toString(16).toUpperCase().padStart(4, '0')}⟫`;
}
