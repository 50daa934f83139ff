/**
 * `sluice token`: what lets servers in. `new` makes one, `list` shows them without their secrets, `revoke` ends one at once.
 */
import type { Command } from 'commander';
import type { TokenRecord } from './records.ts';

interface AtRoot {
  readonly root?: string;
}

interface NewFlags extends AtRoot {
  readonly scope?: string;
  readonly for: string;
  readonly uses?: string;
  readonly replace: boolean;
  readonly json?: boolean;
}

const load = async ({ root }: AtRoot) => {
  const [tokens, { enrolFile, readEnrolConfig }, { placeAt }, screen, { systemClock: clock }] = await Promise.all([
    import('./tokens.ts'),
    import('./hub.ts'),
    import('./system.ts'),
    import('../../core/cli/screen.ts'),
    import('../../core/clock.ts'),
  ]);
  return { ...tokens, ...screen, clock, config: readEnrolConfig(enrolFile(placeAt(root))) };
};

export default function addToken(program: Command): void {
  const token = program.command('token').description('tokens that let servers join; on the hub');
  token
    .command('new')
    .description('make a token, and print the line by which a server joins')
    .option('--scope <part>', "the part of the tree that it is good for (default: the hub's place)")
    .option('--for <time>', 'how long it is good', '24h')
    .option('--uses <count>', 'how many servers may come by it (default: any number, as a golden image needs)')
    .option('--replace', 'a server may take the name of one that is there, with join --replace', false)
    .option('--json', 'print JSON')
    .option('--root <folder>', 'a folder that stands for the system')
    .addHelpText('after', '\nExample: sluice token new --scope acme.shop --for 90d')
    .action(async ({ scope, for: span, uses, replace, json: asJson, ...at }: NewFlags) => {
      const [{ makeToken, config, clock, print, json }, { duration, UsageError }, { count }] = await Promise.all([
        load(at),
        import('sluice'),
        import('../../core/cli/options.ts'),
      ]);
      const ms = duration(span);
      if (ms === undefined || ms <= 0 || ms > 10 * 31_536_000_000) throw new UsageError(`"${span}" is no time; write one as in 24h or 90d`);
      const wanted = { for: ms, replace, ...(scope !== undefined && { scope }), ...(uses !== undefined && { uses: count(uses) }) };
      const { record, token: text } = await makeToken(config, wanted, clock);
      if (asJson) return print(`${json({ ...record, url: config.url, token: text }, 2)}\n`);
      await print(`token ${record.id}: ${goodFor(record)}, until ${record.ends.slice(0, 16)}Z\n\n  sluice join ${config.url} ${text}\n\n`);
    });
  token
    .command('list')
    .description('the tokens of this hub')
    .option('--json', 'print JSON')
    .option('--root <folder>', 'a folder that stands for the system')
    .action(async ({ json: asJson, ...at }: AtRoot & { readonly json?: boolean }) => {
      const { listTokens, config, clock, print, json, table, paintFor } = await load(at);
      const all = listTokens(config, clock.now());
      if (asJson) return print(`${json(all, 2)}\n`);
      if (all.length === 0) return print('no tokens; make one: sluice token new\n');
      const paint = paintFor(process.stdout);
      const rows = all.map(({ id, scope, status, ends, used, uses, replace }) => [
        id,
        scope,
        [status, status === 'open' ? paint.green : paint.dim] as const,
        `${ends.slice(0, 16)}Z`,
        uses === null ? String(used) : `${used} of ${uses}`,
        replace ? 'may replace' : '',
      ]);
      await print(table(['TOKEN', 'GOOD FOR', 'STATUS', 'ENDS', 'USED', ''], rows, paint));
    });
  token
    .command('revoke')
    .description('end a token now; servers that came by it stay')
    .argument('<token>', 'its twelve digits, from sluice token list')
    .option('--root <folder>', 'a folder that stands for the system')
    .action(async (id: string, at: AtRoot) => {
      const { revokeToken, config, clock, print, inert } = await load(at);
      await revokeToken(config, id, clock);
      await print(`token ${inert(id)} lets nobody in any more\n`);
    });
}

function goodFor({ uses, scope }: TokenRecord): string {
  return `good for ${uses === null ? 'any number of servers' : uses === 1 ? 'one server' : `${uses} servers`} of ${scope}`;
}
