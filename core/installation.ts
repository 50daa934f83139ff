/**
 * Where this sluice is, and so where it keeps things. A checkout is self-contained: its state is under `.sluice/` in it,
 * and it reads no config unless told. An installed one uses the system's places.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** `.js` as built, `.ts` as written. */
export const extension = extname(here);
/** The folder that holds core/, nodes/, actuators/ and deploy/ as they run now. */
export const codeRoot = resolve(dirname(here), '..');
/** The folder of package.json. */
export const packageRoot = extension === '.js' ? dirname(codeRoot) : codeRoot;

export const isCheckout = existsSync(join(packageRoot, 'tsconfig.json'));

export function version(): string {
  const manifest: { version?: string } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  return manifest.version ?? '0';
}

/** What config takes where nothing is said. `STATE_DIRECTORY` is systemd's. */
export function defaults(env: NodeJS.ProcessEnv): { state: string; host: string } {
  const own = env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
  const installed = env.STATE_DIRECTORY ?? (process.getuid?.() === 0 ? '/var/lib/sluice' : join(own, 'sluice'));
  return { state: isCheckout ? join(packageRoot, '.sluice') : installed, host: hostname() };
}

/** The config file that is read when none is named. */
export function defaultConfig(env: NodeJS.ProcessEnv): string | undefined {
  if (env.SLUICE_CONFIG) return env.SLUICE_CONFIG;
  const system = '/etc/sluice/config.yaml';
  return !isCheckout && existsSync(system) ? system : undefined;
}
