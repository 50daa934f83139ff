/** Runs one bench in this process and sends what it measured to its parent: `one.ts <name> short|full`. Started by `main.ts` alone. */
import { isBench, type Measured } from './figure.ts';

const [name = '', size] = process.argv.slice(2);
// What a bench started, it ends at its exit; a plain SIGTERM would leave that out.
process.on('SIGTERM', () => process.exit(1));
const { default: bench }: { default?: unknown } = await import(new URL(`../${name}.ts`, import.meta.url).href);
if (!isBench(bench)) throw new Error(`test/bench/${name}.ts has no bench as its default export`);
const figures = await bench.run(size === 'short' ? 'short' : 'full');
process.send?.({ doc: bench.doc, figures } satisfies Measured, () => process.exit(0));
