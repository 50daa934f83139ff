/**
 * Part of the tree, as a broker's user is named after it: `acme.shop.prod.web-1` is the agent of that server, `acme.shop.prod`
 * a hub of that environment, `acme` one of the whole company, and `acme.shop.prod.*` what servers of that environment share
 * until each has a name of its own. Words are written as in a key, so that a `*` in a host's name is `%2A` and no wildcard.
 */
import { ConfigError } from './errors.ts';
import { escapeWord, unescapeWord } from './key.ts';

export interface Part {
  /** The words that it fixes, as they stand in a key: one to four. */
  readonly words: readonly string[];
  /** Whether a server speaks, which commands nobody. Else a hub. */
  readonly sort: 'agent' | 'hub';
}

/** The longest name of a user, in bytes: it is part of its queues' names, which AMQP limits to 255. */
export const maxUserBytes = 200;

/** What every queue of an agent begins with: it may make none other. */
export const agentQueues = (user: string): string => `sluice.agent.${user}.`;

/** The part that a name means, or undefined when it means none. Also one or two words mean one: who takes them so, says so. */
export function readPart(name: string): Part | undefined {
  const words = name.split('.');
  if (words.length > 4 || Buffer.byteLength(name) > maxUserBytes) return undefined;
  const fixed = words.length === 4 ? words.slice(0, lastFixed(words)) : words;
  if (fixed.length === 0 || !fixed.every(isWord)) return undefined;
  return { words: fixed, sort: words.length === 4 ? 'agent' : 'hub' };
}

/** @throws ConfigError when the name means no part. */
export function partOf(name: string): Part {
  const part = readPart(name);
  if (part) return part;
  throw new ConfigError(`"${name}" is no part of the tree; write acme.shop.prod.web-1 for a server, acme.shop.prod for a hub`);
}

/** Whether the key is about something in the part. */
export function holdsKey({ words }: Part, key: string): boolean {
  const prefix = words.join('.');
  return key === prefix || key.startsWith(`${prefix}.`);
}

/** Whether the source is somewhere in the part. In a source, a slash within a word is escaped too. */
export function holdsSource({ words }: Part, source: string): boolean {
  return source.startsWith(`/${words.map((word) => word.replaceAll('/', '%2F')).join('/')}/`);
}

/** How many words come before the stars that end it. */
function lastFixed(words: readonly string[]): number {
  return words.findLastIndex((word) => word !== '*') + 1;
}

/** One word has one spelling, so that two names never mean the same part. */
function isWord(word: string): boolean {
  try {
    return word !== '' && word.isWellFormed() && escapeWord(unescapeWord(word)) === word;
  } catch {
    return false;
  }
}
