/**
 * The tokens as the door knows them: read anew whenever their folder has changed, so that a new one is good at once, and a revoked
 * one is not.
 */
import { type Looker, lookerOf } from '../looker.ts';
import { idOf, isTextOf, type LookToken, readTokens, statusOf, versionOf } from './tokens.ts';

/** A token that lets its bearer look, or why it does not. `id` only of one that is ours, so that no stranger's words are repeated. */
export type Shown = { readonly looker: Looker } | { readonly why: 'unknown' | 'revoked' | 'ended'; readonly id?: string };

export interface Register {
  /** Whose text it is. */
  look(text: string): Shown;
  /** Whether this looker's token is still good. */
  admits(looker: Looker): boolean;
  /** The looker of a token that is still good. */
  lookerOf(id: string): Looker | undefined;
  /** When a token ends, in milliseconds since 1970. */
  endOf(id: string): number;
  /** A second has passed. */
  tick(): void;
}

export interface RegisterOptions {
  readonly now: () => number;
  /** A token was made or revoked since the folder was read first. */
  readonly changed: (token: LookToken, did: 'made' | 'revoked') => void;
  readonly tell: (flaw: string) => void;
}

/** Compared with where nothing is known, so that it takes as long. */
const nobodys = { hash: '0'.repeat(64) } as LookToken;

export function createRegister(folder: string, { now, changed, tell }: RegisterOptions): Register {
  let version: string | undefined;
  /** Two changes within one grain of the file system's clock look like one: after each, it is read once more. */
  let again = false;
  let known = new Map<string, { readonly token: LookToken; readonly looker: Looker }>();

  const read = (): void => {
    const before = known;
    known = new Map(
      readTokens(folder, tell).map((token) => {
        const same = before.get(token.id);
        const isSame = same && same.token.scope === token.scope && same.token.role === token.role;
        return [token.id, { token, looker: isSame ? same.looker : lookerOf(token.id, token.role, token.scope === '*' ? '' : token.scope) }];
      }),
    );
    if (version === undefined) return;
    for (const { token } of known.values()) {
      const was = before.get(token.id)?.token;
      if (!was) changed(token, 'made');
      if (token.revoked && !was?.revoked) changed(token, 'revoked');
    }
  };
  const refresh = (): void => {
    const is = versionOf(folder);
    if (is === version) return;
    read();
    version = is;
    again = true;
  };
  const good = (id: string) => {
    refresh();
    const found = known.get(id);
    return found && statusOf(found.token, now()) === 'open' ? found : undefined;
  };
  refresh();

  return {
    look(text) {
      const id = idOf(text);
      refresh();
      const found = id === undefined ? undefined : known.get(id);
      const isIts = isTextOf(text, found?.token ?? nobodys);
      if (!found || !isIts) return { why: 'unknown' };
      const status = statusOf(found.token, now());
      return status === 'open' ? { looker: found.looker } : { why: status, id: found.token.id };
    },
    admits: (looker) => good(looker.name)?.looker === looker,
    lookerOf: (id) => good(id)?.looker,
    endOf: (id) => Date.parse(known.get(id)?.token.ends ?? '') || 0,
    tick() {
      const due = again;
      again = false;
      refresh();
      if (due) read();
    },
  };
}
