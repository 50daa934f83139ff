/**
 * Keys and patterns. A key says what an event is about: `company.system.environment.host.resource…`, at most 255 bytes.
 * A pattern selects keys as AMQP's topic exchanges do: `*` is one word, `#` any number, also none.
 */
import { Reject } from './errors.ts';

/** Where something is: `company.system.environment`. */
export interface Place {
  readonly company: string;
  readonly system: string;
  readonly environment: string;
}

/** A key taken apart. `resource` has the words after the host, most general first: `['filesystem', '/var']`. */
export interface About extends Place {
  readonly host: string;
  readonly resource: readonly string[];
}

/** The fields that people and configs select by, instead of typing a pattern. A missing one matches anything. */
export interface Fields {
  readonly company?: string | undefined;
  readonly system?: string | undefined;
  readonly environment?: string | undefined;
  readonly host?: string | undefined;
  /** One or more words, as in `filesystem` or `filesystem./var`: it and all below it match. */
  readonly resource?: string | undefined;
}

/** AMQP 0-9-1's limit of a routing key (a short string), in bytes. */
export const maxKeyBytes = 255;

const unsafe = /[^A-Za-z0-9_\-~:/@+=,()!$&']/gu;

/** A word as it stands in a key: what AMQP or a terminal would take for syntax is percent-encoded, so a dot is `%2E`. */
export function escapeWord(word: string): string {
  return word.replace(unsafe, (character) => {
    let escaped = '';
    for (const byte of Buffer.from(character, 'utf8')) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    return escaped;
  });
}

/** The inverse of {@link escapeWord}. @throws Reject when the word is no such escape. */
export function unescapeWord(word: string): string {
  if (!word.includes('%')) return word;
  try {
    return decodeURIComponent(word);
  } catch (cause) {
    throw new Reject(`key: "${word}" is not a valid escape; write a percent sign as %25`, { cause });
  }
}

/** The key of what an event is about. @throws Reject for an empty word, a lone surrogate, or more than 255 bytes. */
export function key(about: About): string {
  const words = [about.company, about.system, about.environment, about.host, ...about.resource];
  for (const word of words) {
    if (word === '') throw new Reject('key: a word is empty; name company, system, environment, host and every resource word');
    if (!word.isWellFormed()) throw new Reject('key: a word is not valid Unicode; repair it before it is used in a key');
  }
  const text = words.map(escapeWord).join('.');
  // Escaped, a key is ASCII: its length is its size in bytes.
  if (text.length > maxKeyBytes)
    throw new Reject(`key: ${text.length} bytes, the limit is ${maxKeyBytes}; shorten the resource: ${text.slice(0, 80)}…`);
  return text;
}

/** The inverse of {@link key}. @throws Reject when the text is no key. */
export function parse(text: string): About {
  if (Buffer.byteLength(text) > maxKeyBytes) throw new Reject(`key: ${Buffer.byteLength(text)} bytes, the limit is ${maxKeyBytes}`);
  const [company, system, environment, host, ...resource] = text.split('.').map(unescapeWord);
  if (!company || !system || !environment || !host || resource.includes('')) {
    throw new Reject(`key: "${text}" is none; it reads company.system.environment.host.resource, with no empty word`);
  }
  return { company, system, environment, host, resource };
}

/** How many keys are remembered as such. They are a stranger's to choose: past it, all are forgotten. */
const mostKnown = 10_000;
const known = new Set<string>();

/** @throws Reject when the text is no key. Cheap for one that was seen lately, as nearly all are. */
export function checkKey(text: string): void {
  if (known.has(text)) return;
  parse(text);
  if (known.size >= mostKnown) known.clear();
  known.add(text);
}

/** The topic pattern that selects what the fields say. Words are escaped, so a host `web.1` is found as it was written. */
export function patternOf(fields: Fields): string {
  const word = (value: string | undefined) => (value === undefined || value === '*' ? '*' : escapeWord(value));
  const place = [word(fields.company), word(fields.system), word(fields.environment), word(fields.host)];
  // A resource is typed with dots between its words; within a word a dot is written %2E.
  const resource =
    fields.resource === undefined
      ? []
      : fields.resource.split('.').map((part) => (part === '*' || part === '#' ? part : escapeWord(unescapeWord(part))));
  return [...place, ...resource, '#'].join('.').replace(/^(\*\.){4}#$/, '#');
}

/** @throws Reject with what is wrong, when the text is no topic pattern. */
export function checkPattern(pattern: string): void {
  if (Buffer.byteLength(pattern) > maxKeyBytes)
    throw new Reject(`pattern: ${Buffer.byteLength(pattern)} bytes, the limit is ${maxKeyBytes}`);
  for (const word of pattern.split('.')) {
    if (word.length > 1 && /[*#]/.test(word)) {
      throw new Reject(`pattern: "${word}" in "${pattern}" is none; * and # stand for whole words, as in web.*.cpu or acme.#`);
    }
  }
}

export type Matcher = (key: string) => boolean;

/** A test for keys, compiled once from a topic pattern. Linear in words × words, whatever the pattern. Agrees with RabbitMQ. */
export function matcher(pattern: string): Matcher {
  checkPattern(pattern);
  if (pattern === '#') return () => true;
  const words = pattern.split('.');
  const hashes = words.filter((word) => word === '#').length;
  if (hashes === 0 && !words.includes('*')) return (text) => text === pattern;
  if (hashes === 1 && words.at(-1) === '#') {
    const head = words.slice(0, -1);
    return (text) => {
      // An empty key has no words, and `''.split` gives one.
      const parts = text === '' ? [] : text.split('.');
      return parts.length >= head.length && head.every((word, index) => word === '*' || word === parts[index]);
    };
  }
  return (text) => matchWords(words, text === '' ? [] : text.split('.'));
}

/** Row by row over the pattern: `reach[i]` says that the words so far can end after `i` words of the key. */
function matchWords(pattern: readonly string[], words: readonly string[]): boolean {
  let reach = new Array<boolean>(words.length + 1).fill(false);
  reach[0] = true;
  for (const part of pattern) {
    const next = new Array<boolean>(words.length + 1).fill(false);
    for (let index = 0; index <= words.length; index++) {
      if (part === '#') next[index] = reach[index] === true || (index > 0 && next[index - 1] === true);
      else if (index > 0) next[index] = reach[index - 1] === true && (part === '*' || part === words[index - 1]);
    }
    reach = next;
  }
  return reach[words.length] === true;
}

/**
 * Whether any key matches both patterns: where not, what is written to one never reaches a reader of the other. Word by word;
 * `#` takes none, or one more.
 */
export function meet(one: string, other: string): boolean {
  checkPattern(one);
  checkPattern(other);
  const [left, right] = [one.split('.'), other.split('.')];
  // `row[j]`: the words of `left` from here on, and those of `right` from `j` on, can be the same. From their ends backwards.
  let row = new Array<boolean>(right.length + 1).fill(false);
  for (let i = left.length; i >= 0; i--) {
    const next = new Array<boolean>(right.length + 1).fill(false);
    for (let j = right.length; j >= 0; j--) {
      const [mine, yours] = [left[i], right[j]];
      if (mine === undefined && yours === undefined) next[j] = true;
      else if (mine === '#') next[j] = row[j] === true || (yours !== undefined && next[j + 1] === true);
      else if (yours === '#') next[j] = next[j + 1] === true || (mine !== undefined && row[j] === true);
      else if (mine !== undefined && yours !== undefined)
        next[j] = row[j + 1] === true && (mine === '*' || yours === '*' || mine === yours);
    }
    row = next;
  }
  return row[0] === true;
}
