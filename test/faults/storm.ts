/**
 * An agent that says numbers, a hub that writes down what it gets, and a broker between them, each a process of its own.
 * Broker and agent are killed at random moments, again and again, while the numbers flow; then the two ledgers are compared.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Broker } from '../fixtures/rabbitmq.ts';
import { seeded } from './kill.ts';

const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const fixture = (path: string) => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

/** What the two ledgers say of one kind. */
export interface Told {
  readonly accepted: number;
  readonly lost: number;
  readonly twice: number;
}

export interface Fleet {
  readonly folder: string;
  /** The process that runs now. */
  agent(): ChildProcess;
  killAgent(): Promise<void>;
  /** How many lines the hub has written down. */
  arrived(): number;
  /** How much the generator says it got rid of, in numbers. */
  accepted(): number;
  /** Has the generator end, and waits until the hub has all of it, or nothing has come for a while. */
  finish(): Promise<void>;
  told(kind: 'alert' | 'metric'): Told;
  /** The latest alert that the hub has written down. */
  latest(): number;
  /** How often the filter that counts metrics counted one twice, or not at all: 0 when each had its effect once. */
  miscounted(): number;
  /** What agent and hub said, so far. */
  said(): string;
  end(): Promise<void>;
}

export interface FleetOptions {
  readonly broker: Broker;
  readonly least: number;
  readonly step?: number;
  readonly pause?: number;
  readonly keys?: number;
}

/** How long the hub may get nothing before what is missing counts as lost, in milliseconds. */
const mute = 60_000;

