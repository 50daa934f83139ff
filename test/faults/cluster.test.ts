/**
 * A cluster of three: its leader is killed, and a cable is pulled so silently that nobody is told. Publishing goes on, nothing is
 * lost by its number, both sides are whole afterwards, and nobody is called dead who was only out of sight of the watcher.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { type Cluster, canSeparate, type Member, type Side, startCluster } from '../fixtures/cluster.ts';
import { findProgram } from '../fixtures/rabbitmq.ts';
import { built } from '../scenarios/built.ts';

const short = process.env.SLUICE_SHORT === '1';
const installed = findProgram('rabbitmq-server') !== undefined;
const separable = canSeparate();
if (process.env.CI && !installed) throw new Error('CI without RabbitMQ: install rabbitmq-server');
if (process.env.CI && !separable) throw new Error('CI that may not make network namespaces: run it as root, with iproute2');
const title = installed
  ? 'a cluster of three'
  : 'a cluster of three: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';
const partition = separable
  ? 'a cable that is pulled in silence'
  : 'a cable that is pulled: skipped, since it needs network namespaces; to run these: run as root, with iproute2';

/** Seconds between AMQP heartbeats, as core/bus/link.ts asks for them. */
const heartbeat = 5;
/** Seconds between a server's beats, after which it is silent, and for how long the cable is out. */
const [beat, limit, apartFor] = short ? [4, 12, 25] : [5, 30, 75];
const main = fileURLToPath(new URL('../../dist/core/cli/main.js', import.meta.url));
const peerFile = fileURLToPath(new URL('../fixtures/peer.ts', import.meta.url));

