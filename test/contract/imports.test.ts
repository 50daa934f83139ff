/** Imports point one way: deploy, nodes, actuators → core's public entry → runtime → bus port. And a few files alone know a library. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = ['core', 'nodes', 'actuators', 'deploy'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /\.tsx?$/.test(file) && !/\.(test|d)\.ts$/.test(file)),
);

/** What a file imports: paths from the root where they are relative, names of packages otherwise. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found = text.matchAll(/(?:^\s*(?:import|export)\s[^;'"]*?from\s*|^\s*import\s*|import\()(['"])([^'"\n]+)\1/gm);
  return [...found].map(([, , path = '']) => (path.startsWith('.') ? relative('.', join(dirname(file), path)) : path));
}

const edges = sources.flatMap((file) => importsOf(file).map((to) => ({ file, to })));
const offenders = (wrong: (edge: { file: string; to: string }) => boolean) => edges.filter(wrong).map(({ file, to }) => `${file} → ${to}`);
const within =
  (...folders: string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(folder));

it('finds the sources and what they import', () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(edges).toContainEqual({ file: 'core/runtime/filter.ts', to: 'core/runtime/filtering.ts' });
  expect(edges).toContainEqual({ file: 'nodes/monitors/cpu.ts', to: 'sluice' });
});

it('lets a node import only the public entry and its own neighbours', () => {
  const ours = within('core/', 'deploy/', 'test/', 'actuators/', 'nodes/');
  expect(
    offenders(({ file, to }) => {
      if (!within('nodes/', 'actuators/')(file) || file.endsWith('.command.ts')) return false;
      return ours(to) && dirname(file).split('/')[1] !== dirname(to).split('/')[1];
    }),
  ).toEqual([]);
});

it('lets the core know no node by name', () => {
  expect(offenders(({ file, to }) => within('core/')(file) && within('nodes/', 'actuators/', 'deploy/')(to))).toEqual([]);
});

it('keeps the vocabulary free of the runtime, the runtime free of the command line, the bus free of both', () => {
  const vocabulary = (path: string) => /^core\/[a-z]+\.ts$/.test(path);
  expect(offenders(({ file, to }) => vocabulary(file) && within('core/runtime/', 'core/cli/', 'core/bus/', 'core/testing/')(to))).toEqual(
    [],
  );
  expect(offenders(({ file, to }) => within('core/runtime/')(file) && within('core/cli/')(to))).toEqual([]);
  expect(offenders(({ file, to }) => within('core/bus/', 'core/state/')(file) && within('core/runtime/', 'core/cli/')(to))).toEqual([]);
});

it('lets one file alone import amqplib, and one alone read the time', () => {
  expect([...new Set(edges.filter(({ to }) => to === 'amqplib').map(({ file }) => file))]).toEqual(['core/bus/rabbitmq.ts']);
  const reads = sources.filter(
    (file) => !file.includes('/page/') && /\bDate\.now\(|performance\.now\(|new Date\(\)/.test(readFileSync(join(root, file), 'utf8')),
  );
  // The watchdog's thread has no clock: it outlives the one that hung.
  expect(reads.filter((file) => file !== 'core/runtime/watchdog.ts')).toEqual(['core/clock.ts']);
});
