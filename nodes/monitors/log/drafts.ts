/** Lines → drafts: as many in one as fit, since an event costs far more than a line, and none past an event's limit. */
import { basename } from 'node:path';
import type { Draft } from 'sluice';
import type { Line } from './lines.ts';
import { type LineInput, parseLine } from './parse.ts';

const mostLines = 500;
/** Of an event's megabyte; the rest is for its envelope. */
const mostBytes = 900_000;

/** The drafts that tell these lines of a file, in their order. */
export function draftsOf(path: string, lines: readonly Line[]): Draft<'log'>[] {
  const drafts: Draft<'log'>[] = [];
  const key = ['log', wordOf(path)];
  const file = path.slice(0, 4096).toWellFormed();
  let taken: LineInput[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (taken.length > 0) drafts.push({ kind: 'log', key, data: { lines: taken, file } });
    taken = [];
    bytes = 0;
  };
  for (const line of lines) {
    const parsed = parseLine(line);
    const size = mostBytesOf(parsed);
    if (taken.length >= mostLines || bytes + size > mostBytes) flush();
    taken.push(parsed);
    bytes += size;
  }
  flush();
  return drafts;
}

/** What a line takes as JSON, at most: six bytes a character, as `\u0000`, though it is mostly one. */
function mostBytesOf({ body, fields }: LineInput): number {
  let characters = body.length;
  let others = 128;
  for (const name in fields) {
    const value = fields[name];
    characters += name.length + (typeof value === 'string' ? value.length : 0);
    others += 32;
  }
  return characters * 6 + others;
}

/** The word of a file in a key: its name without `.log`, in characters that need no escape. */
export function wordOf(path: string): string {
  const name = basename(path).replace(/\.log$/, '');
  return name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 64) || 'file';
}
