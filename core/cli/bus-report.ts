/**
 * What became of events on their way, over the whole bus: what each process gave and could not give, what each reader lost, and
 * what waits in queues. Each process says the first by itself; which streams have holes, the process on this machine is asked.
 *
 * Limits: AMQP tells of a queue what waits and who reads, not what is unacknowledged; and it lists no queues, so that one
 * whose node is gone is found only where the node is one of ours.
 */
import type { QueueDepth } from '../bus/bus.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import { bootTime } from '../runtime/ledger.ts';
import { scan } from '../runtime/load.ts';
import { type LedgerState, type Loss, ledgerState, type NodeState, type ProcessState } from '../states.ts';
import { askControl } from './control-client.ts';
import type { Finding } from './doctor.ts';
import { pageOf } from './reach.ts';
import type { Remote } from './remote.ts';

/** A reader's part of one process's events of one kind that it has not had, holes aside. */
export interface Unheard {
  readonly node: string;
  readonly host: string;
  readonly process: string;
  readonly kind: string;
  readonly written: number;
  readonly heard: number;
}

export interface Queue extends QueueDepth {
  /** The nodes that say that they read it; none, and it is one that a node left behind. */
  readonly nodes: readonly string[];
}

export interface BusReport {
  readonly bus: string;
  readonly processes: readonly (ProcessState & { readonly holes: number; readonly repeats: number })[];
  readonly readers: readonly NodeState[];
  /** The streams with holes, as the process on this machine knows them. */
  readonly lost: readonly Loss[];
  readonly unheard: readonly Unheard[];
  readonly queues: readonly Queue[];
  readonly findings: readonly Finding[];
}

export async function busReport(remote: Remote, config: Config, clock: Clock = systemClock): Promise<BusReport> {
  const [processes, nodes] = [await remote.states('process'), await remote.states('node')];
  let ledger = await localLedger(config);
  // What is on its way arrives meanwhile; what does not is behind, or lost.
  for (let looks = 0; looks < mostLooks && ledger && unheardOf(ledger, processes).length > 0; looks++) {
    await clock.sleep(lookMs);
    ledger = await localLedger(config);
  }
  const readers = nodes.filter(({ sort, in: topics }) => sort !== 'monitor' && topics.length > 0);
  const queues = await queuesOf(remote, nodes);
  const unheard = ledger ? unheardOf(ledger, processes) : [];
  const report = {
    bus: remote.name,
    processes: processes.map((one) => {
      const own = readers.filter(({ process }) => process === one.process);
      return { ...one, holes: sum(own, ({ events }) => events.holes), repeats: sum(own, ({ events }) => events.repeats) };
    }),
    readers,
    lost: (ledger?.lost ?? []).filter(({ lost }) => lost > 0),
    unheard,
    queues,
  };
  return { ...report, findings: findingsOf(report, ledger) };
}

/** Longer than what may share a message waits for company, and a broker needs. */
const mostLooks = 5;
const lookMs = 2000;

const sum = <Item>(items: readonly Item[], value: (item: Item) => number): number => items.reduce((all, item) => all + value(item), 0);

/** What the process on this machine knows: asked over its socket, or where another user runs it, over its page's port. */
async function localLedger(config: Config): Promise<LedgerState | undefined> {
  const asked = await askControl(config.state, { ledger: {} }).catch(() =>
    fetch(`${pageOf(config.settings.live)}/api/ledger`, { signal: AbortSignal.timeout(10_000) })
      .then((answer): Promise<unknown> => answer.json())
      .catch(() => undefined),
  );
  const checked = ledgerState.safeParse(asked);
  return checked.success ? checked.data : undefined;
}

/** What was written and neither came nor left a hole: it is on its way, or the end of its stream was lost. */
export function unheardOf({ heard }: Pick<LedgerState, 'heard'>, processes: readonly ProcessState[]): Unheard[] {
  return processes.flatMap(({ host, process, written }) =>
    heard.flatMap(({ node, kind, since, events }) => {
      const began = bootTime(process);
      const [all = 0, came = 0] = [written[kind], events[process]];
      return began === undefined || began <= Date.parse(since) || came >= all
        ? []
        : [{ node, host, process, kind, written: all, heard: came }];
    }),
  );
}

