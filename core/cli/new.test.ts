/** `sluice new` and `sluice test`: what is written works as it stands, in a folder with no checkout and no install. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cli, startCli } from '../../test/contract/cli.ts';
import { packageRoot } from '../installation.ts';

// Each word is a process; from source, on a busy machine, one takes seconds to start.
vi.setConfig({ testTimeout: 60_000 });
// As a shell would be in it: a process sees the real path of its folder.
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-new-')));
const sluice = (...words: string[]) => cli(words, { cwd: folder });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  for (const [sort, name] of [
    ['filter', 'hot'],
    ['monitor', 'late-loop'],
    ['sink', 'keep'],
  ] as const) {
    const { code, out } = await sluice('new', sort, name);
    expect([code, out.split('\n')[0]]).toEqual([0, `wrote ${name}.ts, ${name}.test.ts${sort === 'filter' ? ', tsconfig.json' : ''}`]);
  }
}, 60_000);

describe('sluice new', () => {
  it('writes only its own files, and never over another', async () => {
    const before = readFileSync(join(folder, 'hot.ts'), 'utf8');
    expect(readdirSync(folder).sort()).toEqual([
      'hot.test.ts',
      'hot.ts',
      'keep.test.ts',
      'keep.ts',
      'late-loop.test.ts',
      'late-loop.ts',
      'tsconfig.json',
    ]);
    const again = await sluice('new', 'filter', 'hot');
    expect([again.code, again.err]).toEqual([1, 'sluice: hot.ts is already here; choose another name, or remove it\n']);
    expect(readFileSync(join(folder, 'hot.ts'), 'utf8')).toBe(before);
  });

  it.concurrent.each([
    ['actuator', 'x', 'actuators cannot be written yet; a monitor, filter or sink can'],
    ['filtr', 'x', '"filtr" is no sort of node; did you mean "filter"?'],
    ['filter', '../x', '"../x" cannot be a node\'s name; write lower-case letters, digits and hyphens, a letter first'],
  ])('refuses %s %s', async (sort, name, message) => {
    const { code, err } = await sluice('new', sort, name);
    expect([code, err]).toEqual([2, `sluice: ${message}\n`]);
  });

  it('gives types that resolve', async () => {
    const tsc = join(packageRoot, 'node_modules', '.bin', 'tsc');
    await expect(promisify(execFile)(tsc, ['--noEmit', '-p', folder])).resolves.toMatchObject({ stdout: '' });
  });
});

describe('sluice test', () => {
  it.concurrent.each(['hot', 'late-loop', 'keep'])('passes the new %s as it stands, and its test', async (name) => {
    const node = await sluice('test', `./${name}.ts`);
    expect(node.out).toMatch(/^passed \d$/m);
    expect(node.code).toBe(0);
    const test = await sluice('test', `./${name}.test.ts`);
    expect(test.out).toMatch(/^# pass 1$/m);
    expect(test.code).toBe(0);
  });

  it('tests a node that is built in', async () => {
    const { code, out } = await cli(['test', 'memory', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ node: 'memory', sort: 'monitor', passed: true });
    const none = await cli(['test', 'memmory']);
    expect([none.code, none.err]).toEqual([
      2,
      'sluice: there is no node "memmory"; did you mean "memory"? A file of your own is written ./memmory.ts\n',
    ]);
  });

  /** The new filter, changed. */
  const changed = (name: string, from: string, to: string) => {
    const code = readFileSync(join(folder, 'hot.ts'), 'utf8');
    expect(code).toContain(from);
    mkdirSync(join(folder, 'changed'), { recursive: true });
    writeFileSync(join(folder, 'changed', `${name}.ts`), code.replace(from, to).replace("'hot'", `'${name}'`));
    return sluice('test', `./changed/${name}.ts`);
  };

  it('fails an example when the condition is inverted, with what was expected, what came, and where it stands', async () => {
    const { code, out } = await changed('inverted', 'point.value > above', 'point.value < above');
    expect(code).toBe(1);
    expect(out).toMatch(
      /✗ stays quiet below its limit {2}changed\/inverted\.ts:\d+\n.*\n {8}expected nothing\n {8}came {5}alert .*"value":20/,
    );
    expect(out).toMatch(/^failed \d of 5$/m);
  });

  it('names the line that throws', async () => {
    const { code, out } = await changed(
      'throws',
      '        const known =',
      '        if (point.value > 92) throw new Error("oh no");\n        const known =',
    );
    const line =
      readFileSync(join(folder, 'changed', 'throws.ts'), 'utf8')
        .split('\n')
        .findIndex((text) => text.includes('oh no')) + 1;
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`✗ throws nothing {2}changed/throws\\.ts:${line}:\\d+\n {6}oh no\n`));
  });

  it('finds out what a restart would lose', async () => {
    const { code, out } = await changed(
      'forgets',
      '  create({ metric, above }, { firing }) {',
      '  create({ metric, above }) {\n    const firing = new Map<string, { since: string }>();',
    );
    expect(code).toBe(1);
    expect(out).toMatch(/✓ resolves when it is back below/);
    expect(out).toMatch(/✗ gives the same when it is restarted after each input\n/);
  });

  it.concurrent.each([
    ['does not parse', 'const x = ;', /^sluice: bad-0\.ts cannot be loaded: .*bad-0\.ts:1:10: .*\n$/],
    ['throws when it is loaded', '\nthrow new Error("early");', /^sluice: bad-1\.ts cannot be loaded: early \(bad-1\.ts:2:\d+\)\n$/],
    ['imports what is not there', 'import "./gone.ts";', /^sluice: bad-2\.ts cannot be loaded: .*gone\.ts.*\n$/],
    ['exports no node', 'export default {};', /^sluice: bad-3\.ts: exports no node; write: export default defineFilter.*\n$/],
  ])('says in one line that a file %s', async (title, code, message) => {
    const index = ['does not parse', 'throws when it is loaded', 'imports what is not there', 'exports no node'].indexOf(title);
    writeFileSync(join(folder, `bad-${index}.ts`), code);
    const { code: exit, err } = await sluice('test', `./bad-${index}.ts`);
    expect(err).toMatch(message);
    expect(exit).toBe(1);
  });

  it('runs again when the file changes, until it is ended', async () => {
    const own = join(folder, 'watched');
    mkdirSync(own);
    const code = readFileSync(join(folder, 'hot.ts'), 'utf8');
    writeFileSync(join(own, 'hot.ts'), code);
    const watching = startCli(['test', './hot.ts', '--watch'], { cwd: own });
    await watching.says(/^passed 5$/m);
    writeFileSync(join(own, 'hot.ts'), code.replace('point.value > above', 'point.value < above'));
    await watching.says(/^failed \d of 5$/m);
    expect(watching.said()).toContain('sluice: hot.ts changed\n');
    watching.signal('SIGTERM');
    await watching.ended;
  });
});
