/**
 * What an installation needs, looked at one by one. Each finding says what is so and, where it is not well, what to do.
 * It changes nothing: the state directory is not made, and a port that it tries is let go at once.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import { findDefaults } from './find.ts';

export interface Finding {
  readonly what: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

export type Found = Omit<Finding, 'what'>;
/** One thing to look at. What it throws is a warning. */
export type Look = readonly [what: string, look: () => Found | Promise<Found>];
/** What a `*.doctor` file exports by default: what it looks at under this config, if anything. */
export type Looks = (config: Config) => readonly Look[];

export const ok = (text: string): Found => ({ level: 'ok', text });
export const warn = (text: string, advice: string): Found => ({ level: 'warn', text, advice });
export const fail = (text: string, advice: string): Found => ({ level: 'fail', text, advice });

const run = promisify(execFile);
const timeout = 5000;

/** Looks at everything that the config speaks of. Never throws. */
export async function examine(config: Config): Promise<Finding[]> {
  const others = await findDefaults<Looks>('doctor');
  const looks: Look[] = [
    ['node', () => nodeVersion(process.versions.node)],
    ['state', () => stateFolder(config.state)],
    ['port', () => port(config.settings.live.listen)],
    ['bus', () => bus(config)],
    ['clock', clock],
    ['journal', () => journal(config.settings.logs)],
    ...others.flatMap((looksOf) => looksOf(config)),
  ];
  return Promise.all(
    looks.map(async ([what, look]) => {
      try {
        return { what, ...(await look()) };
      } catch (thrown) {
        return { what, ...warn(`could not be looked at: ${messageOf(thrown).split('\n')[0]}`, 'look at it by hand') };
      }
    }),
  );
}

export function nodeVersion(version: string): Found {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return enough ? ok(`Node ${version}`) : fail(`Node ${version} is too old`, 'install Node 20.19 or later');
}

/** Room for a spool that has to wait for its broker. */
const littleSpace = 1024 ** 3;
const noSpace = 64 * 1024 ** 2;

function stateFolder(state: string): Found {
  let folder = state;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    return fail(`${state} cannot be written`, `give it to the user that runs sluice, or name another with --state`);
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const text = `${state}, ${(free / 1e9).toFixed(1)} GB free`;
  if (free < noSpace) return fail(text, 'make room there, or name another folder with --state');
  return free < littleSpace ? warn(text, 'make room: while a broker is away, events wait there') : ok(text);
}

async function port(listen: string): Promise<Found> {
  const cut = listen.lastIndexOf(':');
  const host = listen.slice(0, cut).replace(/^\[|\]$/g, '');
  const answer = await fetch(`http://${listen}/healthz`, { signal: AbortSignal.timeout(timeout) }).catch(() => undefined);
  const body = await answer?.text().catch(() => '');
  if (answer?.ok && body?.includes('"viewers"')) return ok(`sluice runs, at http://${listen}`);
  if (answer) return fail(`${listen} is taken by another program`, 'stop it, or use another port with --port');
  const refused = await tryListen(host, Number(listen.slice(cut + 1)));
  return refused === undefined ? ok(`${listen} is free`) : fail(`${listen}: ${refused}`, 'use another port with --port');
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

async function bus(config: Config): Promise<Found> {
  if (config.bus === 'embedded') return ok('embedded: nothing to reach');
  const { openBus } = await import('./remote-bus.ts');
  try {
    const remote = await openBus(config, config.bus);
    await remote.close();
    return ok(`${remote.name} answers`);
  } catch (thrown) {
    const [said = '', advice = ''] = messageOf(thrown)
      .replace(/^sluice: (bus: )?/, '')
      .split('; ');
    return fail(said, advice);
  }
}

async function clock(): Promise<Found> {
  const asked = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], { timeout }).catch(() => undefined);
  const answer = asked?.stdout.trim();
  if (answer === 'yes') return ok('kept right by NTP');
  const advice = 'run chrony or systemd-timesyncd: events carry the time of the server that they come from';
  return answer === 'no' ? warn('is not kept right by NTP', advice) : warn('cannot tell whether NTP keeps it right', advice);
}

async function journal(logs: readonly string[]): Promise<Found> {
  if (!logs.includes('journal')) return ok('not read, as the config says');
  const advice = 'let the user that runs sluice into the group systemd-journal';
  try {
    const { stdout } = await run('journalctl', ['--lines=1', '--output=json', '--no-pager', '--quiet'], { timeout });
    return stdout.trim() === '' ? warn('has no entry that this user may read', advice) : ok('can be read');
  } catch (thrown) {
    const absent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    return absent
      ? warn('there is no journalctl', 'name log files in the config, as in logs: [/var/log/*.log]')
      : warn('cannot be read', advice);
  }
}
