/**
 * Reads the kernel's own files. They are answered from memory, so they are read in place: through the thread pool the
 * same read costs several times the CPU, and an agent does this every second.
 *
 * root, path → text, or undefined where the kernel has no such file (a container, an older kernel).
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { ConfigError, messageOf, SluiceError, z } from 'sluice';

/** Whether the kernel's files are there to be read; elsewhere the library systeminformation is asked. */
export const isLinux = process.platform === 'linux';

const directory = (path: string) => z.string().min(1).default(path);

/** Where the kernel shows its figures. Another place serves tests, and containers that see the host's under another name. */
export const procRoot = directory('/proc');
/** Where the kernel shows its devices. */
export const sysRoot = directory('/sys');

/** Refuses a root that is no directory: it would read as a machine that has nothing. For `start`. */
export function checkRoot(node: string, root: string): void {
  if (!isLinux || statSync(root, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ConfigError(`${node}: there is no directory ${root}; leave root and sys out, or name where procfs and sysfs are mounted`);
}

/** The whole of a file such as `net/dev`; undefined where there is none. */
export function readProc(node: string, root: string, path: string): string | undefined {
  return absentOr(node, `${root}/${path}`, (file) => readFileSync(file, 'utf8'));
}

/** The names in a directory; undefined where there is none. */
export function listProc(node: string, root: string, path = ''): string[] | undefined {
  return absentOr(node, `${root}/${path}`, (file) => readdirSync(file));
}

function absentOr<Value>(node: string, file: string, read: (file: string) => Value): Value | undefined {
  try {
    return read(file);
  } catch (cause) {
    // ESRCH: the process ended between being listed and being read.
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ESRCH')) return undefined;
    throw new SluiceError(`${node}: cannot read ${file}: ${messageOf(cause)}; let the user that runs sluice read it`, { cause });
  }
}
