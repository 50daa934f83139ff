/**
 * Lets this process import a stranger's module wherever it lies: TypeScript as it is written, and in it `sluice` means
 * this very installation, so that a single file needs no install and no package.json of its own. Loaded only when asked
 * for: built-in nodes run compiled.
 *
 * A `.ts` file is always an ES module here. tsx alone would go by the nearest package.json, take a lone file for CommonJS,
 * and then look for `sluice` in a node_modules that is not there.
 */
import { register } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs in the loader's own thread. Plain JavaScript in a string, so that it is the same from source and compiled. */
const hooks = `
import { existsSync } from 'node:fs';
let modules = {};
export async function initialize(data) { modules = data; }
export async function resolve(specifier, context, next) {
  const url = modules[specifier] ?? typescript(specifier, context.parentURL ?? 'file:///');
  return url ? { url, format: 'module', shortCircuit: true } : next(specifier, context);
}
function typescript(specifier, parent) {
  if (!/^(file:|[.][.]?[/])/.test(specifier) || !parent.startsWith('file:')) return undefined;
  const url = new URL(specifier, parent);
  if (url.pathname.endsWith('.js') && !existsSync(url)) url.pathname = url.pathname.replace(/js$/, 'ts');
  return url.pathname.endsWith('.ts') && existsSync(url) ? url.href : undefined;
}
`;

function registerHooks(): void {
  const extension = extname(fileURLToPath(import.meta.url));
  const url = (path: string) => new URL(`${path}${extension}`, import.meta.url).href;
  const data = { sluice: url('../index'), 'sluice/testing': url('../testing/index') };
  register(`data:text/javascript,${encodeURIComponent(hooks)}`, { parentURL: import.meta.url, data });
}

let resolving = false;
let typescript: Promise<void> | undefined;

/** Makes `import … from 'sluice'` work in modules outside of this installation. Safe to call again. */
export function resolveSluice(): void {
  if (!resolving) registerHooks();
  resolving = true;
}

/** Makes `.ts` files work too. Safe to call again. */
export function loadTypescript(): Promise<void> {
  typescript ??= (async () => {
    // So that an error in a plugin names the plugin's own line.
    process.setSourceMapsEnabled(true);
    const tsx = await import('tsx/esm/api');
    // The author's tsconfig is for editors: its paths lead to types.
    tsx.register({ tsconfig: false });
    // Registered last, asked first.
    registerHooks();
    resolving = true;
  })();
  return typescript;
}
