/**
 * `sluice token`: what lets servers in, and what lets people look. `new` makes one, `list` shows them without their secrets, `revoke`
 * ends one at once. With `--look` it is for the page and for whoever asks over HTTP; without, a server joins by it.
 */
import type { Command } from 'commander';
import type { AtState } from './looking.ts';
import type { TokenRecord } from './records.ts';

interface AtRoot extends AtState {
  readonly root?: string;
  readonly json?: boolean;
}

interface NewFlags extends AtRoot {
  readonly look?: string;
  readonly scope?: string;
  readonly for: string;
  readonly uses?: string;
  readonly replace: boolean;
}

const load = async () => {
  const [tokens, looking, hub, { placeAt }, screen, { systemClock: clock }] = await Promise.all([
    import('./tokens.ts'),
    import('./looking.ts'),
    import('./hub.ts'),
    import('./system.ts'),
    import('../../core/cli/screen.ts'),
    import('../../core/clock.ts'),
  ]);
  const enrolAt = (root?: string) => hub.enrolFile(placeAt(root));
  return { ...tokens, ...looking, ...screen, clock, enrolAt, readEnrolConfig: hub.readEnrolConfig };
};

/** The options that say which hub, and which page. */
const withPlaces = (command: Command): Command =>
  command
    .option('--config <file>', 'the config of the process that shows the page (default: SLUICE_CONFIG)')
    .option('--state <folder>', 'its state')
    .option('--root <folder>', 'of tokens to join: a folder that stands for the system');

const examples = `
Examples: sluice token new --scope acme.shop --for 90d
          sluice token new --look viewer --scope acme.shop --for 90d
          sluice token new --look operator --scope "*" --for 8h`;

export default function addToken(program: Command): void {
  const token = program.command('token').description('tokens that let servers join, and people look at the page');
  withPlaces(token.command('new'))
    .description('make a token: for a server to join by, or with --look for somebody to look with')
    .option('--look <role>', 'lets its bearer look: as viewer, or as operator, who may also emit')
    .option('--scope <part>', 'the part of the tree that it is good for (default: the hub\'s place); to look, also "*"')
    .option('--for <time>', 'how long it is good', '24h')
    .option('--uses <count>', 'to join: how many servers may come by it (default: any number, as a golden image needs)')
    .option('--replace', 'to join: a server may take the name of one that is there, with join --replace', false)
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async ({ look, scope, for: span, uses, replace, json: asJson, ...at }: NewFlags) => {
      const [{ makeToken, makeLook, readEnrolConfig, enrolAt, clock, print, json }, { duration, UsageError }, { count }] =
        await Promise.all([load(), import('sluice'), import('../../core/cli/options.ts')]);
      const ms = duration(span);
      if (ms === undefined || ms <= 0 || ms > 10 * 31_536_000_000) throw new UsageError(`"${span}" is no time; write one as in 24h or 90d`);
      if (look !== undefined) {
        if (uses !== undefined || replace)
          throw new UsageError('--uses and --replace are for servers that join; leave them out with --look');
        const { record, token: text, url } = await makeLook({ role: look, scope, for: ms }, at, clock);
        const { hash: _, ...shown } = record;
        if (asJson) return print(`${json({ ...shown, url, token: text }, 2)}\n`);
        const whole = record.scope === '*' ? 'all of the tree' : record.scope;
        return print(
          `token ${record.id}: ${record.role} of ${whole}, until ${record.ends.slice(0, 16)}Z\n\n  ${text}\n\n` +
            `Sign in with it at ${url}, or: SLUICE_TOKEN=… sluice servers --url ${url}\nIt is shown this once. To end it: sluice token revoke ${record.id}\n`,
        );
      }
      const config = readEnrolConfig(enrolAt(at.root));
      const wanted = { for: ms, replace, ...(scope !== undefined && { scope }), ...(uses !== undefined && { uses: count(uses) }) };
      const { record, token: text } = await makeToken(config, wanted, clock);
      if (asJson) return print(`${json({ ...record, url: config.url, token: text }, 2)}\n`);
      await print(`token ${record.id}: ${goodFor(record)}, until ${record.ends.slice(0, 16)}Z\n\n  sluice join ${config.url} ${text}\n\n`);
    });
  withPlaces(token.command('list'))
    .description('the tokens of this hub and of its page')
    .option('--json', 'print JSON')
    .action(async ({ json: asJson, ...at }: AtRoot) => {
      const { listTokens, listLooks, readEnrolConfig, enrolAt, clock, print, json, remark, table, paintFor } = await load();
      const { existsSync } = await import('node:fs');
      const enrols = existsSync(enrolAt(at.root));
      const joining = enrols ? listTokens(readEnrolConfig(enrolAt(at.root)), clock.now()) : [];
      // A folder that stands for a system has no page of its own.
      const { tokens: looking, flaws } = at.root === undefined ? await listLooks(at, clock.now()) : { tokens: [], flaws: [] };
      for (const flaw of flaws) remark(`sluice: ${flaw}`);
      if (asJson)
        return print(
          `${json([...joining.map((one) => ({ ...one, for: 'join' })), ...looking.map((one) => ({ ...one, for: 'look' }))], 2)}\n`,
        );
      if (joining.length + looking.length === 0)
        return print('no tokens; make one for a server: sluice token new, or for somebody to look: sluice token new --look viewer\n');
      const paint = paintFor(process.stdout);
      const rows = [
        ...joining.map(({ id, scope, status, ends, used, uses, replace }) => {
          const often = uses === null ? String(used) : `${used} of ${uses}`;
          return { id, for: 'join', scope, status, ends, used: often, more: replace ? 'may replace' : '' };
        }),
        ...looking.map(({ id, role, scope, status, ends }) => ({ id, for: `look: ${role}`, scope, status, ends, used: '', more: '' })),
      ].map(({ id, for: what, scope, status, ends, used, more }) => [
        id,
        what,
        scope,
        [status, status === 'open' ? paint.green : paint.dim] as const,
        `${ends.slice(0, 16)}Z`,
        used,
        more,
      ]);
      await print(table(['TOKEN', 'TO', 'GOOD FOR', 'STATUS', 'ENDS', 'USED', ''], rows, paint));
    });
  withPlaces(token.command('revoke'))
    .description('end a token now: servers that came by it stay, people who look with it are sent away')
    .argument('<token>', 'its twelve digits, from sluice token list')
    .action(async (id: string, at: AtRoot) => {
      const { revokeToken, revokeLook, readEnrolConfig, enrolAt, clock, print, inert } = await load();
      if (at.root === undefined && (await revokeLook(id, at, clock))) return print(`token ${inert(id)} lets nobody look any more\n`);
      const { existsSync } = await import('node:fs');
      const { SluiceError } = await import('sluice');
      if (!existsSync(enrolAt(at.root))) throw new SluiceError(`there is no token ${inert(id)}; sluice token list shows those that are`);
      await revokeToken(readEnrolConfig(enrolAt(at.root)), id, clock);
      await print(`token ${inert(id)} lets nobody in any more\n`);
    });
}

function goodFor({ uses, scope }: TokenRecord): string {
  return `good for ${uses === null ? 'any number of servers' : uses === 1 ? 'one server' : `${uses} servers`} of ${scope}`;
}
