/**
 * The page's files: read once at start, served from memory, by exact name. Nothing that a request says becomes a path.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  readonly cache: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/** Where the built page is: beside the compiled server, or in dist/ when this runs from the sources. */
const places = ['./page/', '../../../dist/nodes/sinks/live/page/'];
/** Vite writes this list last; the sources hold no such file. */
const manifest = 'built.json';

/** Files by the path that they are asked for with; none when the page was not built. */
export async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  for (const place of places) {
    const directory = fileURLToPath(new URL(place, import.meta.url));
    const names = await readdir(directory, { recursive: true }).catch((): string[] => []);
    if (!names.includes(manifest)) continue;
    const served = names.filter((name) => name !== manifest && extname(name) in types);
    try {
      return new Map(
        await Promise.all(served.map(async (name) => [`/${name.split(sep).join('/')}`, await readAsset(directory, name)] as const)),
      );
    } catch {
      // A page that is being built at this moment is none yet.
    }
  }
  return new Map();
}

async function readAsset(directory: string, name: string): Promise<Asset> {
  const body = new Uint8Array(await readFile(join(directory, name)));
  return {
    body,
    type: types[extname(name)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    // Vite puts a digest of the content into these names.
    cache: name.startsWith('assets') ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}
