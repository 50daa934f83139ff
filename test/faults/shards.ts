/**
 * A filter that several hubs share, each a real `sluice run`, and a feed of numbers from many servers that goes through it by a real
 * broker. What comes out is written down event by event, so that a run amid kills can be compared with one that nobody disturbed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../../core/bus/bus.ts';
import { rabbitBus } from '../../core/bus/rabbitmq.ts';
import { systemClock } from '../../core/clock.ts';
import { decodeAll, type Event } from '../../core/event.ts';
import { author } from '../../core/runtime/author.ts';
import { entriesOf, messageFor } from '../../core/runtime/lane.ts';
import type { NodeState } from '../../core/states.ts';
import type { Broker } from '../fixtures/rabbitmq.ts';

const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const ledger = fileURLToPath(new URL('../fixtures/kill/ledger.ts', import.meta.url));
const tally = fileURLToPath(new URL('../fixtures/shards/tally.ts', import.meta.url));

export const partitions = 8;
const place = { company: 'acme', system: 'shop', environment: 'prod' };

export interface Shared {
  /** Starts a hub, or one again by its name. */
  start(name: string): void;
  signal(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when these hubs, and no others, have all the partitions. */
  shared(...names: string[]): Promise<void>;
  /** The partitions that a hub says it has. */
  held(name: string): readonly number[];
  /** Feeds until so many events are out; once half of them are through, it is disturbed. */
  feed(total: number, disturb?: () => Promise<void>): Promise<void>;
  /** Resolves when everything that was fed has come through, or nothing has for a while. */
  finish(): Promise<void>;
  /** What came: by its id, what it says. */
  readonly came: ReadonlyMap<string, string>;
  /** The same event again, as is allowed; and the same id with other words, which is not. */
  readonly counts: { fed: number; repeats: number; contradictions: number; dead: number };
  /** What the hubs' sink wrote, over all of their files: how many different events, and how many lines more than that. */
  written(): { events: number; twice: number };
  said(): string;
  end(): Promise<void>;
}

/**
 * @param host a virtual host of its own on the broker
 * @param most how much may be on its way at once: the hubs are disturbed amid the stream, not after it
 */
