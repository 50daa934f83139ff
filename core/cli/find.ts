/** Finds what belongs to the command line by its name, so that no list has to be kept: `*.command` files, and `*.doctor` ones. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { codeRoot, extension } from '../installation.ts';

function findFiles(suffix: string): string[] {
  return ['core', 'nodes', 'actuators', 'deploy'].flatMap((folder) => {
    try {
      const files = readdirSync(join(codeRoot, folder), { recursive: true, encoding: 'utf8' });
      return files.filter((file) => file.endsWith(suffix)).map((file) => join(codeRoot, folder, file));
    } catch {
      // A package may leave out a part that it has no use for.
      return [];
    }
  });
}

/** What each file of this sort exports by default. */
export async function findDefaults<Exported>(sort: 'command' | 'doctor'): Promise<Exported[]> {
  const files = findFiles(`.${sort}${extension}`);
  const modules = await Promise.all(files.map((file) => import(pathToFileURL(file).href) as Promise<{ default: Exported }>));
  return modules.map(({ default: exported }) => exported);
}
