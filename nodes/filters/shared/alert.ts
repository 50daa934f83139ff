/**
 * How the filters that judge the course of a series speak: an alert about it, and the alert's present state.
 *
 * what the series is of, a rule, what to say → two drafts, with keys of at most 255 bytes. Names from strangers are cut.
 */
import { hash } from 'node:crypto';
import { type Data, type Draft, key, parse } from 'sluice';

type Said = Omit<Data<'alert'>, 'rule'>;

/** The key of an alert, or with a `head` that of its state. `words` tell the series from others of the same key: a mount point. */
export function alertKey(about: string, words: readonly string[], ...head: readonly string[]): string {
  const place = parse(about);
  const resource = [...place.resource, ...words.map((word) => (word === '' ? '-' : word.toWellFormed()))];
  try {
    return key({ ...place, resource: [...head, ...resource] });
  } catch {
    // Too long to be read: told apart by a hash instead.
    return key({ ...place, resource: [...head, shortened(resource)] });
  }
}

export function alertDrafts(about: string, rule: string, words: readonly string[], said: Said): Draft<'alert' | 'state'>[] {
  const data = { ...said, rule, summary: said.summary.slice(0, 1024) };
  return [
    { kind: 'alert', key: alertKey(about, words), data, causes: said.evidence },
    {
      kind: 'state',
      key: alertKey(about, words, 'alert', rule),
      data: { of: 'alert', value: said.status === 'firing' ? data : null },
      causes: said.evidence,
    },
  ];
}

/** A table key of the parts: readable as far as it goes, and never longer than the store takes. */
export function tableKey(parts: readonly string[]): string {
  const text = parts.join('\n');
  return text.length <= 300 ? text : `${text.slice(0, 100)}…${shortened(parts)}`;
}

const shortened = (parts: readonly string[]): string => hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22);

/** A stranger's name in a sentence. */
export const named = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text).toWellFormed();
