/** What the doctor makes of what processes and readers say; what they say is tried in `test/contract/loss.test.ts`. */
import { expect, it } from 'vitest';
import { loadConfig } from '../config.ts';
import type { NodeState, ProcessState } from '../states.ts';
import { busReport, unheardOf } from './bus-report.ts';
import type { Remote } from './remote.ts';

const boot = (time: number) => `${time.toString(36)}-0123456789`;
const start = Date.UTC(2026, 0, 1);
const none = { events: 0, bytes: 0 };
const process = (more: Partial<ProcessState> = {}): ProcessState => ({
  host: 'web-1',
  process: boot(start),
  status: 'running',
  since: new Date(start).toISOString(),
  version: '0.1.0',
  bus: 'amqp://mq1/',
  connected: true,
  blocked: false,
  linger: 1000,
  sent: 100,
  confirmed: 100,
  dropped: 0,
  expired: 0,
  refused: 0,
  spooled: { durable: none, telemetry: none },
  unwanted: { events: 0, lost: 0 },
  written: { metric: 100, heartbeat: 20 },
  ...more,
});
const node = (more: Partial<NodeState> = {}): NodeState => ({
  name: 'rollup',
  use: 'rollup',
  sort: 'filter',
  doc: 'd',
  host: 'hub-1',
  process: 'p',
  status: 'running',
  since: new Date(start).toISOString(),
  in: [{ kind: 'metric', pattern: '#' }],
  out: [],
  events: { in: 90, out: 0, dead: 0, dropped: 0, holes: 0, repeats: 0 },
  errors: 0,
  queues: ['sluice.rollup.telemetry'],
  ...more,
});
const config = loadConfig({ env: {}, defaults: { state: '/nowhere/at/all', host: 'hub-1' }, flags: { port: '1' } });
const findings = async (processes: ProcessState[], nodes: NodeState[], queues: { name: string; waiting: number; readers: number }[]) => {
  const remote: Remote = {
    name: 'amqp://mq1/',
    states: async (of) => (of === 'process' ? processes : of === 'node' ? nodes : []) as never,
    tap: () => (async function* () {})(),
    emit: async () => '',
    queues: async (names) => queues.filter(({ name }) => names.includes(name)),
    close: async () => {},
  };
  return (await busReport(remote, config)).findings.map(({ level, what, text }) => `${level} ${what} ${text}`);
};

it('is content where nothing was lost and nothing is stuck', async () => {
  const queue = { name: 'sluice.rollup.telemetry', waiting: 3, readers: 1 };
  expect(await findings([process()], [node()], [queue])).toEqual(['ok bus nothing was lost, and nothing is stuck']);
});

it('names who dropped, who lost, what nobody reads and what a node left behind', async () => {
  const said = await findings(
    [
      process({ dropped: 12, connected: false }),
      process({ host: 'web-2', blocked: true, spooled: { durable: none, telemetry: { events: 7, bytes: 1 } } }),
    ],
    [node({ events: { in: 1, out: 0, dead: 0, dropped: 0, holes: 5, repeats: 0 } })],
    [
      { name: 'sluice.rollup.telemetry', waiting: 9, readers: 0 },
      { name: 'sluice.anomaly.telemetry', waiting: 1000, readers: 0 },
    ],
  );
  expect(said).toEqual([
    'warn process web-1 was cut off from the bus when it last spoke',
    'warn process web-1 dropped 12 events while its spool was full',
    'warn process web-2: the broker takes nothing, 7 events wait',
    'warn reader rollup on hub-1 has lost 5 events',
    'warn queue sluice.rollup.telemetry: nobody reads it, 9 wait',
    'warn queue sluice.anomaly.telemetry: left behind by a node that runs nowhere, 1000 wait',
    'warn reader no process on this machine says which streams have holes',
  ]);
});

it('finds the end of a stream that never came, of processes that the reader has heard from their beginning', () => {
  const heard = (since: number, events: number) => ({
    heard: [{ node: 'rollup', kind: 'metric', since: new Date(since).toISOString(), events: { [boot(start)]: events } }],
  });
  expect(unheardOf(heard(start - 1000, 93), [process({ status: 'stopped' })])).toEqual([
    { node: 'rollup', host: 'web-1', process: boot(start), kind: 'metric', written: 100, heard: 93 },
  ]);
  expect(unheardOf(heard(start - 1000, 100), [process()])).toEqual([]);
  // It may never have been meant to have the first.
  expect(unheardOf(heard(start + 1000, 93), [process()])).toEqual([]);
});
