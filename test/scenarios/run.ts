/**
 * Runs sluice as its users do: compiled, as processes of their own, in folders that are gone afterwards. What a test starts
 * here ends with the test, also when it fails.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { freePort } from '../fixtures/rabbitmq.ts';
import { built } from './built.ts';

await built();

export const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
export { freePort };

const undo: (() => unknown)[] = [];

/** Has something undone after the test, the latest first. */
export function afterwards(work: () => unknown): void {
  undo.push(work);
}
afterEach(async () => {
  for (const work of undo.splice(0).reverse()) await work();
});

/** A new folder of the test's own. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-scenario-'));
  afterwards(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Ended {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly pid: number;
  out(): string;
  err(): string;
  /** Everything that it has said. */
  said(): string;
  readonly ended: Promise<Ended>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface Spawning {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts `sluice …`. Of the caller's environment it sees nothing that is meant for sluice or for the terminal. */
export function start(words: readonly string[], { cwd, env }: Spawning = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SLUICE_|SSH_|NODE_OPTIONS|VITEST|FORCE_COLOR|NO_COLOR)/.test(name));
  const child = spawn(process.execPath, [main, ...words], {
    // Kept by nobody: the process that is signalled is the one that does the work.
    env: { ...Object.fromEntries(inherited), SLUICE_KEPT: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  return follow(child);
}

function follow(child: ChildProcess): Running {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code: code ?? undefined, signal: signal ?? undefined, out, err }));
  afterwards(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return {
    pid: child.pid ?? 0,
    out: () => out,
    err: () => err,
    said: () => out + err,
    ended,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs `sluice …` to its end. */
export const sluice = (words: readonly string[], spawning?: Spawning): Promise<Ended> => start(words, spawning).ended;

/** Looks again and again until there is something to see. @throws what was seen last, when `ms` pass without. */
export async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, ms = 15_000): Promise<T> {
  const deadline = performance.now() + ms;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = found;
    } catch (thrown) {
      last = thrown;
    }
    await pause(50);
  }
  throw new Error(`${what}: not within ${ms} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}

/** Keeps looking for `ms`, for what must not happen. @throws as soon as it does. */
export async function throughout(ms: number, look: () => void | Promise<void>): Promise<void> {
  for (const deadline = performance.now() + ms; performance.now() < deadline; await pause(100)) await look();
}

export interface Site extends Running {
  readonly port: number;
  readonly folder: string;
  readonly state: string;
  readonly config: string;
  /** What its page's server answers. */
  get<T = unknown>(path: string): Promise<T>;
  /** Starts it again on the same state, config and port. */
  again(): Promise<Site>;
}

export interface SiteOptions extends Spawning {
  /** The config file's contents. */
  readonly config?: Record<string, unknown>;
  readonly words?: readonly string[];
  /** Where its config and state are. Default: a folder of its own. */
  readonly folder?: string;
}

/** Starts `sluice run` with a config, a state and a port of its own. Does not wait for it. */
export async function site({ config = {}, words = [], folder: given, ...spawning }: SiteOptions = {}): Promise<Site> {
  const at = given ?? folder();
  const file = join(at, 'config.yaml');
  const state = join(at, 'state');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  const port = await freePort();
  const launch = (): Site => {
    const running = start(['run', file, '--state', state, '--port', String(port), ...words], { cwd: at, ...spawning });
    return {
      ...running,
      port,
      folder: at,
      state,
      config: file,
      async get<T>(path: string) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5000) }).catch((cause: unknown) => {
          throw new Error(`${path} is not answered; it said: ${running.said().slice(-1000)}`, { cause });
        });
        if (!response.ok) throw new Error(`${path} answered ${response.status}`);
        return (await response.json()) as T;
      },
      again: async () => launch(),
    };
  };
  return launch();
}

/** Whether this machine lets us mount; where it does not, tests that must are skipped, but never in CI. */
export const canMount = process.getuid?.() === 0 || process.env.CI !== undefined;

/** The title of a test that mounts. */
export const mounting = (title: string): string =>
  canMount ? title : `${title}: skipped, since it needs root; to run these: sudo npm test`;
