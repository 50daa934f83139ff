/**
 * Tokens that let people and scripts look: a small file each, in a folder of the process's state that its owner alone may read.
 * `sluice token` writes them, the page's server reads them; each is replaced whole, so that neither waits for the other.
 *
 *     slk1_<id: 12 hexadecimal digits>_<secret: 32 random bytes in base64url>
 *
 * Kept is a SHA-256 of it, and nothing slower: that is for secrets which people think up. Nobody guesses 256 bits of chance, however
 * fast a guess is checked.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chownSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, SluiceError, z } from 'sluice';

const instant = z.iso.datetime();
const lookToken = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  /** SHA-256 of its text, in hexadecimal. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  role: z.enum(['viewer', 'operator']),
  /** The part of the tree, as `acme.shop`; `*` is all of it. */
  scope: z.string().min(1).max(200),
  made: instant,
  ends: instant,
  /** Who made it, and who ended it before its time: users of the system. */
  by: z.string().max(255),
  revoked: z.strictObject({ at: instant, by: z.string().max(255) }).optional(),
});

export type LookToken = z.output<typeof lookToken>;

/** The most that are kept; ended ones are the first to go. */
const mostTokens = 1000;
const written = /^slk1_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The folder of a process's tokens. */
export const tokensIn = (state: string): string => join(state, 'lookers');

/** @returns a token's text, never to be seen again, and what is kept of it */
export function newLookToken(): { readonly text: string; readonly id: string; readonly hash: string } {
  const id = randomBytes(6).toString('hex');
  const text = `slk1_${id}_${randomBytes(32).toString('base64url')}`;
  return { text, id, hash: hashOf(text).toString('hex') };
}

/** The id in a token's text; undefined when the text is none. */
export const idOf = (text: string): string | undefined => written.exec(text)?.[1];

/** Whether the text is this token's. Takes as long for a wrong one. */
export const isTextOf = (text: string, { hash }: LookToken): boolean => timingSafeEqual(hashOf(text), Buffer.from(hash, 'hex'));

export const statusOf = ({ revoked, ends }: LookToken, now: number): 'open' | 'revoked' | 'ended' =>
  revoked ? 'revoked' : Date.parse(ends) <= now ? 'ended' : 'open';

/** All tokens of a folder, the oldest first. What cannot be read is told, and lets nobody in. */
export function readTokens(folder: string, tell: (flaw: string) => void): LookToken[] {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^[0-9a-f]{12}\.json$/.test(name));
  } catch (thrown) {
    if (codeOf(thrown) !== 'ENOENT')
      tell(`${folder} cannot be read (${messageOf(thrown).split(',')[0]}); nobody's token is good until it can`);
  }
  const tokens = names.flatMap((name) => {
    const file = join(folder, name);
    try {
      const read = lookToken.parse(JSON.parse(readFileSync(file, 'utf8')));
      return `${read.id}.json` === name ? [read] : [];
    } catch (thrown) {
      // One that was taken away meanwhile is no flaw.
      if (codeOf(thrown) !== 'ENOENT') tell(`${file} is damaged; its token is good for nothing: remove it, and make a new one`);
      return [];
    }
  });
  return tokens.sort((one, other) => (one.made < other.made ? -1 : 1));
}

/** Changes with every change of the folder; reading it costs as good as nothing. */
export function versionOf(folder: string): string {
  try {
    const { mtimeNs, ino } = statSync(folder, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch {
    return '';
  }
}

/** Writes one down: whole or not at all, and for the owner of the state to read alone. @throws SluiceError */
export function writeToken(folder: string, token: LookToken): void {
  try {
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) giveLike(folder, dirname(folder));
    const file = join(folder, `${token.id}.json`);
    if (readdirSync(folder).length >= mostTokens)
      throw new SluiceError(`${mostTokens} tokens are there already; remove the files of those that have ended from ${folder}`);
    const next = `${file}.new`;
    const descriptor = openSync(next, 'w', 0o600);
    try {
      writeSync(descriptor, `${JSON.stringify(token, undefined, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    giveLike(next, folder);
    renameSync(next, file);
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw new SluiceError(
      `${folder} cannot be written (${messageOf(cause).split(',')[0]}); run this as root, or as the user that sluice runs as`,
      {
        cause,
      },
    );
  }
}

/** What root writes must stay readable to the process that asks for it. */
function giveLike(path: string, like: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(like);
  chownSync(path, uid, gid);
}

const codeOf = (thrown: unknown): unknown => (thrown instanceof Error && 'code' in thrown ? thrown.code : undefined);
