#!/usr/bin/env node
/**
 * The command `sluice`. Finds every `*.command` file in the package, lets each add what it drives, and runs what was
 * typed. Exit 0 done, 1 failed, 2 usage; a failure is one line, without a stack. What a command needs it imports when it
 * is called, so that `sluice --help` does not load a broker's client.
 */
import { Command, CommanderError } from 'commander';
import { messageOf, UsageError } from '../errors.ts';
import { version } from '../installation.ts';
import { findDefaults } from './find.ts';
import { inert } from './screen.ts';

/** What a `*.command` file exports by default. */
export type AddCommand = (program: Command) => void;

async function programOf(): Promise<Command> {
  const program = new Command('sluice')
    .description('A cloud that watches itself: tiny nodes joined by topic exchanges.')
    .version(version())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`sluice: ${text.replace(/^error: /, '')}`) })
    .showHelpAfterError('(add --help for usage)');
  for (const add of await findDefaults<AddCommand>('command')) add(program);
  return program;
}

/** One event's id in 64 begins with a hyphen: as the last words, after `--`, such are no options. */
function idsLast(words: readonly string[]): string[] {
  const isId = (word: string): boolean => /^-[\w-]{21}$/.test(word) && /[A-Z0-9_]/.test(word);
  const ids = words.filter(isId);
  return ids.length === 0 || words.includes('--') ? [...words] : [...words.filter((word) => !isId(word)), '--', ...ids];
}

/** Runs one command line. Resolves with its exit code. */
async function main(words: readonly string[]): Promise<number> {
  try {
    const program = await programOf();
    await program.parseAsync(idsLast(words), { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    // Commander has already said what was wrong; help and version are no failure.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const message = messageOf(thrown);
    const lines = (message.startsWith('sluice: ') ? message : `sluice: ${message}`).split('\n');
    process.stderr.write(`${lines.map((line) => inert(line)).join('\n')}\n`);
    return thrown instanceof UsageError ? 2 : 1;
  }
}

// A reader that has seen enough, as in `sluice tap metric | head`, ends the command in peace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await main(process.argv.slice(2));