export async function share(broker: Broker, host: string, most: number): Promise<Shared> {
  await broker.control('await_startup');
  await broker.control('add_vhost', host);
  await broker.control('set_permissions', '-p', host, 'guest', '.*', '.*', '.*');
  const url = `${broker.url}/${host}`;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-shards-'));
  const bus: Bus = rabbitBus({ urls: [url], clock: systemClock, report: () => {} });
  const came = new Map<string, string>();
  const counts = { fed: 0, repeats: 0, contradictions: 0, dead: 0 };
  const others: string[] = [];
  const holding = new Map<string, readonly number[]>();
  let latest = performance.now();

  const read = (kind: 'incident' | 'state' | 'dead', taken: (event: Event) => void) =>
    bus.subscribe(
      { topics: [{ kind, pattern: '#' }], queue: kind === 'state' ? 'viewer' : { name: `collector.${kind}` }, prefetch: 2000 },
      {
        deliver({ message, ack }) {
          for (const event of decodeAll(message.body, message.batch, { kind, at: systemClock.now() })) {
            if ('refused' in event) throw event.refused;
            taken(event);
          }
          ack();
        },
        pipe() {},
      },
    );
  await read('incident', (event) => {
    // Processes have things to say of their own.
    if (event.kind !== 'incident' || event.data.what !== 'counted') {
      others.push(JSON.stringify(event));
      return;
    }
    latest = performance.now();
    const says = JSON.stringify([event.key, event.data.fields, event.causationid]);
    const before = came.get(event.id);
    if (before === undefined) came.set(event.id, says);
    else if (before === says) counts.repeats += 1;
    else counts.contradictions += 1;
  });
  await read('dead', () => {
    counts.dead += 1;
  });
  await read('state', (event) => {
    if (event.kind !== 'state' || event.data.of !== 'node') return;
    const { name, host: hub, partitions: parts } = event.data.value as NodeState;
    if (name === 'tally') holding.set(hub, parts?.held ?? []);
  });

  // Forty servers, three things on each, numbers in order.
  const bootid = 'feed-1';
  const authors = Array.from({ length: 40 }, (_, server) => author({ place, host: `web-${server}`, bootid }, 'feed'));
  let number = 0;
  let order = 0;
  const batch = (): Promise<void> => {
    const server = number % authors.length;
    const events = Array.from({ length: 5 }, (_, index) => {
      const value = number + index;
      const draft = { kind: 'metric' as const, key: ['feed', `lane${index % 3}`], data: { points: [{ name: 'number', value }] } };
      return authors[server]?.original(draft, systemClock.now()) as Event;
    });
    number += 5 * authors.length + 1;
    counts.fed += events.length;
    const entries = entriesOf(events, false, () => ++order);
    const [first] = entries;
    return first ? bus.publish(messageFor(first, entries, systemClock.now(), false)) : Promise.resolve();
  };

  let said = '';
  const hubs = new Map<string, { child: ChildProcess; ended: Promise<void> }>();
  const until = async (what: string, is: () => boolean, ms = 120_000): Promise<void> => {
    for (const end = performance.now() + ms; !is(); await pause(50))
      if (performance.now() > end)
        throw new Error(`waited in vain for ${what}; holding ${JSON.stringify([...holding])}; ${said.slice(-2000)}`);
  };
  const all = (names: readonly string[]) => names.flatMap((name) => holding.get(name) ?? []).sort((a, b) => a - b);

  const written = () => {
    const lines = [...hubs.keys()].flatMap((name) => {
      const file = join(folder, `${name}.written`);
      return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    });
    const ids = new Set(lines.map((line) => String(JSON.parse(line)[0])));
    return { events: ids.size, twice: lines.length - ids.size };
  };

  return {
    came,
    counts,
    held: (name) => holding.get(name) ?? [],
    said: () => [...others, said].join('\n'),
    start(name) {
      const config = join(folder, `${name}.json`);
      holding.delete(name);
      writeFileSync(
        config,
        JSON.stringify({
          place: 'acme.shop.prod',
          host: name,
          bus: [url],
          run: ['tally', 'ledger'],
          nodes: [
            { use: tally, partitions, read: { resource: 'feed' } },
            { use: ledger, partitions, read: { resource: 'feed' }, file: join(folder, `${name}.written`) },
          ],
        }),
      );
      const child = spawn(process.execPath, [main, 'run', config, '--state', join(folder, `${name}-state`)], {
        env: { ...process.env, SLUICE_KEPT: '1', SLUICE_PORT: '0' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child.stderr?.on('data', (text: Buffer) => {
        said = `${said}${name}: ${text}`.slice(-20_000);
      });
      hubs.set(name, { child, ended: new Promise((resolve) => child.once('exit', () => resolve())) });
    },
    async signal(name, signal) {
      const hub = hubs.get(name);
      hub?.child.kill(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await hub?.ended;
    },
    shared: (...names) =>
      until(`${names.join(' and ')} to share ${partitions}`, () => {
        const have = all(names);
        const fair = Math.ceil(partitions / names.length);
        return (
          have.length === partitions && new Set(have).size === partitions && names.every((name) => (holding.get(name)?.length ?? 0) <= fair)
        );
      }),
    async feed(total, disturb) {
      const half = (counts.fed + total) / 2;
      const disturbed = disturb && until('half of it', () => came.size >= half).then(disturb);
      const underway = new Set<Promise<void>>();
      for (; counts.fed < total; ) {
        await until('the hubs to follow', () => counts.fed - came.size < most && underway.size < 100);
        const one = batch().finally(() => underway.delete(one));
        underway.add(one);
      }
      await Promise.all([...underway, disturbed]);
    },
    async finish() {
      latest = performance.now();
      const whole = () => came.size >= counts.fed && written().events >= counts.fed;
      await until('the rest', () => whole() || performance.now() - latest > 60_000, 600_000);
    },
    written,
    async end() {
      for (const { child } of hubs.values()) child.kill('SIGKILL');
      await bus.close(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
