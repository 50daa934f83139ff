/**
 * `sluice test`: a node's examples and its contract, run on the very code that runs it live; or a plugin's test file, with
 * Node's own runner. With --watch again at each change, each time in a process of its own, so that no old code is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { messageOf, SluiceError, UsageError } from '../../errors.ts';
import { extension } from '../../installation.ts';
import type { Node } from '../../node.ts';
import { inert, json, paintFor, print, remark } from '../screen.ts';

interface TestFlags {
  readonly watch?: boolean;
  readonly given?: string;
  readonly json?: boolean;
}

export default function addTest(program: Command): void {
  program
    .command('test')
    .description("run a node's examples and check its contract")
    .argument('<node>', 'a file such as ./hot.ts, its test ./hot.test.ts, or the name of a built-in node')
    .option('--watch', 'run again whenever a file beside it changes')
    .option('--given <file>', 'play to a filter what a probe caught (sluice tap --save, or the page), and print what comes out')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice test ./hot.ts --watch\n         sluice test ./hot.ts --given caught.jsonl')
    .action(async (name: string, flags: TestFlags) => {
      const file = /[./\\]/.test(name) ? resolve(name) : undefined;
      if (file && !existsSync(file))
        throw new UsageError(`${name} does not exist; make one with: sluice new filter ${basename(name, extname(name))}`);
      if (flags.given !== undefined && !existsSync(flags.given))
        throw new UsageError(`${flags.given} does not exist; catch some events with: sluice tap metric --save ${flags.given}`);
      if (flags.watch) return watchFile(file, name, flags.given);
      if (file && flags.given === undefined && /\.test\.[jt]s$/.test(file)) return runTestFile(file);
      await testNode(name, file, flags);
    });
}

async function testNode(name: string, file: string | undefined, flags: TestFlags): Promise<void> {
  const node = file ? await importNode(file) : await builtIn(name);
  if (flags.given !== undefined) return testGiven(node, flags.given, flags);
  const { checkNode } = await import('../check-node.ts');
  const checks = await checkNode(node, file);
  const passed = checks.every((check) => check.passed);
  if (!passed) process.exitCode = 1;
  if (flags.json) return print(`${json({ node: node.name, sort: node.sort, passed, checks }, 2)}\n`);

  const paint = paintFor(process.stdout);
  await print(`${paint.bold(inert(node.name))}  ${paint.dim(inert(node.doc))}\n`);
  for (const { title, detail, at, ...check } of checks) {
    const place = at === undefined ? '' : `  ${paint.dim(inert(here(at)))}`;
    await print(`  ${check.passed ? paint.green('✓') : paint.red('✗')} ${inert(title)}${place}\n`);
    for (const line of detail?.split('\n') ?? []) await print(`      ${inert(line)}\n`);
  }
  const failed = checks.filter((check) => !check.passed).length;
  await print(failed === 0 ? `${paint.green('passed')} ${checks.length}\n` : `${paint.red('failed')} ${failed} of ${checks.length}\n`);
}

async function testGiven(node: Node, fixture: string, flags: TestFlags): Promise<void> {
  const [{ playGiven }, { describeEvent }, { toWire }] = await Promise.all([
    import('../given.ts'),
    import('../describe.ts'),
    import('../../event.ts'),
  ]);
  const { read, from, to, came, checks } = playGiven(node, fixture);
  const passed = checks.every((check) => check.passed);
  if (!passed) process.exitCode = 1;
  if (flags.json) return print(`${json({ node: node.name, given: fixture, read, from, to, passed, checks, came: came.map(toWire) }, 2)}\n`);

  const paint = paintFor(process.stdout);
  await print(
    `${paint.bold(inert(node.name))}  ${paint.dim(inert(`${read} events of ${here(resolve(fixture))}, from ${from} to ${to}`))}\n`,
  );
  for (const event of came)
    await print(`  ${paint.dim(event.kind.padEnd(6))} ${describeEvent(event, paint).replace(/\n(?=.)/g, '\n         ')}`);
  if (came.length === 0) await print('  nothing came out\n');
  for (const { title, detail } of checks.filter((check) => !check.passed)) {
    await print(`  ${paint.red('✗')} ${inert(title)}\n`);
    for (const line of detail?.split('\n') ?? []) await print(`      ${inert(line)}\n`);
  }
  await print(
    `${passed ? paint.green('played') : paint.red('failed')}  ${came.length} ${came.length === 1 ? 'event' : 'events'} came out\n`,
  );
}

/** A path as a person types it. */
function here(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

async function importNode(file: string): Promise<Node> {
  const [{ loadTypescript }, { isNode }] = await Promise.all([import('../../runtime/typescript.ts'), import('../../node.ts')]);
  await loadTypescript();
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(file).href);
  } catch (thrown) {
    throw new SluiceError(`${here(file)} cannot be loaded: ${explain(thrown, file)}`, { cause: thrown });
  }
  if (!isNode(module.default))
    throw new SluiceError(`${here(file)}: exports no node; write: export default defineFilter({ … }), or another define function`);
  return module.default;
}

/** A syntax error's message names its line; another error's stack does. */
function explain(thrown: unknown, file: string): string {
  const message = messageOf(thrown)
    .replace(/^Transform failed with .*:\n/, '')
    .replace(/^sluice: /, '')
    .replaceAll(`${process.cwd()}/`, '');
  const frame = thrown instanceof Error ? thrown.stack?.split('\n').find((line) => /^\s+at /.test(line) && line.includes(file)) : undefined;
  const place =
    frame === undefined || message.includes(here(file)) ? '' : ` (${here(frame.slice(frame.indexOf(file)).replace(/\)$/, ''))})`;
  return `${message}${place}`;
}

async function builtIn(name: string): Promise<Node> {
  const [{ loadFound, scan }, { orNearest }] = await Promise.all([import('../../runtime/load.ts'), import('../../config/problems.ts')]);
  const found = scan();
  const one = found.find((each) => each.name === name);
  if (one) return loadFound(one);
  const names = found.map((each) => each.name);
  throw new UsageError(
    `there is no node "${name}"${orNearest(name, names)}${orNearest(name, names).endsWith('?') ? '' : '.'} A file of your own is written ./${name}.ts`,
  );
}

async function runTestFile(file: string): Promise<void> {
  const register = new URL(`../register${extension}`, import.meta.url).href;
  process.exitCode = await ended(
    spawn(process.execPath, [...process.execArgv, '--import', register, '--test', file], { stdio: 'inherit' }),
  );
}

/** Never resolves: a signal ends it. */
async function watchFile(file: string | undefined, name: string, given: string | undefined): Promise<void> {
  if (file === undefined) throw new UsageError(`--watch needs a file; ${name} is built in`);
  const main = fileURLToPath(new URL(`../main${extension}`, import.meta.url));
  let running: ChildProcess | undefined;
  const run = () => {
    running?.kill();
    running = spawn(process.execPath, [...process.execArgv, main, 'test', file, ...(given === undefined ? [] : ['--given', given])], {
      stdio: 'inherit',
    });
  };
  // A node that never returns must not outlive the watch.
  process.once('SIGTERM', () => {
    running?.kill('SIGKILL');
    process.exit(143);
  });
  run();
  let cancel = () => {};
  // The folder, since editors put a new file in the place of the old one.
  watch(dirname(file), (_, changed) => {
    if (changed !== null && !/\.[jt]s$/.test(changed)) return;
    cancel();
    // A save is several changes in a row.
    cancel = systemClock.after(100, () => {
      remark(`sluice: ${changed ?? basename(file)} changed`);
      run();
    });
  });
  await new Promise(() => {});
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
