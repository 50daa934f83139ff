/** `sluice new`: a node that works, with its examples and its test, to be changed into one's own. */
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { messageOf, SluiceError, UsageError } from '../../errors.ts';
import { inert, json, print } from '../screen.ts';

export default function addNew(program: Command): void {
  program
    .command('new')
    .description('write a new node into this folder: its code, its examples and its test')
    .argument('<sort>', 'monitor, filter or sink')
    .argument('<name>', 'lower-case letters, digits and hyphens')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sluice new filter hot && sluice test ./hot.ts')
    .action(async (sort: string, name: string, flags: { readonly json?: boolean }) => {
      const [{ filesOf, scaffolds, tsconfig }, { orNearest }] = await Promise.all([
        import('../scaffold.ts'),
        import('../../config/problems.ts'),
      ]);
      const scaffold = scaffolds.find((each) => each === sort);
      if (sort === 'actuator') throw new UsageError('actuators cannot be written yet; a monitor, filter or sink can');
      if (!scaffold) throw new UsageError(`"${sort}" is no sort of node${orNearest(sort, scaffolds)}`);
      if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
        throw new UsageError(`"${name}" cannot be a node's name; write lower-case letters, digits and hyphens, a letter first`);

      const files = filesOf(scaffold, name);
      const taken = Object.keys(files).find((file) => existsSync(file));
      if (taken) throw new SluiceError(`${taken} is already here; choose another name, or remove it`);
      if (!existsSync('tsconfig.json')) files['tsconfig.json'] = tsconfig();
      try {
        for (const [file, text] of Object.entries(files)) writeFileSync(file, text, { flag: 'wx' });
      } catch (thrown) {
        throw new SluiceError(`${resolve('.')} cannot be written: ${messageOf(thrown)}; go to a folder of your own`, { cause: thrown });
      }
      const names = Object.keys(files);
      if (flags.json) return print(`${json({ files: names })}\n`);
      await print(`wrote ${names.map((name) => inert(name)).join(', ')}\n`);
      await print(`next: sluice test ./${name}.ts --watch\n`);
      await print(`then, in a config: nodes: [{use: ./${name}.ts}]\n`);
    });
}
