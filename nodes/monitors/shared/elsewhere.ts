/**
 * What Linux says in files, asked of the library systeminformation on macOS and Windows, where it starts programs for
 * some of it. It is loaded at the first question, so a Linux agent never pays for it.
 *
 * One function per need; each gives the shape that the reader of Linux's file gives. What a system does not tell is NaN.
 */
import type { Systeminformation } from 'systeminformation';

const library = async () => (await import('systeminformation')).default;
const told = (value: number | null | undefined): number => value ?? Number.NaN;

/** In bytes. */
export interface Memory {
  readonly total: number;
  readonly free: number;
  readonly available: number;
  readonly buffers: number;
  readonly cached: number;
  readonly swapTotal: number;
  readonly swapFree: number;
}

export async function memoryElsewhere(): Promise<Memory> {
  const { total, free, available, buffers, cached, swaptotal, swapfree } = await (await library()).mem();
  return { total, free, available, buffers: told(buffers), cached: told(cached), swapTotal: swaptotal, swapFree: swapfree };
}

/** What passed one way since boot. */
export interface Transfer {
  readonly bytes: number;
  readonly operations: number;
  /** Seconds that the operations took, added up. */
  readonly seconds: number;
}

export interface Disk {
  /** Undefined: all disks together. */
  readonly device: string | undefined;
  readonly read: Transfer;
  readonly write: Transfer;
  /** Seconds in which anything was under way. */
  readonly busy: number;
}

/** All disks as one: these systems tell no more. */
export async function disksElsewhere(): Promise<Disk[]> {
  const system = await library();
  // Null on Windows, whatever the types say.
  const [operations, bytes] = (await Promise.all([system.disksIO(), system.fsStats()])) as [
    Systeminformation.DisksIoData | null,
    Systeminformation.FsStatsData | null,
  ];
  const transfer = (count: number | undefined, size: number | undefined): Transfer => ({
    bytes: told(size),
    operations: told(count),
    seconds: Number.NaN,
  });
  return [{ device: undefined, read: transfer(operations?.rIO, bytes?.rx), write: transfer(operations?.wIO, bytes?.wx), busy: Number.NaN }];
}

/** What an interface has passed one way since boot. */
export interface Flow {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

export interface Interface {
  readonly name: string;
  readonly receive: Flow;
  readonly transmit: Flow;
}

export async function interfacesElsewhere(): Promise<Interface[]> {
  const stats = await (await library()).networkStats('*');
  return stats.map((one) => ({
    name: one.iface,
    receive: { bytes: told(one.rx_bytes), packets: Number.NaN, errors: told(one.rx_errors), dropped: told(one.rx_dropped) },
    transmit: { bytes: told(one.tx_bytes), packets: Number.NaN, errors: told(one.tx_errors), dropped: told(one.tx_dropped) },
  }));
}

export interface Mount {
  readonly device: string;
  readonly mountpoint: string;
  readonly type: string;
  readonly mode: 'rw' | 'ro';
}

/** How full a filesystem is, in bytes and inodes. `free` is what ordinary users may still take. */
export interface Fill {
  readonly used: number;
  readonly free: number;
  readonly reserved: number;
  readonly inodesUsed: number;
  readonly inodesFree: number;
}

export async function filesystemsElsewhere(): Promise<(Mount & { fill: Fill })[]> {
  const sizes = await (await library()).fsSize();
  return sizes.map(({ fs, mount, type, rw, used, available }) => ({
    device: fs,
    mountpoint: mount,
    type,
    mode: rw === false ? 'ro' : 'rw',
    fill: { used: told(used), free: told(available), reserved: Number.NaN, inodesUsed: Number.NaN, inodesFree: Number.NaN },
  }));
}

export type ProcessState = 'running' | 'sleeping' | 'blocked' | 'stopped' | 'defunct';

export interface Process {
  readonly pid: number;
  readonly name: string;
  readonly state: ProcessState;
  /** The share of all processors that it took since the reading before; undefined at its first. */
  readonly share: number | undefined;
  /** Resident memory, in a unit that serves to rank. */
  readonly size: number;
  /** Resident memory in bytes; NaN once it has ended. */
  bytes(): number;
}

const states: Readonly<Record<string, ProcessState>> = { running: 'running', blocked: 'blocked', stopped: 'stopped', zombie: 'defunct' };

export async function processesElsewhere(): Promise<Process[]> {
  const { list } = await (await library()).processes();
  return list.map((one) => ({
    pid: one.pid,
    name: one.name,
    state: states[one.state] ?? 'sleeping',
    share: one.cpu / 100,
    size: one.memRss,
    bytes: () => one.memRss * 1024,
  }));
}
