/**
 * A text with what was searched for set off. A regular expression's places are the server's to say, where matching is linear in time; plain
 * text is found here. What comes out are pieces of text: nothing of it is ever markup.
 */
import { inert } from '../parts/inert.ts';

export interface Piece {
  readonly text: string;
  readonly hit: boolean;
}

export type Span = readonly [from: number, to: number];

const mostHits = 50;

/** Where a text has another in it, in any case. */
export function findText(body: string, searched: string): Span[] {
  const wanted = searched.toLowerCase();
  const lower = body.toLowerCase();
  // Few letters change their length with their case; then the places would be wrong.
  if (wanted === '' || lower.length !== body.length) return [];
  const found: Span[] = [];
  for (let at = lower.indexOf(wanted); at >= 0 && found.length < mostHits; at = lower.indexOf(wanted, at + wanted.length))
    found.push([at, at + wanted.length]);
  return found;
}

/** Cuts a text at the spans, which stand in order, as far as it is shown; each piece is made safe to look at. */
export function pieces(body: string, spans: readonly Span[], length: number, keep: 'lines' | 'nothing' = 'nothing'): Piece[] {
  const end = Math.min(length, body.length);
  const all: Piece[] = [];
  let at = 0;
  const push = (to: number, hit: boolean) => {
    if (to > at) all.push({ text: inert(body.slice(at, to), keep), hit });
    at = Math.max(at, to);
  };
  for (const [from, to] of spans) {
    push(Math.min(from, end), false);
    push(Math.min(to, end), true);
  }
  push(end, false);
  return all;
}
