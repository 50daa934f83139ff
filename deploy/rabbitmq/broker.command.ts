/** `sluice broker files | apply | check`: a broker or cluster as a file says it. Apply and check run on a broker's machine. */
import type { Command } from 'commander';

export default function addBroker(program: Command): void {
  const broker = program.command('broker').description('RabbitMQ for a fleet: its settings, users, policies and upstreams');
  broker
    .command('files')
    .description('write rabbitmq.conf and enabled_plugins, the same for every member')
    .argument('<file>', 'what is wanted, as deploy/examples/broker.yaml')
    .requiredOption('--to <folder>', 'where to, as /etc/rabbitmq')
    .addHelpText('after', '\nExample: sluice broker files broker.yaml --to /etc/rabbitmq')
    .action(async (file: string, { to }: { to: string }) => {
      const [{ readWanted }, { clusterSettings, enabledPlugins }, { mkdirSync, writeFileSync }, { join }, { print }] = await Promise.all([
        import('./wanted.ts'),
        import('./settings.ts'),
        import('node:fs'),
        import('node:path'),
        import('../../core/cli/screen.ts'),
      ]);
      const { nodes, tls } = readWanted(file);
      mkdirSync(to, { recursive: true });
      writeFileSync(join(to, 'rabbitmq.conf'), clusterSettings({ nodes, listen: tls ?? 'plain' }));
      writeFileSync(join(to, 'enabled_plugins'), enabledPlugins);
      await print(
        `rabbitmq.conf and enabled_plugins are in ${to}; put them on every member, restart one by one, then: sluice broker apply\n`,
      );
    });
  broker
    .command('apply')
    .description('make users, rights, policies and upstreams as the file says; again changes nothing')
    .argument('<file>', 'what is wanted')
    .addHelpText('after', '\nExample: sudo sluice broker apply broker.yaml')
    .action(async (file: string) => {
      const [{ readWanted }, { control }, { applyWanted }, { print, inert }] = await Promise.all([
        import('./wanted.ts'),
        import('./ctl.ts'),
        import('./apply.ts'),
        import('../../core/cli/screen.ts'),
      ]);
      const { changed, left } = await applyWanted(readWanted(file), control);
      for (const text of changed) await print(`set   ${inert(text)}\n`);
      for (const { text, advice } of left) await print(`fail  ${inert(text)}; ${inert(advice)}\n`);
      if (changed.length + left.length === 0) await print('ok    everything is as the file says\n');
      if (left.length > 0) process.exitCode = 1;
    });
  broker
    .command('check')
    .description('compare a running broker or cluster with the file, and say what to do about each difference')
    .argument('<file>', 'what is wanted')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sudo sluice broker check broker.yaml')
    .action(async (file: string, { json: asJson }: { json?: boolean }) => {
      const [{ readWanted }, { control }, { lookAt }, { compare }, { print, json, inert }] = await Promise.all([
        import('./wanted.ts'),
        import('./ctl.ts'),
        import('./found.ts'),
        import('./compare.ts'),
        import('../../core/cli/screen.ts'),
      ]);
      const wanted = readWanted(file);
      const differences = compare(wanted, await lookAt(control, wanted.vhost));
      if (differences.length > 0) process.exitCode = 1;
      if (asJson) return print(`${json(differences, 2)}\n`);
      for (const { what, text, advice } of differences) await print(`fail  ${what.padEnd(9)}${inert(text)}; ${inert(advice)}\n`);
      if (differences.length === 0) await print('ok    everything is as the file says\n');
    });
}
