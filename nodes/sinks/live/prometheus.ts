/**
 * sluice's own numbers for Prometheus: what each node handled, as the nodes' states say it, and what this page's server does.
 * The metrics that monitors measure are not among them; they are events.
 */

import { Counter, Gauge, Registry } from 'prom-client';
import { type Kind, kindNames, type ProcessState } from 'sluice';
import type { Memory } from './memory.ts';
import type { Present } from './present.ts';
import type { Viewers } from './viewers.ts';

/** Labels come from the world: a node's own count of them is bounded, so is this. */
const maxNodes = 2_000;

export interface Sources {
  readonly memory: Memory;
  readonly present: Present;
  readonly viewers: Viewers;
  /** Events taken so far, by kind. */
  readonly taken: ReadonlyMap<Kind, number>;
}

/** The text of `GET /metrics`, made when asked. */
export function createPrometheus({ memory, present, viewers, taken }: Sources): { text(): Promise<string>; readonly contentType: string } {
  const registry = new Registry();
  const registers = [registry];
  const nodes = () => present.all('node').slice(0, maxNodes);

  new Counter({
    name: 'sluice_node_events_total',
    help: 'Events that a node read (in), wrote (out), could not handle (dead) or lost (dropped).',
    labelNames: ['host', 'node', 'process', 'direction'],
    registers,
    collect() {
      this.reset();
      for (const { host, name: node, process, events } of nodes()) {
        for (const direction of ['in', 'out', 'dead', 'dropped'] as const)
          this.inc({ host, node, process, direction }, Math.max(0, events[direction]));
      }
    },
  });
  // A hole that is filled late is one less, so these are no counters.
  for (const [name, what, help] of [
    ['sluice_node_holes', 'holes', 'Events known lost on their way to a node, in the streams that it remembers.'],
    ['sluice_node_repeats', 'repeats', 'Events that came to a node again and were left out, in the streams that it remembers.'],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ['host', 'node', 'process'],
      registers,
      collect() {
        this.reset();
        for (const { host, name: node, process, sort, events } of nodes())
          if (sort !== 'monitor') this.set({ host, node, process }, events[what]);
      },
    });
  }
  new Counter({
    name: 'sluice_node_errors_total',
    help: 'Failures of a node.',
    labelNames: ['host', 'node', 'process'],
    registers,
    collect() {
      this.reset();
      for (const { host, name: node, process, errors } of nodes()) this.inc({ host, node, process }, Math.max(0, errors));
    },
  });
  new Gauge({
    name: 'sluice_node_running',
    help: '1 while a node runs, 0 while it starts, fails or is stopped.',
    labelNames: ['host', 'node', 'process'],
    registers,
    collect() {
      this.reset();
      for (const { host, name: node, process, status } of nodes()) this.set({ host, node, process }, status === 'running' ? 1 : 0);
    },
  });
  processMetrics(registers, () => present.all('process').slice(0, maxNodes));
  new Gauge({
    name: 'sluice_servers',
    help: 'Servers by status.',
    labelNames: ['status'],
    registers,
    collect() {
      for (const status of ['alive', 'silent', 'retired', 'blind']) this.set({ status }, 0);
      for (const { status } of present.all('server')) this.inc({ status });
    },
  });
  new Gauge({
    name: 'sluice_alerts_firing',
    help: 'Alerts that fire, without those that are held while their server is silent.',
    registers,
    collect() {
      this.set(present.alerts().firing.length);
    },
  });
  new Counter({
    name: 'sluice_live_events_total',
    help: 'Events that the live page took, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset();
      for (const kind of kindNames) this.inc({ kind }, taken.get(kind) ?? 0);
    },
  });
  new Counter({
    name: 'sluice_live_dropped_total',
    help: 'Events dropped for viewers that read too slowly.',
    registers,
    collect() {
      this.reset();
      this.inc(viewers.dropped);
    },
  });
  new Gauge({
    name: 'sluice_live_viewers',
    help: 'Open viewers.',
    registers,
    collect() {
      this.set(viewers.count);
    },
  });
  new Gauge({
    name: 'sluice_live_memory_bytes',
    help: 'Bytes of recent events in memory.',
    registers,
    collect() {
      this.set(memory.bytes + present.bytes);
    },
  });

  return { text: () => registry.metrics(), contentType: registry.contentType };
}

/** How each process stands with its bus. */
function processMetrics(registers: Registry[], processes: () => readonly ProcessState[]): void {
  new Counter({
    name: 'sluice_process_events_total',
    help: 'Events that a process gave to the bus (sent), that it confirmed, and that were given up (dropped, expired, refused).',
    labelNames: ['host', 'process', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const state of processes()) {
        const { host, process } = state;
        for (const outcome of ['sent', 'confirmed', 'dropped', 'expired', 'refused'] as const)
          this.inc({ host, process, outcome }, Math.max(0, state[outcome]));
      }
    },
  });
  for (const [name, what, help] of [
    ['sluice_process_spooled_events', 'events', 'Events that wait in the spool of a process.'],
    ['sluice_process_spooled_bytes', 'bytes', 'Bytes of events that wait in the spool of a process.'],
  ] as const) {
    new Gauge({
      name,
      help,
      labelNames: ['host', 'process', 'lane'],
      registers,
      collect() {
        this.reset();
        for (const { host, process, spooled } of processes())
          for (const lane of ['durable', 'telemetry'] as const) this.set({ host, process, lane }, spooled[lane][what]);
      },
    });
  }
  new Gauge({
    name: 'sluice_process_connected',
    help: '1 while the bus takes what a process sends, 0 while it is away or blocked.',
    labelNames: ['host', 'process'],
    registers,
    collect() {
      this.reset();
      for (const { host, process, status, connected, blocked } of processes())
        this.set({ host, process }, status === 'running' && connected && !blocked ? 1 : 0);
    },
  });
}