describe.skipIf(!installed)(title, { timeout: 600_000 }, () => {
  let cluster: Cluster;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cluster-test-'));
  const running: Running[] = [];

  beforeAll(async () => {
    await built();
    cluster = (await startCluster({ separate: separable, tick: 15 })) as Cluster;
  }, 300_000);
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop('SIGKILL')));
    await cluster?.remove();
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  interface Running {
    lines(): Line[];
    said(): string;
    stop(signal?: NodeJS.Signals): Promise<void>;
  }
  interface Line {
    readonly at: number;
    readonly connected?: boolean;
    readonly confirmed?: string;
    readonly said?: string;
    readonly kind?: string;
    readonly reading?: true;
  }
  function start(side: Side, words: readonly string[]): Running {
    const [program = '', ...rest] = [...cluster.at(side), process.execPath, ...words];
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SLUICE_KEPT: '1' } });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    let from = 0;
    const parsed: Line[] = [];
    const one: Running = {
      lines() {
        const end = out.lastIndexOf('\n') + 1;
        for (const line of out.slice(from, end).split('\n')) if (line !== '') parsed.push(JSON.parse(line));
        from = end;
        return parsed;
      },
      said: () => err + out.slice(-2000),
      async stop(signal = 'SIGTERM') {
        child.kill(signal);
        await ended;
      },
    };
    running.push(one);
    return one;
  }
  const peer = (side: Side, role: string, name: string, urls = cluster.members.map(({ url }) => url)) =>
    start(side, ['--import', 'tsx', peerFile, role, name, urls.join(',')]);
  const confirmed = (one: Running) => one.lines().flatMap(({ confirmed: id, at }) => (id === undefined ? [] : [{ id, at }]));
  const read = (one: Running) =>
    new Set(one.lines().flatMap(({ said, kind }) => (said !== undefined && (kind === 'outcome' || kind === 'metric') ? [said] : [])));
  const until = async (what: string, holds: () => boolean | Promise<boolean>, seconds = 120): Promise<void> => {
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await pause(50)) if (await holds()) return;
    throw new Error(`${what}: not within ${seconds} s\n${running.map((one) => one.said().slice(-600)).join('\n\n')}`);
  };
  const reading = async (one: Running) => until('the reader', () => one.lines().some((line) => line.reading === true));
  /** Ends the writers, waits for what they have yet to confirm, and for the reader to have all of it. @returns how many. */
  async function settle(reader: Running, writers: readonly Running[]): Promise<number> {
    await Promise.all(writers.map((writer) => writer.stop()));
    const ids = writers.flatMap((writer) => confirmed(writer).map(({ id }) => id));
    await until('all that was confirmed at the reader', () => {
      const seen = read(reader);
      return ids.every((id) => seen.has(id));
    }).catch((thrown) => {
      const seen = read(reader);
      const missing = ids.filter((id) => !seen.has(id));
      throw new Error(`${missing.length} of ${ids.length} lost, as ${missing.slice(0, 5).join(', ')}`, { cause: thrown });
    });
    return ids.length;
  }
  /** The longest time, in seconds, in which nothing of the kind was confirmed, between the two moments. */
  function longestGap(writer: Running, kind: string, from: number, to: number): number {
    const times = confirmed(writer).flatMap(({ id, at }) => (id.startsWith(kind) && at > from && at < to ? [at] : []));
    return Math.max(...[...times, to].map((at, index) => at - (times[index - 1] ?? from))) / 1000;
  }
  const leaderOf = async (asked: Member, queue: string): Promise<Member> => {
    const lines = (await cluster.control(asked, 'list_queues', 'name', 'leader')).split('\n').map((line) => line.split('\t'));
    const name = lines.find(([one]) => one === queue)?.[1];
    const leader = cluster.members.find((member) => member.name === name);
    if (!leader) throw new Error(`${queue} has no leader: ${JSON.stringify(lines)}`);
    return leader;
  };

  it('goes on publishing within 5 s after the leader of its queue was killed, and loses nothing', async () => {
    const reader = peer('left', 'reader', 'kill');
    await reading(reader);
    // Each begins at any of the brokers: some at the one that is killed.
    const writers = [1, 2, 3, 4].map((index) => peer('left', 'writer', `web-${index}`));
    for (let round = 1; round <= (short ? 1 : 3); round++) {
      const before = new Map(writers.map((writer) => [writer, confirmed(writer).length]));
      for (const writer of writers) await until('the writer', () => confirmed(writer).length > (before.get(writer) ?? 0) + 500);
      const leader = await leaderOf(cluster.members[0], 'sluice.kill.outcome');
      const at = systemClock.now();
      await leader.kill();
      const watched = at + 8000;
      for (const writer of writers)
        for (const kind of ['outcome', 'metric'])
          await until(`${kind} goes on`, () => confirmed(writer).some((one) => one.at > watched && one.id.startsWith(kind)));
      const gaps = writers.flatMap((writer) => ['outcome', 'metric'].map((kind) => longestGap(writer, kind, at, watched)));
      console.log(
        `leader ${round} killed: longest pause in confirms ${gaps.map((gap) => gap.toFixed(1)).join(', ')} s (outcome, metric of each writer; limit 5)`,
      );
      expect(Math.max(...gaps)).toBeLessThan(5);
      await leader.start();
      // It listens before it can be asked.
      await until('three members', () =>
        cluster.control(leader, 'await_online_nodes', '3', '--timeout', '60').then(
          () => true,
          () => false,
        ),
      );
    }
    const count = await settle(reader, writers);
    console.log(`0 of ${count} lost over killed leaders (outcomes and metrics)`);
    expect(count).toBeGreaterThan(1000);
    await reader.stop();
  });

  it.skipIf(!separable)(partition, async () => {
    const [first, second, third] = cluster.members;
    const urls = [first, second, third].map(({ url }) => url);
    /** A real process of sluice. */
    const sluice = (side: Side, host: string, run: string[]) => {
      const config = join(folder, `${host}.yaml`);
      // Guest means nothing past loopback, unless somebody says so.
      writeFileSync(
        config,
        JSON.stringify({
          ...{ place: 'acme.shop.prod', host, bus: urls, run, trust: { users: { guest: '*' } }, state: join(folder, host) },
          heartbeat: `${beat}s`,
          ...(run.includes('roster') && { nodes: [{ use: 'roster', atLeast: `${limit}s` }] }),
        }),
      );
      return start(side, [main, 'run', config]);
    };
    const reader = peer('left', 'reader', 'cut');
    await reading(reader);
    const servers = [
      sluice('left', 'hub-left', ['roster']),
      sluice('right', 'hub-right', ['roster']),
      sluice('left', 'web-left', ['uptime']),
      sluice('right', 'web-right', ['uptime']),
    ];
    const writers = { left: peer('left', 'writer', 'w-left'), right: peer('right', 'writer', 'w-right') };
    // These know the far broker only: one that writes, one that only listens.
    const far = { writer: peer('left', 'writer', 'w-far', [third.url]), idle: peer('left', 'idle', 'far', [third.url]) };
    for (const writer of [writers.left, writers.right, far.writer]) await until('the writer', () => confirmed(writer).length > 200);
    await reading(far.idle);
    for (const server of servers) await until('a server', () => server.said().includes(' runs '));
    // A roster beats as one once it hears its own server.
    const beats = (about: string) =>
      reader.lines().some(({ said, kind }) => kind === 'heartbeat' && said?.includes(`"acme.shop.prod.${about}"`));
    for (const about of ['hub-left.roster', 'hub-right.roster', 'web-left', 'web-right'])
      await until(`a beat of ${about}`, () => beats(about));

    const apart = systemClock.now();
    cluster.cut(true);
    const noticed = (one: Running) => one.lines().find(({ connected, at }) => connected === false && at > apart)?.at;
    for (const one of Object.values(far)) await until('the silence is noticed', () => noticed(one) !== undefined, 60);
    const after = Object.entries(far).map(([what, one]) => `${what} ${(((noticed(one) ?? 0) - apart) / 1000).toFixed(1)} s`);
    console.log(`a silent partition was noticed after: ${after.join(', ')} (limit ${3 * heartbeat})`);
    // A second for a machine that is busy: amqplib looks every 5 s, and gives up at the third.
    for (const one of Object.values(far)) expect((noticed(one) ?? 0) - apart).toBeLessThan(3 * heartbeat * 1000 + 1000);
    // The smaller side stops by itself, the larger goes on.
    await until(
      'the smaller side to pause',
      async () => (await cluster.control(third, 'list_queues', 'name').catch(() => 'paused')) === 'paused',
      60,
    );
    await until('long enough apart', () => systemClock.now() - apart > apartFor * 1000);
    const healed = systemClock.now();
    const meanwhile = confirmed(writers.left).filter(({ at }) => at > apart + 20_000 && at < healed).length;
    console.log(
      `the larger side: ${meanwhile} confirmed while apart, longest pause ${longestGap(writers.left, 'outcome', apart, healed).toFixed(1)} s`,
    );
    expect(meanwhile).toBeGreaterThan(100);

    cluster.cut(false);
    await until('three members', async () => {
      const seen = await Promise.all(
        cluster.members.map((member) => cluster.control(member, 'cluster_status', '--formatter', 'json').catch(() => '{}')),
      );
      return seen.every((text) => (JSON.parse(text) as { running_nodes?: string[]; partitions?: object }).running_nodes?.length === 3);
    });
    console.log(`whole ${((systemClock.now() - healed) / 1000).toFixed(1)} s after the cable was back`);
    for (const writer of [writers.right, far.writer, writers.left])
      await until('the writer', () => confirmed(writer).some(({ at }) => at > healed));
    const told = () =>
      reader.lines().flatMap(({ said, kind, at }) => {
        if (kind !== 'alert' || said === undefined) return [];
        const { subject, source, data, time } = JSON.parse(said) as {
          subject: string;
          source: string;
          data: { rule: string; status: string };
          time: string;
        };
        return [
          {
            decided: ((Date.parse(time) - apart) / 1000).toFixed(1),
            about: subject,
            by: source.split('/')[4],
            rule: data.rule,
            status: data.status,
            at: ((at - apart) / 1000).toFixed(1),
          },
        ];
      });
    const open = () => {
      const last = new Map(told().map((alert) => [`${alert.about} ${alert.rule}`, alert.status]));
      return [...last.values()].filter((status) => status === 'firing').length;
    };
    // Each server has its whole limit anew once its roster hears again: by then a wrong word would have come.
    await until('the rosters to have had their limit', () => systemClock.now() - healed > (limit + beat) * 1000);
    await until('every alert to be over', () => open() === 0);
    const count = await settle(reader, [writers.left, writers.right, far.writer]);
    console.log(`0 of ${count} lost over the partition (outcomes and metrics)`);
    for (const { at, decided, by, about, rule, status } of told())
      console.log(`${decided} s, heard at ${at} s: ${by} of ${about}: ${rule} ${status}`);
    // Cut off from the larger side, the smaller one is out of its sight, and it says so. Nobody is wrongly called silent: not by a
    // roster that lost its broker, and not while the brokers settle who leads.
    const firing = told().filter(({ status }) => status === 'firing');
    expect(firing.filter(({ about, by }) => about.includes('left') || by === 'hub-right')).toEqual([]);
    // A roster that was deaf itself for a while has its whole limit to go: the short form may end before that.
    if (!short) expect(firing.filter(({ about }) => about.includes('right')).length).toBeGreaterThan(0);
    await Promise.all([...servers, far.idle, reader].map((one) => one.stop()));
  });
});
