/** What strangers write must reach a terminal as text and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inert, json, paintFor, table } from './screen.ts';

/** What a terminal would act on, in any of its forms. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const obeyed = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/u;

describe('inert', () => {
  it.each([
    ['a colour', '\x1b[31mred', '␛[31mred'],
    ['a window title', '\x1b]0;owned\x07', '␛]0;owned␇'],
    ['a hyperlink', '\x1b]8;;http://evil\x1b\\', '␛]8;;http://evil␛\\'],
    ['an eight-bit CSI', '\x9b2J', '⟪U+009B⟫2J'],
    ['an overwritten line', 'fail\rok', 'fail␍ok'],
    ['a second line', 'a\nsluice: all is well', 'a␊sluice: all is well'],
    ['a backspace', 'rm\b\bls', 'rm␈␈ls'],
    ['a right-to-left override', 'txt.\u202eexe', 'txt.⟪U+202E⟫exe'],
    ['an isolate', '\u2066a\u2069', '⟪U+2066⟫a⟪U+2069⟫'],
    ['an invisible tag', 'a\u{e0041}', 'a⟪U+E0041⟫'],
    ['half a character', 'a\ud83d', 'a⟪U+D83D⟫'],
    ['delete', '\x7f', '␡'],
    ['a null', '\0', '␀'],
  ])('shows %s', (_, hostile, shown) => {
    expect(inert(hostile)).toBe(shown);
  });

  it('leaves all writing alone', () => {
    for (const text of ['Größe 5 µs', '温度', 'שלום', '👩‍💻', 'नमस्ते', '<img onerror=alert(1)>']) expect(inert(text)).toBe(text);
  });

  it('lets nothing through that a terminal obeys', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !obeyed.test(inert(text))));
  });
});

describe('json', () => {
  it('means the same, and is inert', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean())), (value) => {
        expect(obeyed.test(json(value))).toBe(false);
        expect(JSON.parse(json(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('table', () => {
  it('keeps its columns whatever a cell holds, and paints only on a terminal', () => {
    const plain = paintFor({ isTTY: false }, {});
    expect(
      table(
        ['host', 'status'],
        [
          ['a\x1b[2J', ['alive', plain.green]],
          ['host-2', 'silent'],
        ],
        plain,
      ),
    ).toBe('host    status\na␛[2J   alive\nhost-2  silent\n');
    expect(paintFor({ isTTY: true }, {}).red('x')).toBe('\x1b[31mx\x1b[0m');
    expect(paintFor({ isTTY: true }, { NO_COLOR: '1' }).red('x')).toBe('x');
    expect(paintFor({}, {}).red('x')).toBe('x');
  });
});
