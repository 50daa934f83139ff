/**
 * `npm run bench [-- <name>…]`: runs every bench of this folder, or those named, one after the other, and prints their figures.
 *
 * Each runs in a process of its own, so that none warms up or fills the memory of the next, and is ended at its limit.
 * `SLUICE_SHORT=1` takes the short form, whose figures are rough. A missed budget is shown, not failed: the machine may be busy.
 */
import { fork } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Measured } from './shared/figure.ts';
import { heading, rowOf } from './shared/print.ts';

const limitMs = 1_500_000;
/** What a bench is given to let go of its own processes once it was told to end. */
const graceMs = 5000;
const folder = new URL('./', import.meta.url);
const size = process.env.SLUICE_SHORT ? 'short' : 'full';

/** Runs one bench in a process of its own. Rejects when it fails, having said why, or takes too long. */
function run(name: string): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('shared/one.ts', folder)), [name, size]);
    let measured: Measured | undefined;
    let failure = 'it ended without a figure';
    child.on('message', (message) => {
      measured = message as Measured;
    });
    const timer = setTimeout(() => {
      failure = `it was not done after ${limitMs / 1000} s`;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
    }, limitMs);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      if (measured && code === 0) resolve(measured);
      else reject(new Error(failure));
    });
  });
}

const all = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => basename(file, '.ts'))
  .sort();
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`sluice: bench: there is no bench ${unknown}; there are ${all.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : all) {
  try {
    const { doc, figures } = await run(name);
    console.log([heading(name, doc), ...figures.map(rowOf)].join('\n'));
  } catch (thrown) {
    console.error(`sluice: bench: ${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    process.exitCode = 1;
  }
}
