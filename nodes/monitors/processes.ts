/**
 * Counts processes by state, and names the few that take the most processor time and memory.
 *
 * /proc/<pid>/stat → `system.process.count` by `process.state`, `system.process.created`, and of the top few
 * `process.cpu.utilization` (0..1 of all processors, over the time since the sample before) and `process.memory.usage`
 * (By, resident), each by `process.pid` and `process.executable.name`.
 *
 * `blocked` waits for a disk or a file server and cannot even be killed. A process that began and ended between two
 * samples is seen in `created` alone. Where /proc is mounted with hidepid, only the agent's own user's are seen.
 */
import { defineMonitor, z } from 'sluice';
import { type Process, type ProcessState, processesElsewhere } from './shared/elsewhere.ts';
import { metric, type PointInput } from './shared/metric.ts';
import { processReader } from './shared/pids.ts';
import { checkRoot, isLinux, procRoot, readProc } from './shared/proc.ts';

const states: readonly ProcessState[] = ['running', 'sleeping', 'blocked', 'stopped', 'defunct'];

export default defineMonitor({
  name: 'processes',
  doc: 'Counts processes by state, and names those that take the most processor time and memory.',
  config: z.strictObject({ root: procRoot, top: z.int().min(0).max(100).default(5) }),
  out: ['metric'],
  // A few microseconds for each process there is.
  every: 10_000,
  create({ root, top }) {
    const read = isLinux ? processReader('processes', root) : processesElsewhere;
    return {
      async start() {
        checkRoot('processes', root);
        // So that the first sample, ten seconds away at the most, has something to compare with.
        await read();
      },
      async sample() {
        const processes = await read();
        const created = isLinux ? Number(/^processes (\d+)/m.exec(readProc('processes', root, 'stat') ?? '')?.[1]) : Number.NaN;
        const chosen = new Set([...largest(processes, top, ({ share }) => share ?? 0), ...largest(processes, top, ({ size }) => size)]);
        return metric(
          ['processes'],
          [
            ...countsOf(processes),
            { name: 'system.process.created', value: created, type: 'counter', unit: '{process}' },
            ...[...chosen].flatMap(pointsOf),
          ],
        );
      },
    };
  },
});

function countsOf(processes: readonly Process[]): PointInput[] {
  if (processes.length === 0) return [];
  const counts = new Map(states.map((state) => [state, 0]));
  for (const { state } of processes) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({
    name: 'system.process.count',
    value,
    type: 'updown',
    unit: '{process}',
    attributes: { 'process.state': state },
  }));
}

function pointsOf(one: Process): PointInput[] {
  const attributes = { 'process.pid': one.pid, 'process.executable.name': one.name };
  return [
    { name: 'process.cpu.utilization', value: one.share ?? Number.NaN, unit: '1', attributes },
    { name: 'process.memory.usage', value: one.bytes(), type: 'updown', unit: 'By', attributes },
  ];
}

/** The few with the most, most first; those with none are no candidates. */
function largest(processes: readonly Process[], count: number, amount: (one: Process) => number): Process[] {
  return processes
    .filter((one) => amount(one) > 0)
    .sort((one, other) => amount(other) - amount(one))
    .slice(0, count);
}
