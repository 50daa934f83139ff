/**
 * `sluice tap`: what flows through a pipe, as it flows; the page's probe in a terminal. Fields select, since a shell eats `#` and `*`.
 */
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Event } from '../../event.ts';
import type { Where } from '../../where.ts';
import { count, type FieldFlags, kindOf, type RemoteFlags, withRemote } from '../options.ts';
import { remark } from '../screen.ts';

interface TapFlags extends RemoteFlags, FieldFlags {
  readonly pattern?: string;
  readonly where?: readonly string[];
  readonly since?: string;
  readonly rate?: number;
  readonly shape?: boolean;
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
    .option('--where <field=value>', 'only with this in their data, as in points.name=system.cpu.time; several times', several)
    .option('--since <time>', 'begin in the past: 5m, or 2026-01-31T12:00:00Z; beyond what is remembered, the store is asked')
    .option('--rate <number>', 'at most so many a second; the others are counted', count)
    .option('--shape', 'tell what they are like instead: their fields, types and values')
    .option('--count <number>', 'end after so many events', count)
    .option('--save <file>', 'also write them to a file, a JSON event a line: for sluice test --given, examples and sluice backtest --from')
    .option('--json', 'print JSON, an event a line')
    .addHelpText('after', '\nExample: sluice tap metric --host web-1 --where points.name=system.cpu.utilization --shape')
    .action((kind: string, flags: TapFlags) => tap(kind, flags));
}

const several = (text: string, before: readonly string[] = []): string[] => [...before, text];

async function tap(name: string, flags: TapFlags): Promise<void> {
  const kind = await kindOf(name);
  const { company, system, environment, host, resource, pattern, since, count: limit = Number.POSITIVE_INFINITY } = flags;
  const fields = Object.fromEntries(
    Object.entries({ company, system, environment, host, resource, pattern }).filter(([, value]) => value !== undefined),
  );
  if (pattern !== undefined && Object.keys(fields).length > 1)
    throw new UsageError('--pattern stands instead of the fields; leave one out');
  if (flags.shape && flags.rate !== undefined) throw new UsageError('--shape looks at all of them; leave out --rate');
  await checkSince(since);
  const where = flags.where && (await whereOf(flags.where));

  const [{ withOpen }, { createShower }, { toLine }, { systemClock }] = await Promise.all([
    import('../remote.ts'),
    import('../tap-shower.ts'),
    import('../../history/line.ts'),
    import('../../clock.ts'),
  ]);
  const end = new AbortController();
  process.once('SIGINT', () => end.abort());
  process.once('SIGTERM', () => end.abort());
  const save = await opened(flags.save);
  const shower = createShower({ shape: flags.shape ?? false, json: flags.json ?? false, where });
  let left = limit;
  let before = 0;
  /** When it was received. Of what is remembered nobody says any more when it came: when it happened is nearest to that. */
  const receivedAt = (event: Event, kept: number | undefined, isPast: boolean): number =>
    Math.max(before, kept ?? (isPast ? event.time : systemClock.now()));
  try {
    await withOpen(flags, async (remote) => {
      const wanted = { kind, since, ...fields, ...(where && { where }), ...(flags.rate !== undefined && { rate: flags.rate }) };
      for await (const { events, past, received, dropped, skipped, refused } of remote.tap(wanted, end.signal)) {
        for (const reason of refused) remark(`sluice: tap: ${reason.replace(/^sluice: /, '')}`);
        if (dropped > 0) remark(`sluice: tap: ${dropped} events were dropped, since they came faster than they were read`);
        shower.skip(skipped);
        for (const [index, event] of events.slice(0, left).entries()) {
          await shower.show(event);
          before = receivedAt(event, received?.[index], index < past);
          await save?.write(toLine({ received: before, event }));
        }
        left -= events.length;
        if (left <= 0) end.abort();
      }
    });
  } finally {
    await shower.end();
    await save?.close();
  }
}

/** @throws UsageError with what is wrong with one of them */
async function whereOf(texts: readonly string[]): Promise<Where> {
  const { where } = await import('../../where.ts');
  const wanted: Record<string, string[]> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--where "${text}" is none; write it as points.name=system.cpu.utilization`);
    const path = text.slice(0, at);
    wanted[path] = [...(wanted[path] ?? []), text.slice(at + 1)];
  }
  const checked = where.safeParse(wanted);
  if (!checked.success) throw new UsageError(`--where: ${checked.error.issues[0]?.message ?? 'does not fit'}`);
  return checked.data;
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
