/** `sluice join`: makes this machine a server of a fleet, in one line that the hub printed. */
import { hostname } from 'node:os';
import type { Command } from 'commander';

interface JoinFlags {
  readonly host?: string;
  readonly place?: string;
  readonly tokenFile?: string;
  readonly from?: string;
  readonly later?: boolean;
  readonly replace: boolean;
  readonly again: boolean;
  readonly start: boolean;
  readonly wait?: string;
  readonly root?: string;
}

export default function addJoin(program: Command): void {
  program
    .command('join')
    .description('make this machine a server of a fleet: identity, config, systemd unit')
    .argument('[url]', "the broker's address, as the hub printed it")
    .argument('[token]', 'the token that the hub printed; - reads it from standard input')
    .option('--token-file <file>', 'read the token from a file')
    .option('--from <file>', 'read address and token from a file, as an image holds them')
    .option('--later', 'for a golden image: write /etc/sluice/join, so that each server made of it joins when it first starts')
    .option('--host <name>', "this server's name (default: the system's own)")
    .option('--place <place>', "company.system.environment (default: the token's, or the hub's)")
    .option('--replace', 'take the name of a server that is there; the token must allow it', false)
    .option('--again', 'ask for another identity though there is one', false)
    .option('--no-start', 'start nothing')
    .option('--wait <time>', 'wait for its heartbeat (default: 1m where systemd starts the agent)')
    .option('--root <folder>', 'a folder that stands for the system')
    .addHelpText('after', '\nExample: sudo sluice join amqps://mq1.acme.example/sluice sluice1Rk2…')
    .action(async (url: string | undefined, text: string | undefined, { root, wait, ...flags }: JoinFlags) => {
      // The token is a secret, and ps shows what was typed.
      process.title = 'sluice join';
      const [{ joinFleet, joinLater, readLater }, { placeAt }, { systemClock: clock }, { inert }, { duration, UsageError }] =
        await Promise.all([
          import('./join.ts'),
          import('./system.ts'),
          import('../../core/clock.ts'),
          import('../../core/cli/screen.ts'),
          import('sluice'),
        ]);
      const say = (line: string): void => void process.stdout.write(`${inert(line)}\n`);
      const at = placeAt(root);
      const line = flags.from === undefined ? { url, token: await tokenFrom(text, flags.tokenFile) } : readLater(flags.from);
      if (line.url === undefined || line.token === undefined)
        throw new UsageError(
          'an address and a token are needed; copy the line that "sluice hub init" or "sluice token new" printed on the hub',
        );
      if (flags.later) return joinLater(line.url, line.token, at, say);
      const ms = wait === undefined ? undefined : duration(wait);
      if (wait !== undefined && ms === undefined) throw new UsageError(`"${wait}" is no time; write one as in 30s`);
      await joinFleet({
        url: line.url,
        token: line.token,
        host: flags.host ?? hostname(),
        ...(flags.place !== undefined && { place: flags.place }),
        replace: flags.replace,
        again: flags.again,
        start: flags.start,
        ...(ms !== undefined && { wait: ms }),
        at,
        clock,
        say,
      });
      // It lets servers in, and this one is.
      if (flags.from !== undefined) (await import('node:fs')).rmSync(flags.from, { force: true });
    });
}

async function tokenFrom(text: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (text !== '-' && file === undefined) return text;
  const [{ readFileSync }, { messageOf, SluiceError }] = await Promise.all([import('node:fs'), import('sluice')]);
  try {
    return readFileSync(file ?? 0, 'utf8').trim();
  } catch (thrown) {
    throw new SluiceError(
      `${file ?? 'standard input'} cannot be read (${messageOf(thrown).split(',')[0]}); name the file that holds the token`,
    );
  }
}
