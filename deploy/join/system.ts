/**
 * The server's service manager, as far as joining needs it. Where systemd does not run, nothing is started, and the caller is told.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, SluiceError } from 'sluice';
import { isCheckout, packageRoot } from '../../core/installation.ts';
import { logGroups, type UnitName, unitsFor } from '../systemd/units.ts';
import { ownerOf, writeFile } from './files.ts';

const run = promisify(execFile);

/** Where the system is, and where its config. */
export interface Place {
  /** `/`, or a folder that stands for it. */
  readonly root: string;
  readonly etc: string;
}

export const placeAt = (root = '/'): Place => ({ root, etc: join(root, 'etc/sluice') });

export const stateOf = ({ root }: Place, name: string): string => join(root, 'var/lib', name);

/** Whether systemd is what starts services here. A folder that stands for a system starts none. */
export const systemdRuns = ({ root }: Place): boolean => root === '/' && existsSync('/run/systemd/system');

const packaged = (root: string, name: UnitName): boolean =>
  ['lib/systemd/system', 'usr/lib/systemd/system'].some((folder) => existsSync(join(root, folder, `${name}.service`)));

/** How this very sluice is called, by its whole path. */
export function ownCommand(): string {
  if (!isCheckout && existsSync('/usr/bin/sluice')) return '/usr/bin/sluice';
  return `${process.execPath} ${join(packageRoot, 'dist/core/cli/main.js')}`;
}

/** What a person types to start what a unit would. */
export const typed = (words: string): string => `${isCheckout ? 'npx sluice' : 'sluice'} ${words}`;

/** The unit is there: the package's, or one written now. Users of the system that it needs too. */
export async function installUnit(place: Place, name: UnitName, user: string): Promise<void> {
  if (packaged(place.root, name)) return;
  if (systemdRuns(place) && ownerOf(place.root, user) === undefined) {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      `/var/lib/${user}`,
      '--shell',
      '/usr/sbin/nologin',
      user,
    ]).catch((cause: unknown) => {
      throw new SluiceError(`the user ${user} cannot be made (${messageOf(cause)}); run this as root`, { cause });
    });
  }
  const groups = readFileSync('/etc/group', 'utf8').split('\n');
  const present = logGroups.filter((group) => groups.some((line) => line.startsWith(`${group}:`)));
  const text = unitsFor({ command: ownCommand(), etc: place.etc, logGroups: present })[name];
  writeFile(join(place.root, 'etc/systemd/system', `${name}.service`), text);
}

/** Starts a unit now and at every start of the system. @throws SluiceError with where to look */
export async function enable(...names: UnitName[]): Promise<void> {
  const units = names.map((name) => `${name}.service`);
  try {
    await run('systemctl', ['daemon-reload'], { timeout: 60_000 });
    await run('systemctl', ['enable', ...units], { timeout: 60_000 });
    await run('systemctl', ['restart', ...units], { timeout: 60_000 });
  } catch (cause) {
    throw new SluiceError(
      `${units.join(', ')} did not start (${messageOf(cause).split('\n')[1] ?? messageOf(cause)}); look at: journalctl -u ${units[0]}`,
      { cause },
    );
  }
}
