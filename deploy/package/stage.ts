/**
 * Lays out what the package installs: the compiled code, the libraries that it needs and no others, Node, units and documents.
 * Sorted, owned by root, dated by the commit: the same sources make the same bytes.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { SluiceError, z } from 'sluice';
import { unitsFor } from '../systemd/units.ts';
import { control, type Described, scripts } from './control.ts';

export interface Staging {
  /** The checkout, built. */
  readonly root: string;
  /** An empty folder. */
  readonly to: string;
  readonly version: string;
  readonly architecture: string;
  /** Milliseconds since 1970 that every file is dated. */
  readonly dated: number;
  /** The node binary to bring along; undefined: the system's. */
  readonly node?: string;
}

const home = 'usr/lib/sluice';
const lockfile = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().optional(), optional: z.boolean().optional() })) });

/** The folders under node_modules that run in production and are for this platform. @throws SluiceError when one is missing */
export function productionPackages(root: string): string[] {
  const { packages } = lockfile.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  return Object.entries(packages).flatMap(([path, { dev, optional }]) => {
    if (path === '' || dev) return [];
    if (existsSync(join(root, path))) return [path];
    if (optional) return [];
    throw new SluiceError(`${path} is not installed; run npm ci`);
  });
}

/** What nobody needs who only runs it. */
const idle = /(\.map|\.tsbuildinfo|\.test\.[jt]s|\.building)$/;

export function stage({ root, to, version, architecture, dated, node }: Staging): Described {
  const at = (...path: string[]) => join(to, ...path);
  const copy = (from: string, into: string, filter: (path: string) => boolean = () => true) => {
    mkdirSync(dirname(at(into)), { recursive: true });
    cpSync(join(root, from), at(into), { recursive: true, dereference: true, filter });
  };
  copy('dist', `${home}/dist`, (path) => !idle.test(path));
  copy('docs/protocol', `${home}/docs/protocol`);
  for (const path of productionPackages(root)) {
    const own = join(root, path);
    // Nested libraries are listed by themselves.
    copy(path, `${home}/${path}`, (file) => !idle.test(file) && !relative(own, file).split('/').includes('node_modules'));
  }
  const manifest: object = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(at(home, 'package.json'), `${JSON.stringify({ ...manifest, version }, undefined, 2)}\n`);
  const main = `${home}/dist/core/cli/main.js`;
  const text = readFileSync(at(main), 'utf8').replace(/^#!.*\n/, `#!${node === undefined ? '/usr/bin/node' : `/${home}/bin/node`}\n`);
  writeFileSync(at(main), text);
  if (node !== undefined) {
    mkdirSync(at(home, 'bin'));
    copyFileSync(node, at(home, 'bin/node'));
  }
  mkdirSync(at('usr/bin'));
  symlinkSync('../lib/sluice/dist/core/cli/main.js', at('usr/bin/sluice'));
  mkdirSync(at('usr/lib/systemd/system'), { recursive: true });
  for (const [name, unit] of Object.entries(unitsFor({ command: '/usr/bin/sluice' })))
    writeFileSync(at('usr/lib/systemd/system', `${name}.service`), unit);
  for (const name of ['operations.md', 'security.md']) copy(`docs/${name}`, `usr/share/doc/sluice/${name}`);
  copy('CHANGELOG.md', 'usr/share/doc/sluice/CHANGELOG.md');
  writeFileSync(at('usr/share/doc/sluice/copyright'), copyright(readFileSync(join(root, 'LICENSE'), 'utf8'), node !== undefined));

  const files = filesUnder(to);
  for (const file of files) {
    if (lstatSync(at(file)).isSymbolicLink()) continue;
    const isProgram = file === main || file === `${home}/bin/node` || (/\/bin\//.test(file) && isElf(at(file)));
    chmodSync(at(file), lstatSync(at(file)).isDirectory() || isProgram ? 0o755 : 0o644);
  }
  const bytes = files.reduce((sum, file) => sum + (lstatSync(at(file)).isFile() ? lstatSync(at(file)).size : 0), 0);
  const described: Described = { version, architecture, size: Math.ceil(bytes / 1024), bundled: node !== undefined };
  mkdirSync(at('DEBIAN'));
  writeFileSync(at('DEBIAN/control'), control(described), { mode: 0o644 });
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(at('DEBIAN', name), body);
    chmodSync(at('DEBIAN', name), 0o755);
  }
  // Folders after what is in them, since that changes their date.
  for (const file of [...filesUnder(to), '.'].sort((one, other) => other.length - one.length))
    lutimesSync(at(file), dated / 1000, dated / 1000);
  return described;
}

/** Everything below, sorted. */
function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

const isElf = (file: string): boolean => lstatSync(file).isFile() && readFileSync(file).subarray(0, 4).toString('latin1') === '\x7fELF';

function copyright(license: string, bundled: boolean): string {
  const node = bundled
    ? '\nNode.js, in /usr/lib/sluice/bin, is under the MIT license and those of its parts: https://github.com/nodejs/node/blob/main/LICENSE\n'
    : '';
  return `sluice is under the Apache License, version 2.0, as follows. The libraries in /usr/lib/sluice/node_modules are under their own, each in its folder.\n${node}\n${license}`;
}

/** What the package's file is named. */
export const packageName = ({ version, architecture }: Pick<Described, 'version' | 'architecture'>): string =>
  basename(`sluice_${version}_${architecture}.deb`);