export async function startFleet({ broker, least, ...feed }: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-storm-'));
  const at = (name: string) => join(folder, name);
  const write = (name: string, config: object) =>
    writeFileSync(at(name), JSON.stringify({ place: 'acme.shop.prod', host: name, bus: [broker.url], ...config }));
  write('agent', {
    run: ['feed'],
    nodes: [{ use: fixture('storm/feed.ts'), least, ...feed, ledger: at('generated'), stop: at('stop') }],
  });
  write('hub', {
    run: ['tally', 'count', 'ledger'],
    nodes: [
      { use: fixture('storm/tally.ts'), file: at('arrived') },
      { use: fixture('kill/count.ts') },
      { use: fixture('kill/ledger.ts'), file: at('counted') },
    ],
  });
  let said = '';
  const ended = new Map<ChildProcess, Promise<void>>();
  const start = (name: string): ChildProcess => {
    const child = spawn(process.execPath, [main, 'run', at(name), '--state', at(`${name}-state`)], {
      env: { ...process.env, SLUICE_KEPT: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', (text: Buffer) => {
      said = (said + text).slice(-100_000);
    });
    ended.set(child, new Promise((resolve) => child.once('exit', () => resolve())));
    return child;
  };
  const kill = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended.get(child);
    ended.delete(child);
  };
  const lines = (name: string): string[] => (existsSync(at(name)) ? readFileSync(at(name), 'utf8').split('\n').slice(0, -1) : []);
  const size = (name: string): number => (existsSync(at(name)) ? statSync(at(name)).size : 0);
  const hub = start('hub');
  // Its queues are there before the first event, and old enough to survive (docs/decisions/0003).
  for (let left = 600; left > 0; left--) {
    const queues = await broker.control('list_queues', 'name').catch(() => '');
    if (['tally.durable', 'tally.telemetry', 'count.telemetry', 'ledger.telemetry'].every((name) => queues.includes(`sluice.${name}`)))
      break;
    if (hub.exitCode !== null) throw new Error(`the hub ended: ${said}`);
    await pause(100);
  }
  await pause(2500);
  let agent = start('agent');

  const told = (kind: string): Told => {
    const generated = lines('generated').map((line) => Number(line.replace('done ', '')));
    const accepted = generated.reduce((most, each) => Math.max(most, each), 0);
    const times = new Map<number, number>();
    for (const line of lines('arrived')) {
      const [which, number] = line.split(' ');
      if (which === kind) times.set(Number(number), (times.get(Number(number)) ?? 0) + 1);
    }
    let [lost, twice] = [0, 0];
    for (let number = 1; number <= accepted; number++) {
      const count = times.get(number) ?? 0;
      if (count === 0) lost += 1;
      if (count > 1) twice += 1;
    }
    return { accepted, lost, twice };
  };
  return {
    folder,
    agent: () => agent,
    async killAgent() {
      await kill(agent, 'SIGKILL');
      agent = start('agent');
    },
    arrived: () => size('arrived'),
    accepted: () => Number(lines('generated').at(-1)?.replace('done ', '') ?? 0),
    async finish() {
      writeFileSync(at('stop'), '');
      let [before, since] = [-1, performance.now()];
      for (;;) {
        await pause(500);
        const now = size('arrived');
        if (now !== before) [before, since] = [now, performance.now()];
        const done = lines('generated').some((line) => line.startsWith('done'));
        if (done && told('alert').lost === 0 && told('metric').lost === 0) {
          // What is there twice may still come.
          await pause(2000);
          return;
        }
        if (performance.now() - since > mute) return;
      }
    },
    told,
    latest: () =>
      lines('arrived').reduce((most, line) => (line.startsWith('alert ') ? Math.max(most, Number(line.split(' ')[1])) : most), 0),
    miscounted() {
      const { accepted } = told('metric');
      const counted = new Map<string, number[]>();
      for (const line of new Set(lines('counted'))) {
        const [, key, { count }] = JSON.parse(line);
        counted.set(key, [...(counted.get(key) ?? []), count]);
      }
      let wrong = 0;
      for (let lane = 0; lane < 7; lane++) {
        const total = Math.floor(accepted / 7) + (lane > 0 && accepted % 7 >= lane ? 1 : 0);
        const found = counted.get(`acme.shop.prod.agent.storm.lane${lane}`) ?? [];
        const expected = Math.floor(total / 10);
        // Each multiple of ten is said once: more were counted twice, fewer never.
        wrong += Math.abs(Math.max(0, ...found) / 10 - expected) + (found.length - new Set(found).size);
      }
      return wrong;
    },
    said: () => said,
    async end() {
      await Promise.all([kill(agent, 'SIGTERM'), kill(hub, 'SIGTERM')]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Storm {
  readonly alert: Told;
  readonly metric: Told;
  readonly miscounted: number;
  readonly brokerKills: number;
  readonly agentKills: number;
  readonly seconds: number;
  readonly said: string;
}

export async function storm(
  broker: Broker,
  { kills, least, seed, ...feed }: { kills: number; least: number; seed: number; pause?: number },
): Promise<Storm> {
  const random = seeded(seed);
  const began = performance.now();
  const fleet = await startFleet({ broker, least, ...feed });
  try {
    const flows = async (): Promise<void> => {
      const before = fleet.arrived();
      for (let left = 1200; left > 0 && fleet.arrived() === before; left--) await pause(100);
      if (fleet.arrived() === before) throw new Error(`nothing arrives any more: ${fleet.said().slice(-2000)}`);
    };
    await flows();
    let brokerKills = 0;
    let agentKills = 0;
    const killBroker = async (): Promise<void> => {
      while (brokerKills < kills) {
        await flows();
        await pause(random() * 2000);
        await broker.kill();
        brokerKills += 1;
        await pause(random() * 1000);
        await broker.start();
      }
    };
    const killAgent = async (): Promise<void> => {
      while (agentKills < kills) {
        // From amid its start to well into its work, with the broker there or away.
        await pause(500 + random() * 6000);
        await fleet.killAgent();
        agentKills += 1;
      }
    };
    await Promise.all([killBroker(), killAgent()]);
    while (fleet.accepted() < least) await pause(500);
    await fleet.finish();
    return {
      alert: fleet.told('alert'),
      metric: fleet.told('metric'),
      miscounted: fleet.miscounted(),
      brokerKills,
      agentKills,
      seconds: (performance.now() - began) / 1000,
      said: fleet.said(),
    };
  } finally {
    await fleet.end();
  }
}
