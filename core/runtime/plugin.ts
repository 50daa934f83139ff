/**
 * Imports a stranger's module: a file wherever it lies, also in TypeScript, or a package. In it, `sluice` means this very
 * installation, so a single file needs no install of its own. The TypeScript loader is loaded for the first `.ts` only.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadTypescript, resolveSluice } from './typescript.ts';

/** @param use a file's path, or a package that is installed where the process runs. `version` reloads a changed file. */
export async function importPlugin(use: string, version = ''): Promise<unknown> {
  const file = isAbsolute(use) || use.startsWith('.') ? resolve(use) : installed(use);
  if (file !== undefined && /\.[cm]?tsx?$/.test(file)) await loadTypescript();
  else resolveSluice();
  return file === undefined ? import(use) : import(`${pathToFileURL(file).href}${version && `?${version}`}`);
}

function installed(name: string): string | undefined {
  try {
    const found = createRequire(join(process.cwd(), 'config')).resolve(name);
    return existsSync(found) ? found : undefined;
  } catch {
    return undefined;
  }
}
