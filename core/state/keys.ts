/**
 * How words make a key in lmdb, so that what begins alike is found together and comes back as it was put in. They are parted by
 * a tab, and control characters within them are escaped: lmdb writes the characters up to 4 one way in keys of less than 64
 * characters and another way in longer ones, where it also reads 0 and 1 as the ends of words.
 */
import type { Database, RootDatabase } from 'lmdb';

export const keyOf = (...words: string[]): string => words.map(escaped).join('\t');

const escaped = (word: string): string =>
  /[%\p{Cc}]/u.test(word) ? word.replace(/[%\p{Cc}]/gu, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`) : word;
const unescaped = (word: string): string =>
  word.includes('%') ? word.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))) : word;

/** Everything whose key begins with these words, under the one word that follows. */
export function* under<V>(database: Database<V, string>, ...words: string[]): Iterable<readonly [rest: string, value: V]> {
  const start = keyOf(...words, '');
  for (const { key, value } of database.getRange({ start, end: `${start.slice(0, -1)}\n` })) {
    yield [unescaped(key.slice(start.length)), value];
  }
}

const form = 2;

/** Writes the keys of an earlier version anew, once: it parted words with \u0001, and did not find the long ones again. */
export function renewKeys(
  environment: RootDatabase,
  databases: readonly Database<unknown, string>[],
  ids: Database<number, string>,
  idTimes: Database<string, [number, string]>,
): void {
  const forms = environment.openDB<number, string>({ name: 'form', encoding: 'json' });
  if (forms.get('keys') === form) return;
  // A long one is read back as its words, with the marks between them as bytes.
  const renewed = (key: unknown): string =>
    keyOf(...(Array.isArray(key) ? key.filter((word) => typeof word === 'string') : split(String(key))));
  environment.transactionSync(() => {
    for (const database of [...databases, ids] as Database<unknown, string>[]) {
      const rows = [...database.getRange()];
      database.clearSync();
      for (const { key, value } of rows) database.putSync(renewed(key), value);
    }
    idTimes.clearSync();
    for (const { key, value } of ids.getRange()) idTimes.putSync([value, key], '');
    forms.putSync('keys', form);
  });
}

/** The last word, which comes from the world, may have held the mark itself. */
function split(key: string): string[] {
  const words = key.split('\u0001');
  return words.length > 3 ? [...words.slice(0, 2), words.slice(2).join('\u0001')] : words;
}
