import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { commitOf } from './commit.ts';

vi.setConfig({ testTimeout: 60_000 });
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-commit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const git = (...words: string[]): string =>
  execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...words], { encoding: 'utf8' }).trim();
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

it('names the commit that last changed the config, and that it was changed since', async () => {
  git('init', '-q');
  const file = write('config.yaml', 'host: a');
  git('add', '.');
  git('commit', '-qm', 'first');
  const first = git('rev-parse', 'HEAD');
  write('readme.md', 'other');
  git('add', '.');
  git('commit', '-qm', 'another file');
  expect(await commitOf(file)).toBe(first);
  symlinkSync(file, join(folder, 'link.yaml'));
  expect(await commitOf(join(folder, 'link.yaml'))).toBe(first);
  write('config.yaml', 'host: b');
  expect(await commitOf(file)).toBe(`${first}-dirty`);
  git('checkout', '-q', 'config.yaml');
  mkdirSync(join(folder, 'conf.d'));
  write('conf.d/more.yaml', 'host: c');
  expect(await commitOf(file)).toBe(`${first}-dirty`);
  git('add', '.');
  git('commit', '-qm', 'more');
  expect(await commitOf(file)).toBe(git('rev-parse', 'HEAD'));
});

it('names none where there is none', async () => {
  const file = write('config.yaml', '');
  expect(await commitOf(file)).toBeUndefined();
  git('init', '-q');
  expect(await commitOf(file)).toBeUndefined();
  expect(await commitOf(join(folder, 'missing.yaml'))).toBeUndefined();
  expect(await commitOf(undefined)).toBeUndefined();
});
