/**
 * Text from strangers, made safe to look at. A terminal obeys what it is sent, and a page reorders what it shows: nothing of
 * it may move a cursor, change colours, set a title, hide, or turn the reading direction. Such characters are shown as
 * visible marks, so that what was tried can be seen. Runs in Node and in browsers.
 */

/** Controls, format characters (bidi overrides, invisible tags), line separators, and halves of surrogate pairs. */
const acting = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** They join emoji and letters of several scripts, and do nothing else. */
const joiners = new Set(['\u200c', '\u200d']);

/** ESC becomes ␛, a newline ␊, an override ⟪U+202E⟫. `lines` keeps line breaks and tabs, for text of several lines. */
export function inert(text: string, keep: 'lines' | 'nothing' = 'nothing'): string {
  return text.replace(acting, (character) => {
    if (joiners.has(character)) return character;
    if (keep === 'lines' && (character === '\n' || character === '\t')) return character;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '␡';
    return `⟪U+${code.toString(16).toUpperCase().padStart(4, '0')}⟫`;
  });
}

/** JSON text that means the same and is as harmless: JSON leaves DEL, C1 controls and overrides as they are. */
export function inertJson(json: string): string {
  return json.replace(acting, (character) => {
    // Between values, where JSON.stringify indents; within a string a newline is never itself.
    if (character === '\n') return character;
    return [...Array(character.length).keys()].map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join('');
  });
}
