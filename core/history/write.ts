/** Writes a proposed entry into a config file: checked as a config before anything is touched, and replaced in one step. */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { configOf } from '../cli/options.ts';
import { addTo, type Entry } from './rule.ts';

/** A file that does not exist is made. @throws ConfigError when the file is no config, or would be none with it */
export async function writeEntry(file: string, entry: Entry): Promise<void> {
  const exists = existsSync(file);
  const text = addTo(exists ? readFileSync(file, 'utf8') : '', entry, file);
  // In the same folder: a rename over the old one, and paths within it mean the same.
  const beside = `${file.replace(/\.ya?ml$/, '')}.proposed-${process.pid}.yaml`;
  try {
    writeFileSync(beside, text, { mode: exists ? statSync(file).mode & 0o777 : 0o644 });
    await configOf(beside, {});
    renameSync(beside, file);
  } finally {
    rmSync(beside, { force: true });
  }
}
