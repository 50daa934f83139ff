/** What is open on this tab, as the address has it. */
import { bound, step, text, words } from '../address.ts';

export interface Opened {
  readonly node?: string | undefined;
  readonly pipe?: string | undefined;
  /** Of a pipe, what this one writes into it, or reads of it. */
  readonly of?: string;
  readonly to?: string;
}

export type Open = (what: Opened) => void;

export const node = bound('node', text);
export const pipe = bound('pipe', text);
export const of = bound('of', text);
export const reader = bound('to', text);
/** What a probe looks for: `path=value`, and what it follows. */
export const where = bound('where', words);
export const about = bound('about', text);
export const field = bound('field', text);

export function open(what: Opened): void {
  step();
  node.set(what.node ?? '');
  pipe.set(what.pipe ?? '');
  of.set(what.of ?? '');
  reader.set(what.to ?? '');
  where.set([]);
  about.set('');
  field.set('');
}
