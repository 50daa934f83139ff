/**
 * `sluice tap`: what flows through a pipe, as it flows. Fields select, since a shell eats `#` and `*`.
 */
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { count, type FieldFlags, kindOf, type RemoteFlags, withRemote } from '../options.ts';
import { json, paintFor, print, remark } from '../screen.ts';

interface TapFlags extends RemoteFlags, FieldFlags {
  readonly pattern?: string;
  readonly since?: string;
  readonly json?: boolean;
  readonly count?: number;
  readonly save?: string;
}

export default function addTap(program: Command): void {
  withRemote(program.command('tap'))
    .description('follow the events of one kind: metric, log, alert, heartbeat, state …')
    .argument('<kind>')
    .option('--host <host>', 'only about this host')
    .option('--resource <words>', 'only about this and what is below it, as in filesystem./var')
    .option('--environment <word>', 'only of this environment')
    .option('--system <word>', 'only of this system')
    .option('--company <word>', 'only of this company')
    .option('--pattern <pattern>', 'instead of fields: a topic pattern, quoted')
    .option('--since <time>', 'what is remembered first: 5m, or 2026-01-31T12:00:00Z')
    .option('--count <number>', 'end after so many events', count)
    .option('--save <file>', 'also write them to a file: the past for sluice backtest --from, a JSON event a line')
    .option('--json', 'print JSON, an event a line')
    .addHelpText('after', '\nExample: sluice tap metric --host web-1 --resource cpu')
    .action((kind: string, flags: TapFlags) => tap(kind, flags));
}

async function tap(name: string, flags: TapFlags): Promise<void> {
  const kind = await kindOf(name);
  const { company, system, environment, host, resource, pattern, since, count: limit = Number.POSITIVE_INFINITY } = flags;
  const fields = Object.fromEntries(
    Object.entries({ company, system, environment, host, resource, pattern }).filter(([, value]) => value !== undefined),
  );
  if (pattern !== undefined && Object.keys(fields).length > 1)
    throw new UsageError('--pattern stands instead of the fields; leave one out');
  await checkSince(since);

  const [{ withOpen }, { describeEvent }, { toWire }, { toLine }, { systemClock }] = await Promise.all([
    import('../remote.ts'),
    import('../describe.ts'),
    import('../../event.ts'),
    import('../../history/line.ts'),
    import('../../clock.ts'),
  ]);
  const end = new AbortController();
  process.once('SIGINT', () => end.abort());
  process.once('SIGTERM', () => end.abort());
  const paint = paintFor(process.stdout);
  const save = await opened(flags.save);
  let left = limit;
  let before = 0;
  try {
    await withOpen(flags, async (remote) => {
      for await (const { events, past, dropped, refused } of remote.tap({ kind, since, ...fields }, end.signal)) {
        for (const reason of refused) remark(`sluice: tap: ${reason.replace(/^sluice: /, '')}`);
        if (dropped > 0) remark(`sluice: tap: ${dropped} events were dropped, since they came faster than they were read`);
        for (const [index, event] of events.slice(0, left).entries()) {
          await print(flags.json ? `${json(toWire(event))}\n` : describeEvent(event, paint));
          // Of what is remembered nobody says any more when it came: when it happened is nearest to that.
          before = Math.max(before, index < past ? event.time : systemClock.now());
          await save?.write(toLine({ received: before, event }));
        }
        left -= events.length;
        if (left <= 0) end.abort();
      }
    });
  } finally {
    await save?.close();
  }
}

async function checkSince(since: string | undefined): Promise<void> {
  if (since === undefined) return;
  const { duration } = await import('../../clock.ts');
  if (duration(since) === undefined && Number.isNaN(Date.parse(since)))
    throw new UsageError(`--since "${since}" is no time; write 5m, or 2026-01-31T12:00:00Z`);
}

async function opened(file: string | undefined) {
  if (file === undefined) return undefined;
  const [{ open }, { messageOf }] = await Promise.all([import('node:fs/promises'), import('../../errors.ts')]);
  return open(file, 'a').catch((thrown: unknown) => {
    throw new UsageError(`--save ${file} cannot be written (${messageOf(thrown)}); name another file`);
  });
}
