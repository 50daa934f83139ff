/**
 * Bytes → lines. What a file holds is a stranger's: any byte may come, and a line may never end.
 *
 * Invalid UTF-8 becomes U+FFFD; a carriage return before the newline goes; a blank line says nothing and is left out. The
 * NULs before a line are no text: they are the hole that truncation leaves under a writer that does not append.
 */

/** The most bytes of a line that are kept. The rest is counted. */
export const lineLimit = 65_536;

export interface Line {
  readonly text: string;
  /** Bytes left off its end. */
  readonly cut: number;
}

export const newline = 0x0a;

/** The lines in bytes that end with a newline. */
export function split(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(newline, from);
    const end = found < 0 ? bytes.length : found;
    const line = decode(bytes, from, end);
    if (line) lines.push(line);
    from = end + 1;
  }
  return lines;
}

/** One line, without its newline. `beyond`: how many of its bytes come after these. */
export function decode(bytes: Buffer, from: number, end: number, beyond = 0): Line | undefined {
  while (from < end && bytes[from] === 0) from += 1;
  if (beyond === 0 && end > from && bytes[end - 1] === 0x0d) end -= 1;
  if (from === end) return undefined;
  if (end - from <= lineLimit) return { text: bytes.toString('utf8', from, end), cut: beyond };
  const kept = wholeCharacters(bytes, from, from + lineLimit);
  return { text: bytes.toString('utf8', from, kept), cut: end - kept + beyond };
}

/** Where to cut, at `end` or a little before it, so that no character is cut in two. */
function wholeCharacters(bytes: Buffer, from: number, end: number): number {
  for (let at = end; at > end - 4 && at > from; at--) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at;
  return end;
}
