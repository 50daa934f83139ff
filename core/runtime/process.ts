/**
 * One process: opens its state and its bus, places the nodes, starts them with the consumers first, and ends them in
 * reverse without losing what is on its way.
 */
import { randomBytes } from 'node:crypto';
import type { Bus } from '../bus/bus.ts';
import { type Clock, steady, systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { version as installedVersion } from '../installation.ts';
import type { Kind } from '../kinds.ts';
import type { AnyFilter, AnyMonitor, AnySink, Level } from '../node.ts';
import { openStore } from '../state/store.ts';
import { announcer } from './announce.ts';
import { type Author, author } from './author.ts';
import { believing } from './believing.ts';
import { committer } from './commit.ts';
import type { Context, Placed, Running } from './context.ts';
import { startControl } from './control.ts';
import { decoder } from './decoding.ts';
import { runFilter } from './filter.ts';
import { startOrder } from './graph.ts';
import { startHeartbeat, wordOf } from './heartbeat.ts';
import { textOf } from './lane.ts';
import { ledger } from './ledger.ts';
import { phaseOf } from './linger.ts';
import { lookMs } from './looks.ts';
import { startLosing } from './losing.ts';
import { runMonitor } from './monitor.ts';
import { outbox } from './outbox.ts';
import { placeNodes } from './place.ts';
import { replays } from './replay.ts';
import { formatBytes, limitsFor } from './room.ts';
import { runSink } from './sink.ts';
import { startStanding } from './standing.ts';
import { suspect } from './suspicion.ts';
import { healthTeller } from './telling.ts';
import { identityOf, judgeOf } from './trust.ts';
import { startWatchdog } from './watchdog.ts';

export interface ProcessOptions {
  readonly clock?: Clock;
  /** Where a person reads what the process has to say. Default: standard error. */
  readonly print?: (level: Level, text: string) => void;
  /** Milliseconds after which a process that does not turn is ended. */
  readonly hangLimit?: number;
  /** A bus to use instead of the config's, for programs that have one. It is closed at the end. */
  readonly bus?: Bus;
}

export interface Process {
  readonly nodes: readonly Placed[];
  /** Ends it within three seconds, nothing lost. Safe twice. */
  stop(reason: string): Promise<void>;
  /** Resolves with the exit code once it has ended: 0, or 1 where something ended it that a person must mend. */
  readonly finished: Promise<number>;
}

/** How long each step of the end may take, so that all of them together stay under three seconds. */
const drainMs = 800;
const rememberMs = 7 * 86_400_000;
/** How often the counts of all nodes are told anew; a change of health is told at once. */
const freshenMs = 30_000;

/** Starts a process. @throws ConfigError when something that a person must mend is in the way; nothing is left behind. */
export async function runProcess(config: Config, options: ProcessOptions = {}): Promise<Process> {
  const clock = options.clock ?? systemClock;
  const print = options.print ?? ((_level: Level, text: string) => void process.stderr.write(`sluice: ${text.replace(/^sluice: /, '')}\n`));
  const undo: (() => unknown)[] = [];
  try {
    return await start(config, { clock, print, hangLimit: options.hangLimit ?? 15_000, ...(options.bus && { bus: options.bus }) }, undo);
  } catch (thrown) {
    for (const step of undo.reverse()) await step();
    throw thrown;
  }
}

async function start(
  config: Config,
  { clock, print, hangLimit, bus: given }: Required<Omit<ProcessOptions, 'bus'>> & Pick<ProcessOptions, 'bus'>,
  undo: (() => unknown)[],
): Promise<Process> {
  let stopping = false;
  let exitCode = 0;
  const origin = { place: config.place, host: config.host, bootid: `${clock.now().toString(36)}-${randomBytes(5).toString('hex')}` };
  const authors = new Map<string, Author>();
  const written = new Map<Kind, number>();
  const authorOf = (name: string): Author => {
    const known = authors.get(name) ?? author(origin, name, written);
    authors.set(name, known);
    return known;
  };
  const report = (level: Level, text: string): void => {
    // On the way out, what waits is safe in the spool, and that is no news.
    if (stopping && level !== 'error') return;
    print(level, text);
    if (stopping) return;
    const line = { body: text.replace(/^sluice: /, ''), severity: level };
    void commits
      .commit({ events: [authorOf('sluice').original({ kind: 'log', key: ['log', 'sluice'], data: { lines: [line] } }, clock.now())] })
      .catch(() => {});
  };

  const announceNodes = healthTeller({ clock, committer: () => commits, author: () => authorOf('sluice') });
  const placed = await placeNodes({ config, clock, process: origin.bootid, changed: (node) => announceNodes([node]) });
  const store = openStore(config.state);
  undo.push(() => store.close());
  const bus = given ?? (await openBus(config, clock, report));
  undo.push(() => bus.close(0));

  const limits = limitsFor(config.spool, config.state);
  const out = outbox({
    store,
    bus,
    clock,
    report,
    limits,
    linger: config.linger,
    phase: phaseOf(origin),
    dead: (reason, entry) =>
      report('error', `a ${entry.kind} of ${entry.keys[0]} cannot be sent: ${reason.message}: ${textOf(entry).slice(0, 200)}`),
  });
  if (config.linger > 0) bus.listen((topics) => out.look(topics, lookMs));
  const commits = committer({ store, outbox: () => out, clock, report });
  const announcements = announcer({
    store,
    committer: commits,
    clock,
    authorOf: (name) => (name === 'emit' || placed.some((node) => node.name === name) ? authorOf(name) : undefined),
  });
  if (store.damage !== undefined) report('error', store.damage);
  if (limits.telemetry < config.spool.telemetry) {
    const room = `${formatBytes(limits.telemetry)} of telemetry and ${formatBytes(limits.durable)} of what is never lost`;
    report('warn', `spool: the disk of ${config.state} has little room; up to ${room} wait there while the bus is away`);
  }
  const trust = believing({
    judge: judgeOf(config),
    clock,
    tell: (data) =>
      void commits
        .commit({ events: [authorOf('sluice').original({ kind: 'incident', key: ['trust'], data }, clock.now())] })
        .catch(() => {}),
  });
  undo.push(() => trust.stop());
  const watchdog = startWatchdog(clock, config.state, hangLimit);
  undo.push(() => watchdog.stop());
  const died = watchdog.justHung ? 'hung' : process.env.SLUICE_DIED;
  const suspicion = suspect({ state: config.state, clock, died, tells: bus.name !== 'embedded' });
  undo.push(() => {
    commits.stop();
    out.stop();
  });
  const receiving = steady(clock);
  const context: Context = {
    origin,
    clock,
    receiving,
    store,
    bus,
    committer: commits,
    decoder: decoder(clock),
    believe: trust.believe,
    ledger: ledger({ store, bootid: origin.bootid, receiving }),
    outbox: out,
    announcer: announcements,
    watchdog,
    suspicion,
    replays: replays(store, clock.now),
    filters: placed.filter((one): one is Placed<AnyFilter> => one.node.sort === 'filter'),
    keeping: {},
    isolation: { clock, limitMs: hangLimit, report },
    report,
    authorOf,
    stopping: () => stopping,
  };

  // What hung the process before gets a thread of its own, where it can do that to nobody else.
  const contained = (one: Placed): Placed => {
    if (one.isolate || !watchdog.hung.has(one.name)) return one;
    one.health.failed('hung the process in the last hour');
    report('warn', `${one.name}: hung the process in the last hour; it runs in a thread of its own now`);
    return { ...one, isolate: 'worker' };
  };
  const consumers: Running[] = [];
  const monitors: Running[] = [];
  const inOrder = startOrder(placed.map((node) => ({ ...ends(node), placed: contained(node) })));
  const starting = Promise.all(
    inOrder.map(async ({ placed: one }) => {
      if (one.node.sort === 'filter') consumers.push(await runFilter(context, one as Placed<AnyFilter>));
      if (one.node.sort === 'sink') consumers.push(await runSink(context, one as Placed<AnySink>));
    }),
  );
  // A broker that is away must not keep monitors from watching: what they see waits in the spool. In process there is no
  // queue before its reader has made it, so nothing is sent until all have.
  const failed = starting.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const early = await Promise.race([failed, clock.sleep(bus.name === 'embedded' ? 60_000 : 3000).then(() => undefined)]);
  undo.push(() => Promise.all(consumers.map((consumer) => consumer.stop())));
  if (early !== undefined) throw early;
  context.ledger.sending();
  out.start();

  announcements.start();
  const control = await startControl(context, config.state);
  const isAgent = placed.some(({ node }) => node.sort === 'monitor');
  const version = installedVersion();
  const standing = startStanding(context, { version, linger: config.linger, written });
  const heartbeat = startHeartbeat(context, {
    every: config.heartbeat,
    about: isAgent ? [] : [wordOf(config.run)],
    labels: config.labels,
    version,
  });
  for (const { placed: one } of inOrder) {
    if (one.node.sort !== 'monitor') continue;
    monitors.push(runMonitor(context, one as Placed<AnyMonitor>));
  }
  const readers = placed.filter(({ node }) => node.sort === 'filter' || (node.sort === 'sink' && node.reads === 'every'));
  const cancels = [
    startLosing(context, readers, announceNodes),
    clock.every(freshenMs, () => announceNodes(placed)),
    clock.every(600_000, () => {
      store.forget(clock.now() - rememberMs, 2000);
      context.ledger.recount();
    }),
  ];

  let ended: Promise<void> | undefined;
  const end = async (reason: string): Promise<void> => {
    // Timers of the clock hold nothing open: without this, a process whose sockets are gone would end amid its own end.
    const hold = setInterval(() => {}, 60_000);
    for (const cancel of cancels) cancel();
    announcements.stop();
    // A monitor that does not heed its signal is left behind.
    await Promise.all([control.close(), ...monitors.map((monitor) => Promise.race([monitor.stop(), clock.sleep(drainMs)]))]);
    await heartbeat.goodbye(reason);
    await standing.stop();
    await out.drained(drainMs);
    stopping = true;
    await Promise.all(consumers.map((consumer) => Promise.race([consumer.stop(), clock.sleep(drainMs)])));
    trust.stop();
    commits.stop();
    await out.drained(drainMs / 2);
    await bus.close(drainMs / 2);
    out.stop();
    await watchdog.stop();
    suspicion.stop();
    await store.close();
    clearInterval(hold);
  };
  let finish: (code: number) => void = () => {};
  const finished = new Promise<number>((resolve) => {
    finish = resolve;
  });
  const running: Process = {
    nodes: placed,
    finished,
    stop(reason) {
      ended ??= end(reason).finally(() => finish(exitCode));
      return ended;
    },
  };
  void failed.then((thrown) => {
    if (thrown === undefined || stopping) return;
    report('error', messageOf(thrown));
    exitCode = 1;
    void running.stop('failed');
  });
  return running;
}

const ends = ({ node }: Placed): { name: string; in: readonly Kind[]; out: readonly Kind[] } => ({
  name: node.name,
  in: node.sort === 'monitor' ? [] : node.in.map(({ kind }: { kind: Kind }) => kind),
  out: node.sort === 'monitor' || node.sort === 'filter' ? node.out : [],
});

/** The way to the bus that a config names. */
export async function openBus(config: Config, clock: Clock, report: Context['report']): Promise<Bus> {
  if (config.bus === 'embedded') {
    const { embeddedBus } = await import('../bus/embedded.ts');
    return embeddedBus({ clock, report });
  }
  if (config.bus.length === 0) throw new ConfigError('config: bus: names no broker; give amqp://host/vhost, or embedded');
  const { rabbitBus } = await import('../bus/rabbitmq.ts');
  const credentials = identityOf(config);
  return rabbitBus({ urls: config.bus, clock, report, ...(credentials && { credentials }) });
}
