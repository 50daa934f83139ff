/**
 * `npm run package`: builds `sluice_<version>_<architecture>.deb` of this checkout with dpkg-deb. Node comes along, since
 * Debian 12's own is too old; `--node system` leaves it out. `--fast` does not compress, for tests.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, SluiceError } from 'sluice';
import { version as ownVersion, packageRoot } from '../../core/installation.ts';
import { packageName, stage } from './stage.ts';

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: packageRoot },
    node: { type: 'string', default: 'bundled' },
    version: { type: 'string', default: ownVersion() },
    fast: { type: 'boolean', default: false },
  },
});

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env });
  } catch (thrown) {
    throw new SluiceError(`package: ${program} failed (${messageOf(thrown).split('\n').slice(0, 2).join(' ')}); is it installed?`);
  }
}

function build(): string {
  const architecture = architectures[process.arch];
  if (!architecture) throw new SluiceError(`package: there is no package for ${process.arch}; it is made on amd64 or arm64`);
  if (values.node !== 'bundled' && values.node !== 'system') throw new SluiceError('package: --node is bundled or system');
  // When the commit was made, so that the same commit makes the same bytes.
  const dated = Number(run('git', ['-C', packageRoot, 'log', '-1', '--format=%ct'])) * 1000;
  const work = mkdtempSync(join(tmpdir(), 'sluice-package-'));
  try {
    const to = join(work, 'tree');
    mkdirSync(to);
    const described = stage({
      root: packageRoot,
      to,
      version: values.version,
      architecture,
      dated,
      ...(values.node === 'bundled' && { node: process.execPath }),
    });
    mkdirSync(resolve(values.to), { recursive: true });
    const file = join(resolve(values.to), packageName(described));
    const compression = values.fast ? ['-Znone'] : ['-Zxz', '-z6'];
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(dated / 1000) };
    // Under its name only once it is whole.
    const next = join(work, packageName(described));
    run('dpkg-deb', ['--root-owner-group', ...compression, '--build', to, next], env);
    moveFile(next, file);
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    return `${file}\n${megabytes(statSync(file).size)}, ${megabytes(described.size * 1024)} installed, ${values.node === 'bundled' ? `with Node ${process.versions.node}` : 'without Node'}; sha256 ${digest}\n`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Also from one filesystem to another. */
function moveFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    copyFileSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}

try {
  process.stdout.write(build());
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
