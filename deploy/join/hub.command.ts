/** `sluice hub init | enrol | forget`: makes a broker and this machine ready for a fleet, and lets servers in. */
import type { Command } from 'commander';
import type { Place } from './system.ts';

interface InitFlags {
  readonly place: string;
  readonly name?: string[];
  readonly vhost: string;
  readonly tls: boolean;
  readonly port?: string;
  readonly api: string;
  readonly admin?: string;
  readonly root?: string;
  readonly for: string;
  readonly uses?: string;
}

export default function addHub(program: Command): void {
  const hub = program.command('hub').description('the hub of a fleet: prepare its broker, let servers in');
  hub
    .command('init')
    .description('prepare a broker and this machine, and print the line by which servers join')
    .requiredOption('--place <place>', 'company.system.environment of the hub, as in acme.shop.prod')
    .option('--name <name>', 'a name or address by which servers reach the broker; may come several times', collect)
    .option('--vhost <name>', 'the virtual host', 'sluice')
    .option('--no-tls', 'without TLS: everything goes in the clear')
    .option('--port <port>', "the broker's port (default: 5671, without TLS 5672)")
    .option('--api <url>', "the broker's management API", 'http://127.0.0.1:15672')
    .option('--admin <file>', 'a broker on another machine: a file with the username: and password: of its administrator')
    .option('--for <time>', 'how long the first token is good', '24h')
    .option('--uses <count>', 'how many servers may come by it (default: any number)')
    .option('--root <folder>', 'a folder that stands for the system')
    .addHelpText('after', '\nExample: sudo sluice hub init --place acme.shop.prod --name mq1.acme.example')
    .action(async ({ root, name, port, for: span, uses, ...flags }: InitFlags) => {
      const [
        { initHub, ownNames, readEnrolConfig, enrolFile },
        { makeToken },
        { systemClock: clock },
        { count },
        { print, inert },
        { placeAt },
      ] = await Promise.all([
        import('./hub.ts'),
        import('./tokens.ts'),
        import('../../core/clock.ts'),
        import('../../core/cli/options.ts'),
        import('../../core/cli/screen.ts'),
        import('./system.ts'),
      ]);
      const at = placeAt(root);
      const say = (text: string): void => void process.stdout.write(`  ${inert(text)}\n`);
      const ms = await spanOf(span);
      await initHub({
        ...flags,
        names: name ?? ownNames(),
        port: port === undefined ? (flags.tls ? 5671 : 5672) : count(port),
        at,
        clock,
        say,
      });
      const config = readEnrolConfig(enrolFile(at));
      const { record, token } = await makeToken(
        config,
        { for: ms, replace: false, ...(uses !== undefined && { uses: count(uses) }) },
        clock,
      );
      await startHub(at, say);
      const servers = record.uses === null ? 'any number of servers' : `${record.uses} servers`;
      await print(`\nOn each other server, as root (good for ${servers} of ${record.scope}, until ${record.ends.slice(0, 16)}Z):\n\n`);
      await print(`  sluice join ${config.url} ${token}\n\n`);
    });
  hub
    .command('enrol')
    .description('answer servers that join, until a signal ends it')
    .argument('[config]', 'what "sluice hub init" wrote (default: /etc/sluice/enrol/config.yaml)')
    .action(async (file: string | undefined) => {
      const [{ serveEnrolment }, { enrolFile }, { placeAt }] = await Promise.all([
        import('./serve.ts'),
        import('./hub.ts'),
        import('./system.ts'),
      ]);
      await serveEnrolment(file ?? enrolFile(placeAt()));
    });
  hub
    .command('forget')
    .description("take a server's way in away, so that another may have its name")
    .argument('<server>', 'its place and host, as in acme.shop.prod.web-1')
    .option('--root <folder>', 'a folder that stands for the system')
    .action(async (server: string, { root }: { readonly root?: string }) => {
      const [{ forgetServer }, { enrolFile, readEnrolConfig }, { placeAt }, { systemClock }, { print, inert }] = await Promise.all([
        import('./tokens.ts'),
        import('./hub.ts'),
        import('./system.ts'),
        import('../../core/clock.ts'),
        import('../../core/cli/screen.ts'),
      ]);
      await forgetServer(readEnrolConfig(enrolFile(placeAt(root))), server, systemClock);
      await print(`${inert(server)} may not write any more; another server may have its name\n`);
    });
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** Milliseconds of a duration that a person typed. @throws UsageError */
async function spanOf(text: string): Promise<number> {
  const { duration, UsageError } = await import('sluice');
  const ms = duration(text);
  if (ms === undefined || ms <= 0 || ms > 10 * 31_536_000_000) throw new UsageError(`"${text}" is no time; write one as in 24h or 90d`);
  return ms;
}

async function startHub(at: Place, say: (text: string) => void): Promise<void> {
  const { enable, installUnit, systemdRuns, typed } = await import('./system.ts');
  if (systemdRuns(at)) {
    await installUnit(at, 'sluice-enrol', 'sluice-enrol');
    await installUnit(at, 'sluice-hub', 'sluice-hub');
    await enable('sluice-enrol', 'sluice-hub');
    return say('sluice-enrol and sluice-hub run, now and after each start');
  }
  say(`systemd does not run here; start the hub:  ${typed(`run ${at.etc}/hub/config.yaml`)}`);
  say(`and what lets servers in:                  ${typed(`hub enrol ${at.etc}/enrol/config.yaml`)}`);
}
