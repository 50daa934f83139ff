/** Runs the command line as its users do: a process of its own, its output, its exit code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

// `npm test` has just built it: then what users run is what is tested, and it starts four times as fast as its source.
const isBuilt = process.env.npm_lifecycle_event === 'test';
const main = fileURLToPath(new URL(isBuilt ? '../../dist/core/cli/main.js' : '../../core/cli/main.ts', import.meta.url));
const loading = isBuilt ? [] : ['--import', import.meta.resolve('tsx')];

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** Starts `sluice …`, and lets a test wait for what it says. */
export function startCli(words: readonly string[], { cwd, env, input = '' }: CliOptions = {}) {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SLUICE_|SSH_|NO_COLOR|FORCE_COLOR|NODE_OPTIONS)/.test(name)),
  );
  const child = spawn(process.execPath, [...loading, main, ...words], { ...(cwd && { cwd }), env: { ...inherited, ...env } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code ?? -1, out, err }));
  return {
    ended,
    said: () => out + err,
    signal: (name: NodeJS.Signals) => child.kill(name),
    /** Resolves once it has said something that matches; rejects when it ends without. */
    async says(pattern: RegExp): Promise<void> {
      while (!pattern.test(out + err)) {
        const end = await Promise.race([ended, once(child.stdout, 'data'), once(child.stderr, 'data')]);
        if ('code' in end && !pattern.test(out + err)) throw new Error(`ended with ${end.code} without ${pattern}: ${out}${err}`);
      }
    },
  };
}

/** Runs `sluice …` to its end. */
export function cli(words: readonly string[], options: CliOptions = {}): Promise<Ended> {
  return startCli(words, options).ended;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}