const classes = ['durable', 'telemetry', 'heartbeat'] as const;

async function queuesOf(remote: Remote, nodes: readonly NodeState[]): Promise<Queue[]> {
  const readBy = new Map<string, string[]>();
  for (const { name, host, queues } of nodes)
    for (const queue of queues ?? []) readBy.set(queue, [...(readBy.get(queue) ?? []), `${name} on ${host}`]);
  const ours = scan()
    .filter(({ sort }) => sort === 'filter' || sort === 'sink')
    .flatMap(({ name }) => classes.map((travels) => `sluice.${name}.${travels}`));
  const found = await remote.queues([...new Set([...readBy.keys(), ...ours])]);
  return found.map((depth) => ({ ...depth, nodes: readBy.get(depth.name) ?? [] }));
}

function findingsOf(report: Omit<BusReport, 'findings'>, ledger: LedgerState | undefined): Finding[] {
  const found: Finding[] = [];
  const warn = (what: string, text: string, advice: string) => found.push({ what, level: 'warn', text, advice });
  for (const { host, connected, blocked, status, dropped, refused, unwanted, spooled } of report.processes) {
    const waiting = spooled.durable.events + spooled.telemetry.events;
    if (status === 'running' && blocked)
      warn('process', `${host}: the broker takes nothing, ${waiting} events wait`, 'give the broker memory or disk: rabbitmqctl status');
    else if (status === 'running' && !connected)
      warn('process', `${host} was cut off from the bus when it last spoke`, 'see its own output for why');
    if (dropped > 0)
      warn(
        'process',
        `${host} dropped ${dropped} events while its spool was full`,
        'keep the broker up, or read telemetry more rarely there',
      );
    if (refused > 0) warn('process', `${host}: ${refused} events could not be sent at all`, 'see its own output for which');
    if (unwanted.events + unwanted.lost > 0)
      warn(
        'process',
        `${host}: nobody reads ${unwanted.events + unwanted.lost} events that must not be lost`,
        'run a hub, with a store or what else wants them',
      );
  }
  for (const { name, host, process, events } of report.readers) {
    if (events.holes === 0) continue;
    const known = process === ledger?.process;
    const where = known ? 'the streams are named above' : `its streams are named by "sluice doctor --bus" on ${host}`;
    warn('reader', `${name} on ${host} has lost ${events.holes} events`, `its queue or a writer's spool was full; ${where}`);
  }
  for (const { node, host, kind, written, heard } of report.unheard)
    warn(
      'reader',
      `${node} has not had the last ${written - heard} of ${written} ${kind} events of ${host}`,
      'they wait in a queue or a spool, or were lost: look again once those are empty',
    );
  for (const { name, waiting, readers, nodes } of report.queues) {
    if (readers > 0) continue;
    if (nodes.length > 0) warn('queue', `${name}: nobody reads it, ${waiting} wait`, `see why ${nodes.join(', ')} does not`);
    else
      warn(
        'queue',
        `${name}: left behind by a node that runs nowhere, ${waiting} wait`,
        `if it is gone for good: rabbitmqctl delete_queue ${name}`,
      );
  }
  if (ledger === undefined && report.readers.some(({ events }) => events.holes > 0))
    warn('reader', 'no process on this machine says which streams have holes', 'ask on the host of the reader, or name its --state');
  if (report.processes.length === 0) warn('process', 'no process has spoken yet', 'each does within half a minute of its start');
  if (found.length === 0) found.push({ what: 'bus', level: 'ok', text: 'nothing was lost, and nothing is stuck' });
  return found;
}

/** @returns what can be said where nothing can be asked. */
export const unreachable = (thrown: unknown): Finding => {
  const [text = '', advice] = messageOf(thrown)
    .replace(/^sluice: (bus: )?/, '')
    .split('; ');
  return { what: 'bus', level: 'fail', text, ...(advice !== undefined && { advice }) };
};
