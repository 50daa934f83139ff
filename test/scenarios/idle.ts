/**
 * An idle machine, watched for a while: what an agent with the default monitors costs, on either bus, and whether anyone
 * raises an alert.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../../core/event.ts';
import { type Site, site, start, throughout, until } from './run.ts';

/** The budget of an agent (design, section 11). */
export const budget = { cpu: 10, rss: 90 };

export interface Cost {
  /** Milliseconds of processor time per second, of all threads. */
  readonly cpu: number;
  /** The most memory that it held, in MB (10^6 bytes). */
  readonly rss: number;
}

export interface Idle {
  readonly embedded: Cost;
  /** Where there is a broker. */
  readonly rabbitmq?: Cost;
  /** Everything that the hub and the embedded process had to say of alerts, but for those of filesystems. */
  readonly alerts: readonly Alert[];
}

type Alert = Pick<Event<'alert'>, 'data'>;

/** The kernel counts processor time in ticks of a hundredth of a second, on every Linux that there is. */
const tickMs = 10;
/** The start, when everything is loaded and compiled, is not what idling costs. */
const warmUpMs = 6000;

export async function watchIdle(ms: number, broker: string | undefined): Promise<Idle> {
  const agentOf = (config: Record<string, unknown>, host: string) => site({ config, words: ['--only', 'agent', '--host', host] });
  const place = `acme.idle.quiet${process.pid}`;
  const shared = { place, bus: broker };
  const [embedded, whole] = await Promise.all([agentOf({}, 'alone-1'), site({ config: { host: 'whole-1' } })]);
  const [hub, agent] = broker ? await Promise.all([site({ config: { ...shared, run: ['hub'] } }), agentOf(shared, 'web-1')]) : [];
  const tap = broker && start(['tap', 'alert', '--json', '--bus', broker, '--environment', place.split('.')[2] ?? '']);
  for (const one of [embedded, agent]) if (one) await until('the agent', () => existsSync(join(one.state, 'control.sock')), 30_000);
  for (const one of [whole, hub]) if (one) await until('the page', () => one.get('/healthz'), 30_000);
  await throughout(warmUpMs, () => {});

  const measured = { embedded: meter(embedded), ...(agent && { rabbitmq: meter(agent) }) };
  await throughout(ms, () => {
    for (const { look } of Object.values(measured)) look();
  });
  const costs = { embedded: measured.embedded.cost(), ...(measured.rabbitmq && { rabbitmq: measured.rabbitmq.cost() }) };
  const recent = await Promise.all([whole, hub].map((one) => one?.get<{ recent: Alert[] }>('/api/alerts')));
  const tapped = tap ? tap.out().split('\n').filter(Boolean) : [];
  const alerts = [...tapped.map((line) => JSON.parse(line) as Alert), ...recent.flatMap((answer) => answer?.recent ?? [])]
    // Tests beside this one fill small disks, and a full disk is no false alarm.
    .filter(({ data }) => !data.rule.startsWith('filesystem-'));
  for (const one of [embedded, agent, whole, hub]) await one?.stop();
  return { ...costs, alerts };
}

function meter({ pid }: Site): { look(): void; cost(): Cost } {
  const ticks = () => {
    // Fields 14 and 15, counted after the name in parentheses, which may hold spaces.
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ').slice(11, 13).map(Number) ?? [];
    return Number(user) + Number(system);
  };
  const [before, began] = [ticks(), performance.now()];
  let most = 0;
  return {
    look() {
      most = Math.max(most, Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024);
    },
    cost: () => ({ cpu: ((ticks() - before) * tickMs) / ((performance.now() - began) / 1000), rss: most / 1e6 }),
  };
}

/** A line for whoever reads the figures. */
export const describeCost = (name: string, { cpu, rss }: Cost): string =>
  `${name}: ${cpu.toFixed(1)} ms CPU per second (budget ${budget.cpu}), ${rss.toFixed(1)} MB RSS (budget ${budget.rss})`;
