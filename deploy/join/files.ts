/**
 * Files that joining writes: whole or not at all, and a secret readable by its owner alone. `root` is where the system's folders
 * are, `/` but for tests and images that are made from outside.
 */
import { chmodSync, chownSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, SluiceError } from 'sluice';

/** The first line of a config that may be replaced, since nobody's work is in it. */
const mark = '# Written by sluice. Your own settings go into conf.d/*.yaml beside this file: they come first.';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A user of the system under `root`, or undefined where there is none, or where we may not give files away. */
export function ownerOf(root: string, name: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  let users = '';
  try {
    users = readFileSync(join(root, 'etc/passwd'), 'utf8');
  } catch {
    // A folder with nothing in it yet.
  }
  const [, , uid, gid] =
    users
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** @throws SluiceError that says to run it as root, where that is what is missing */
export function writeFile(path: string, text: string, { mode = 0o644, owner }: { mode?: number; owner?: Owner | undefined } = {}): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const next = `${path}.new`;
    const descriptor = openSync(next, 'w', mode);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // The umask may have taken bits, and an older file of this name have had more.
    chmodSync(next, mode);
    if (owner) chownSync(next, owner.uid, owner.gid);
    renameSync(next, path);
  } catch (cause) {
    throw new SluiceError(`${path} cannot be written (${messageOf(cause).split(',')[0]}); run this as root, as in sudo sluice …`, {
      cause,
    });
  }
}

/** A config in JSON's own YAML, a line a setting. */
export function configText(settings: Readonly<Record<string, unknown>>): string {
  return `${[mark, ...Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)].join('\n')}\n`;
}

/** @throws SluiceError when a person has written the file */
export function refuseForeign(path: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8').startsWith(mark)) return;
  const folder = join(dirname(path), 'conf.d');
  throw new SluiceError(
    `${path} is there, and written by someone else; move what it says to ${folder}/own.yaml, which is read too, and remove it`,
  );
}

export interface LoginFile {
  readonly username: string;
  readonly password: string;
  readonly ca?: string;
}

export const identityText = (login: LoginFile): string =>
  `${Object.entries(login)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join('\n')}\n`;
