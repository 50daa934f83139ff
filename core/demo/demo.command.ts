/**
 * `sluice demo`: a simulated fleet and a hub, to be seen within a minute; or only the fleet, to put load on a broker.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Bus } from '../bus/bus.ts';
import { announcePage, endOnSignal } from '../cli/ending.ts';
import { count } from '../cli/options.ts';
import { paintFor, print, remark } from '../cli/screen.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { UsageError } from '../errors.ts';
import type { Process } from '../runtime/process.ts';
import type { Fleet } from './fleet.ts';
import type { Act } from './script.ts';

interface DemoFlags {
  readonly servers: number;
  readonly points: number;
  readonly seed: number;
  readonly bus?: string;
  readonly identity?: string;
  readonly port?: string;
  readonly state?: string;
  readonly hub: boolean;
  readonly heartbeat?: string;
  readonly silentAfter?: string;
  readonly linger?: string;
  readonly for?: string;
  readonly story: boolean;
  readonly outage: string[];
  readonly rackOutage: string[];
  readonly cut: string[];
  readonly skew: string[];
  readonly burst: string[];
  readonly churn?: number;
}

const several = (text: string, before: string[]): string[] => [...before, text];

export default function addDemo(program: Command): void {
  program
    .command('demo')
    .description('see a fleet within a minute: simulated servers, and a hub with its page')
    .option('--servers <number>', 'how many', count, 20)
    .option('--points <number>', 'metric points that each tells in a second', count, 100)
    .option('--seed <number>', 'the same seed, the same servers and the same day', count, 1)
    .option('--bus <addresses>', 'RabbitMQ, as in amqp://mq1/sluice; default: embedded')
    .option('--identity <file>', 'credentials for the broker, as identity: of a config')
    .option('--no-hub', 'only the fleet; needs --bus')
    .option('--port <port>', 'where the page listens on 127.0.0.1 (default: 7400)')
    .option('--state <folder>', 'where state is kept; default: nowhere, it goes with the demo')
    .option('--heartbeat <duration>', 'between the beats of a server (default: 5s)')
    .option('--silent-after <duration>', 'the least silence that the hub tells (default: 30s)')
    .option('--linger <duration>', 'how long metrics wait for company (default: as in a config, 1s over RabbitMQ)')
    .option('--for <duration>', 'ends by itself after this')
    .option('--no-story', 'nothing happens unless it is asked for')
    .option('--outage <who=duration@when>', 'no power, as in web-3=30s@10s; who may be web-*', several, [])
    .option('--rack-outage <rack=duration@when>', 'no power in a rack, as in r2=45s@10s', several, [])
    .option('--cut <who=duration@when>', 'no network, as in web-3=30s@10s', several, [])
    .option('--skew <who=time@when>', 'a wrong clock, as in web-4=+5m@10s', several, [])
    .option('--burst <who=times,duration@when>', 'much to tell, as in web-*=10x,20s@10s', several, [])
    .option('--churn <number>', 'servers that come and go, each minute', count)
    .addHelpText('after', '\nExample: sluice demo --servers 250 --points 100')
    .action(run);
}

async function run(flags: DemoFlags): Promise<void> {
  if (!flags.hub && flags.bus === undefined) throw new UsageError('--no-hub leaves nobody who listens; name a broker with --bus');
  const { systemClock: clock } = await import('../clock.ts');
  const { readDuration } = await import('./script.ts');
  const span = (flag: string, text: string | undefined, example: string): number | undefined =>
    text === undefined ? undefined : readDuration(flag, text, example);
  const lasts = span('for', flags.for, '2m');
  const heartbeat = span('heartbeat', flags.heartbeat, '5s');
  const linger = span('linger', flags.linger, '1s');
  span('silent-after', flags.silentAfter, '30s');
  const folder = flags.state ?? mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  const undo: (() => unknown)[] = [flags.state === undefined ? () => rmSync(folder, { recursive: true, force: true }) : () => {}];
  const end = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  const ended = new Promise<void>((resolve) => {
    endOnSignal(() => resolve(), clock.monotonic);
    if (lasts !== undefined) clock.after(lasts, resolve);
  });
  const hold = setInterval(() => {}, 60_000);
  undo.push(() => clearInterval(hold));
  try {
    const { hubConfig } = await import('./hub.ts');
    const config = hubConfig(only({ bus: flags.bus, port: flags.port }), join(folder, 'hub'), flags);
    const { openBus } = await import('../runtime/process.ts');
    const bus = await openBus(config, clock, (_level, text) => remark(`sluice: ${text}`));
    let hub: Process | undefined;
    if (flags.hub) hub = await startHub(config, clock, config.bus === 'embedded' ? bus : undefined);
    // In process the hub has the bus, and closes it as its own.
    undo.push(async () => {
      await hub?.stop('end of the demo');
      await bus.close(2000);
    });
    if (hub) announcePage(config.settings.live);
    const { startFleet } = await import('./fleet.ts');
    const { servers, points, seed } = flags;
    const state = join(folder, 'fleet');
    const fleet = startFleet({
      bus,
      state,
      servers,
      points,
      seed,
      clock,
      linger: linger ?? config.linger,
      ...(heartbeat !== undefined && { heartbeat }),
      report: (_level, text) => remark(`sluice: ${text}`),
    });
    undo.push(() => fleet.stop('end of the demo'));
    await print(`sluice: ${servers} simulated servers, ${points} points a second each; Ctrl-C ends it\n`);
    undo.push(await direct(fleet, flags, clock));
    await ended;
  } finally {
    await end();
  }
  process.exit(0);
}

/** Lets happen what was asked for, or the story, round after round. The result ends it. */
async function direct(fleet: Fleet, flags: DemoFlags, clock: Clock): Promise<() => void> {
  const { play } = await import('./script.ts');
  const { roundMs, story } = await import('./story.ts');
  const began = clock.monotonic();
  const paint = paintFor(process.stdout);
  const say = (text: string): void => {
    const seconds = Math.round((clock.monotonic() - began) / 1000);
    const at = `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
    void print(`${paint.dim(at)}  ${text}\n`);
  };
  const asked = await actsOf(fleet, flags, say);
  const isStory = flags.story && asked.length === 0;
  const plays = [play(asked, clock, say)];
  const tell = (round: number): void => {
    const acts = story(fleet, flags.seed, round, say).map((act) => ({ ...act, at: act.at - round * roundMs }));
    plays.push(play(acts, clock, say), play([{ at: roundMs, run: () => tell(round + 1) }], clock, say));
  };
  if (isStory) tell(0);
  return () => {
    for (const one of plays) one.stop();
  };
}

async function actsOf(fleet: Fleet, flags: DemoFlags, say: (text: string) => void): Promise<Act[]> {
  const script = await import('./script.ts');
  const { readWish, readDuration, hostsNamed, hostsInRack } = script;
  const acts: Act[] = [];
  for (const text of flags.outage) {
    const { who, what, at } = readWish('outage', text, 'web-3=30s@10s');
    acts.push(...script.outage(hostsNamed(fleet, 'outage', who), at, readDuration('outage', what, '30s')));
  }
  for (const text of flags.rackOutage) {
    const { who, what, at } = readWish('rack-outage', text, 'r2=45s@10s');
    const hosts = hostsInRack(fleet, who);
    if (hosts.length === 0) throw new UsageError(`--rack-outage: there is no rack ${who}; they are r1, r2 … with 8 servers each`);
    acts.push(...script.outage(hosts, at, readDuration('rack-outage', what, '45s'), `rack ${who} (${hosts.length} servers)`));
  }
  for (const text of flags.cut) {
    const { who, what, at } = readWish('cut', text, 'web-3=30s@10s');
    acts.push(...script.cut(hostsNamed(fleet, 'cut', who), at, readDuration('cut', what, '30s')));
  }
  for (const text of flags.skew) {
    const { who, what, at } = readWish('skew', text, 'web-4=+5m@10s');
    const ms = readDuration('skew', what.replace(/^[+-]/, ''), '+5m');
    acts.push(script.skew(hostsNamed(fleet, 'skew', who), at, what.startsWith('-') ? -ms : ms));
  }
  for (const text of flags.burst) {
    const { who, what, at } = readWish('burst', text, 'web-*=10x,20s@10s');
    const [, times, lasts] = /^(\d{1,3})x,(.+)$/.exec(what) ?? [];
    if (!times || !lasts) throw new UsageError(`--burst ${text}: is none; write it as web-*=10x,20s@10s`);
    acts.push(...script.burst(hostsNamed(fleet, 'burst', who), at, readDuration('burst', lasts, '20s'), Number(times)));
  }
  if (flags.churn !== undefined) {
    const every = 60_000 / flags.churn;
    // For as long as anyone looks at a demo.
    for (let at = every; at < 3_600_000; at += every) acts.push(...script.churn(fleet, at, 60_000, say));
  }
  return acts;
}

async function startHub(config: Config, clock: Clock, bus: Bus | undefined): Promise<Process> {
  const { runProcess } = await import('../runtime/process.ts');
  return runProcess(config, { clock, print: (_, text) => remark(text.replace(/^(sluice: )?/, 'sluice: ')), ...(bus && { bus }) });
}

/** Without what was not said. */
function only<Value extends object>(values: Value): { [Name in keyof Value]: Exclude<Value[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
